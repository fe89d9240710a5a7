import { expect } from 'chai';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import QueryStream from 'pg-query-stream';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { checkDriver } from './checks.ts';
import type { DriverChecks } from './checks.ts';
import { startFixture } from './fixture.ts';
import type { DriverFixture } from './fixture.ts';

async function connect(fixture: DriverFixture, options: pg.ClientConfig = {}): Promise<pg.Client> {
  const { host, port, user, password, database } = fixture;
  const client = new pg.Client({ host, port, user, password, database, connectionTimeoutMillis: 10_000, ...options });
  client.on('error', () => undefined); // a killed connection is told here too; the query's own promise is what we watch
  await client.connect();
  return client;
}

async function using(
  fixture: DriverFixture,
  use: (client: pg.Client) => Promise<void>,
  options: pg.ClientConfig = {},
): Promise<void> {
  const client = await connect(fixture, options);
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

async function sqlstate(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof pg.DatabaseError) return error.code ?? 'no code';
    throw error;
  }
  return 'no error';
}

async function usable(client: pg.Client): Promise<void> {
  const { rows } = await client.query('select count(*)::int as n from people');
  expect(rows).to.eql([{ n: 2 }]);
}

const CHECKS: DriverChecks = {
  'TLS with a verified certificate, and none without': async (fixture) => {
    await using(fixture, usable, { ssl: { ca: fixture.ca, servername: 'localhost' } });
    const refused = await connect(fixture, { ssl: true }).catch((error: unknown) => (error as Error).message);
    expect(refused).to.match(/certificate|self-signed/);
  },
  'numbers, dates and NULL there and back': (fixture) =>
    using(fixture, async (client) => {
      const at = new Date('2024-02-29T12:34:56.789Z');
      const text =
        'insert into items (name, price, day, at, ok, raw) values ($1, $2, $3, $4, $5, $6) returning *, day::text as d';
      const { rows } = await client.query<Record<string, unknown>>(text, [
        'typed',
        '12345678.1234',
        '2024-02-29',
        at,
        true,
        null,
      ]);
      expect(rows[0]).to.include({ name: 'typed', price: '12345678.1234', d: '2024-02-29', ok: true, raw: null });
      expect(rows[0]?.at).to.eql(at);
    }),
  arrays: (fixture) =>
    using(fixture, async (client) => {
      const tags = ['a', 'with "quotes", commas', 'ü', null];
      const text = 'insert into items (name, tags, counts) values ($1, $2, $3) returning tags, counts';
      const { rows } = await client.query(text, ['arrays', tags, [1, null, -3]]);
      expect(rows).to.eql([{ tags, counts: [1, null, -3] }]);
      const found = await client.query('select name from items where name = any($1::text[])', [['arrays', 'none']]);
      expect(found.rows).to.eql([{ name: 'arrays' }]);
    }),
  'json and jsonb': (fixture) =>
    using(fixture, async (client) => {
      const value = { a: [1, 'zwei', null], nested: { deep: true } };
      const text = 'insert into items (name, doc, plain) values ($1, $2, $3) returning doc, plain';
      const { rows } = await client.query(text, ['json', value, value]);
      expect(rows).to.eql([{ doc: value, plain: value }]);
      const path = await client.query("select doc -> 'a' ->> 1 as x from items where doc @> $1", [
        { nested: { deep: true } },
      ]);
      expect(path.rows).to.eql([{ x: 'zwei' }]);
    }),
  bytea: (fixture) =>
    using(fixture, async (client) => {
      const raw = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
      const { rows } = await client.query("insert into items (name, raw) values ('raw', $1) returning raw", [raw]);
      expect((rows[0] as { raw: Buffer }).raw.equals(raw)).to.equal(true);
    }),
  'a prepared statement, used again': (fixture) =>
    using(fixture, async (client) => {
      for (const id of [1, 2, 1]) {
        const { rows } = await client.query({
          name: 'by-id',
          text: 'select id from people where id = $1',
          values: [id],
        });
        expect(rows).to.eql([{ id }]);
      }
    }),
  'a batch or pipeline': (fixture) =>
    using(
      fixture,
      async (client) => {
        const all = Array.from({ length: 50 }, (_, n) =>
          client.query('select $1::int as n, name from people where id = 1', [n]),
        );
        const results = await Promise.all(all);
        expect(results.map(({ rows }) => (rows[0] as { n: number }).n)).to.eql(Array.from({ length: 50 }, (_, n) => n));
      },
      { pipeline: true },
    ),
  'an error in a batch leaves the session usable': (fixture) =>
    using(
      fixture,
      async (client) => {
        const outcomes = ['select 1', 'select 1/0', 'select word from secrets', 'select 2'].map((text) =>
          sqlstate(client.query(text, [])),
        );
        expect(await Promise.all(outcomes)).to.eql(['no error', '22012', '42501', 'no error']);
        await usable(client);
      },
      { pipeline: true },
    ),
  'COPY in and out': (fixture) =>
    using(fixture, async (client) => {
      await client.query('truncate bulk');
      const lines = Array.from({ length: 5_000 }, (_, n) => `${String(n)}\tpayload ${String(n)}\n`);
      await pipeline(Readable.from(lines), client.query(copyFrom('copy bulk (id, payload) from stdin')));
      let text = '';
      for await (const chunk of client.query(copyTo('copy (select id, payload from bulk order by id) to stdout')))
        text += String(chunk);
      expect(text).to.equal(lines.join(''));
      expect(
        await sqlstate(pipeline(Readable.from(['1\tx\n']), client.query(copyFrom('copy secrets from stdin')))),
      ).to.equal('42501');
      await usable(client);
    }),
  'a large result in portions': (fixture) =>
    using(fixture, async (client) => {
      const text = "select n, repeat('x', 500) as x from generate_series(1, 20000) n";
      let sum = 0;
      for await (const row of client.query(new QueryStream(text, [], { batchSize: 500 })))
        sum += (row as { n: number }).n;
      expect(sum).to.equal((20_000 * 20_001) / 2);
      await usable(client);
    }),
  'cancel, then usable': (fixture) =>
    using(fixture, async (client) => {
      const query = new pg.Query('select pg_sleep(30)');
      const failed = new Promise<Error>((resolve, reject) => {
        query.on('error', resolve);
        query.on('end', () => {
          reject(new Error('not cancelled'));
        });
      });
      client.query(query);
      setTimeout(() => {
        const { host, port } = fixture;
        const canceller = new pg.Client({ host, port });
        (canceller as unknown as { cancel: (client: pg.Client, query: pg.Query) => void }).cancel(client, query);
      }, 200);
      expect(await failed).to.have.property('code', '57014');
      await usable(client);
    }),
  'an error inside a transaction, then rollback': (fixture) =>
    using(fixture, async (client) => {
      await client.query('begin');
      await client.query("insert into bulk values (-1, 'gone')");
      expect(await sqlstate(client.query("insert into bulk values (-1, 'twice')"))).to.equal('23505');
      expect(await sqlstate(client.query('select 1'))).to.equal('25P02');
      await client.query('rollback');
      expect((await client.query('select id from bulk where id = -1')).rows).to.eql([]);
    }),
  savepoints: (fixture) =>
    using(fixture, async (client) => {
      await client.query('begin');
      await client.query("insert into bulk values (-2, 'stays')");
      await client.query('savepoint before');
      expect(await sqlstate(client.query('select 1/0'))).to.equal('22012');
      await client.query('rollback to before');
      expect((await client.query('select id from bulk where id = -2')).rowCount).to.equal(1);
      await client.query('rollback');
    }),
  'a commit is seen by another connection': (fixture) =>
    using(fixture, async (client) => {
      await client.query('delete from bulk where id = -3');
      await client.query('begin');
      await client.query("insert into bulk values (-3, 'seen')");
      await using(fixture, async (other) => {
        expect((await other.query('select id from bulk where id = -3')).rowCount).to.equal(0);
        await client.query('commit');
        expect((await other.query('select id from bulk where id = -3')).rowCount).to.equal(1);
      });
    }),
  'a refused table is 42501, then usable': (fixture) =>
    using(fixture, async (client) => {
      expect(await sqlstate(client.query('select * from secrets'))).to.equal('42501');
      expect(await sqlstate(client.query('select word from secrets where id = $1', [1]))).to.equal('42501');
      await usable(client);
    }),
  'a refused column is 42501, then usable': (fixture) =>
    using(fixture, async (client) => {
      expect(await sqlstate(client.query('select ssn from people'))).to.equal('42501');
      expect(await sqlstate(client.query('select * from people'))).to.equal('42501');
      await usable(client);
    }),
  'a refusal inside a transaction fails it until rollback': (fixture) =>
    using(fixture, async (client) => {
      await client.query('begin');
      expect(await sqlstate(client.query('select word from secrets'))).to.equal('42501');
      expect(await sqlstate(client.query('select 1'))).to.equal('25P02');
      await client.query('rollback');
      await usable(client);
    }),
  notifications: (fixture) =>
    using(
      fixture,
      async (client) => {
        await client.query('listen news');
        const heard = once(client, 'notification') as Promise<[pg.Notification]>;
        await client.query("select pg_notify('news', 'hello')");
        expect((await heard)[0]).to.include({ channel: 'news', payload: 'hello' });
      },
      { user: 'boss' },
    ),
  'reconnects after its connection was killed': async (fixture) => {
    const { host, port, user, password, database } = fixture;
    const pool = new pg.Pool({ host, port, user, password, database, max: 2 });
    pool.on('error', () => undefined);
    await pool.query('select 1');
    await fixture.killLinks();
    const deadline = Date.now() + 5_000;
    let rows: unknown[] = [];
    while (rows.length === 0 && Date.now() < deadline) {
      const result = await pool.query('select id from people where id = 1').catch(() => ({ rows: [] }));
      rows = result.rows;
    }
    expect(rows).to.eql([{ id: 1 }]);
    await pool.end();
  },
  'a wrong password is 28P01': async (fixture) => {
    expect(await sqlstate(connect(fixture, { password: 'wrong' }))).to.equal('28P01');
    expect(await sqlstate(connect(fixture, { user: 'nobody' }))).to.equal('28P01');
  },
  'ten connections at once': async (fixture) => {
    await Promise.all(Array.from({ length: 10 }, () => using(fixture, usable)));
  },
};

for (const major of [15, 18] as const) {
  describe(`pg, PostgreSQL ${String(major)}`, function () {
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
