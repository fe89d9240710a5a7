import { expect } from 'chai';
import postgres from 'postgres';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkDriver } from './checks.ts';
import type { DriverChecks } from './checks.ts';
import { startFixture } from './fixture.ts';
import type { DriverFixture } from './fixture.ts';

type Options = postgres.Options<Record<string, never>>;

/** With its defaults: it asks for array types at connect, prepares all statements and pipelines them. */
async function using(
  fixture: DriverFixture,
  use: (sql: postgres.Sql) => Promise<void>,
  options: Options = {},
): Promise<void> {
  const { host, port, user, password, database } = fixture;
  const sql = postgres({ host, port, user, password, database, max: 1, onnotice: () => undefined, ...options });
  try {
    await use(sql);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function sqlstate(promise: PromiseLike<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof postgres.PostgresError) return error.code;
    throw error;
  }
  return 'no error';
}

async function usable(sql: postgres.Sql): Promise<void> {
  expect([...(await sql`select count(*)::int as n from people`)]).to.eql([{ n: 2 }]);
}

const CHECKS: DriverChecks = {
  'TLS with a verified certificate, and none without': async (fixture) => {
    await using(fixture, usable, { ssl: { ca: fixture.ca, servername: 'localhost' } });
    const attempt = using(fixture, usable, { ssl: 'verify-full', connect_timeout: 5 });
    const refused = await attempt.then(
      () => 'connected',
      (error: unknown) => (error as Error).message,
    );
    expect(refused).to.match(/certificate|self-signed/);
  },
  'numbers, dates and NULL there and back': (fixture) =>
    using(fixture, async (sql) => {
      const at = new Date('2024-02-29T12:34:56.789Z');
      const item = { name: 'typed', price: '12345678.1234', day: '2024-02-29', at, ok: true, raw: null };
      const [row] = await sql`insert into items ${sql(item)} returning *, day::text as d`;
      expect(row).to.include({ name: 'typed', price: '12345678.1234', d: '2024-02-29', ok: true, raw: null });
      expect(row?.at).to.eql(at);
    }),
  arrays: (fixture) =>
    using(fixture, async (sql) => {
      const tags = ['a', 'with "quotes", commas', 'ü'];
      const [row] =
        await sql`insert into items (name, tags, counts) values ('arrays', ${tags}, ${[1, -3]}) returning tags, counts`;
      expect(row).to.eql({ tags, counts: [1, -3] });
      expect([...(await sql`select id from people where id in ${sql([1, 2])} order by id`)]).to.eql([
        { id: 1 },
        { id: 2 },
      ]);
    }),
  'json and jsonb': (fixture) =>
    using(fixture, async (sql) => {
      const value = { a: [1, 'zwei', null], nested: { deep: true } };
      const [row] =
        await sql`insert into items (name, doc, plain) values ('json', ${sql.json(value)}, ${sql.json(value)}) returning doc, plain`;
      expect(row).to.eql({ doc: value, plain: value });
    }),
  bytea: (fixture) =>
    using(fixture, async (sql) => {
      const raw = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
      const [row] = await sql<{ raw: Buffer }[]>`insert into items (name, raw) values ('raw', ${raw}) returning raw`;
      expect(row?.raw.equals(raw)).to.equal(true);
    }),
  'a prepared statement, used again': (fixture) =>
    using(fixture, async (sql) => {
      for (const id of [1, 2, 1]) expect([...(await sql`select id from people where id = ${id}`)]).to.eql([{ id }]);
    }),
  'a batch or pipeline': (fixture) =>
    using(fixture, async (sql) => {
      const results = await Promise.all(
        Array.from(
          { length: 50 },
          (_, n) => sql<{ n: number }[]>`select ${n}::int as n, name from people where id = 1`,
        ),
      );
      expect(results.map(([row]) => row?.n)).to.eql(Array.from({ length: 50 }, (_, n) => n));
    }),
  'an error in a batch leaves the session usable': (fixture) =>
    using(fixture, async (sql) => {
      const outcomes = [sql`select 1`, sql`select 1/0`, sql`select word from secrets`, sql`select 2`].map(sqlstate);
      expect(await Promise.all(outcomes)).to.eql(['no error', '22012', '42501', 'no error']);
      await usable(sql);
    }),
  'COPY in and out': (fixture) =>
    using(fixture, async (sql) => {
      await sql`truncate bulk`;
      const lines = Array.from({ length: 5_000 }, (_, n) => `${String(n)}\tpayload ${String(n)}\n`);
      await pipeline(Readable.from(lines), await sql`copy bulk (id, payload) from stdin`.writable());
      let text = '';
      for await (const chunk of await sql`copy (select id, payload from bulk order by id) to stdout`.readable())
        text += String(chunk);
      expect(text).to.equal(lines.join(''));
      await usable(sql);
    }),
  'a large result in portions': (fixture) =>
    using(fixture, async (sql) => {
      let sum = 0;
      for await (const rows of sql<
        { n: number }[]
      >`select n, repeat('x', 500) as x from generate_series(1, 20000) n`.cursor(500)) {
        for (const { n } of rows) sum += n;
      }
      expect(sum).to.equal((20_000 * 20_001) / 2);
      await usable(sql);
    }),
  'cancel, then usable': (fixture) =>
    using(fixture, async (sql) => {
      const query = sql`select pg_sleep(30)`;
      const outcome = sqlstate(query.execute());
      await sleep(300);
      query.cancel();
      expect(await outcome).to.equal('57014');
      await usable(sql);
    }),
  'an error inside a transaction, then rollback': (fixture) =>
    using(fixture, async (sql) => {
      const transaction = sql.begin(async (tx) => {
        await tx`insert into bulk values (-1, 'gone')`;
        await tx`insert into bulk values (-1, 'twice')`;
      });
      expect(await sqlstate(transaction)).to.equal('23505');
      expect([...(await sql`select id from bulk where id = -1`)]).to.eql([]);
    }),
  savepoints: (fixture) =>
    using(fixture, async (sql) => {
      await sql.begin(async (tx) => {
        await tx`insert into bulk values (-2, 'stays')`;
        expect(await sqlstate(tx.savepoint((point) => point`select 1/0`))).to.equal('22012');
        expect((await tx`select id from bulk where id = -2`).count).to.equal(1);
        await tx`delete from bulk where id = -2`;
      });
    }),
  'a commit is seen by another connection': (fixture) =>
    using(fixture, async (sql) => {
      await sql`delete from bulk where id = -3`;
      await sql.begin(async (tx) => {
        await tx`insert into bulk values (-3, 'seen')`;
        await using(fixture, async (other) => {
          expect((await other`select id from bulk where id = -3`).count).to.equal(0);
        });
      });
      await using(fixture, async (other) => {
        expect((await other`select id from bulk where id = -3`).count).to.equal(1);
      });
    }),
  'a refused table is 42501, then usable': (fixture) =>
    using(fixture, async (sql) => {
      expect(await sqlstate(sql`select * from secrets`)).to.equal('42501');
      expect(await sqlstate(sql`select word from secrets where id = ${1}`)).to.equal('42501');
      expect(await sqlstate(sql.unsafe('select word from secrets'))).to.equal('42501');
      await usable(sql);
    }),
  'a refused column is 42501, then usable': (fixture) =>
    using(fixture, async (sql) => {
      expect(await sqlstate(sql`select ssn from people`)).to.equal('42501');
      expect(await sqlstate(sql`select * from people`)).to.equal('42501');
      await usable(sql);
    }),
  'a refusal inside a transaction fails it until rollback': (fixture) =>
    using(fixture, async (sql) => {
      const transaction = sql.begin(async (tx) => {
        expect(await sqlstate(tx`select word from secrets`)).to.equal('42501');
        await tx`select 1`;
      });
      expect(await sqlstate(transaction)).to.be.oneOf(['25P02', '42501']);
      await usable(sql);
    }),
  notifications: (fixture) =>
    using(
      fixture,
      async (sql) => {
        let hear: (payload: string) => void = () => undefined;
        const heard = new Promise<string>((resolve) => (hear = resolve));
        const listening = await sql.listen('news', (payload) => {
          hear(payload);
        });
        await sql.notify('news', 'hello');
        expect(await heard).to.equal('hello');
        await listening.unlisten();
      },
      { user: 'boss' },
    ),
  'reconnects after its connection was killed': (fixture) =>
    using(fixture, async (sql) => {
      await usable(sql);
      await fixture.killLinks();
      await sleep(100);
      await usable(sql);
    }),
  'a wrong password is 28P01': async (fixture) => {
    expect(await sqlstate(using(fixture, usable, { password: 'wrong' }))).to.equal('28P01');
  },
  'ten connections at once': (fixture) =>
    using(
      fixture,
      async (sql) => {
        await Promise.all(Array.from({ length: 10 }, () => usable(sql)));
      },
      { max: 10 },
    ),
};

for (const major of [15, 18] as const) {
  describe(`postgres (npm), PostgreSQL ${String(major)}`, function () {
    this.timeout(30_000);
    let fixture: DriverFixture;
    before(async function () {
      fixture = await startFixture(this, major);
    });
    after(async () => {
      await (fixture as DriverFixture | undefined)?.stop();
    });
    checkDriver(CHECKS, () => fixture);
  });
}
