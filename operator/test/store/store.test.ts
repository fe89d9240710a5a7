import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import pg from 'pg';
import { createHistory, type HistoryEvents } from '#operator/store/history';
import { migrate } from '#operator/store/migrate';
import { MIGRATIONS } from '#operator/store/migrations';
import {
  createRevisionStore,
  StaleTermError,
  type RevisionRecord,
  type RevisionStore,
} from '#operator/store/revisions';
import { requirePostgres, type PostgresServer } from '#test/harness/postgres-server';

const record = (revision: number, scope = 'shop/app', term = 5): RevisionRecord => ({
  scope,
  revision,
  term,
  who: 'tester',
  why: 'a test',
  at: 1_764_000_000_123,
  digest: 'ab'.repeat(32),
  document: { format: 1, scope, backends: [] },
});

describe('the store', () => {
  let server: PostgresServer;
  let admin: pg.Pool;
  let databases = 0;
  const ends: (() => Promise<void>)[] = [];

  before(async function () {
    server = await requirePostgres(this, { major: 18 });
    admin = new pg.Pool({ connectionString: urlOf('postgres') });
    admin.on('error', () => undefined);
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  after(async () => {
    await (admin as pg.Pool | undefined)?.end();
    await (server as PostgresServer | undefined)?.stop();
  });

  const urlOf = (database: string): string =>
    `postgres://postgres:${server.password}@127.0.0.1:${String(server.port)}/${database}`;

  async function database(): Promise<{ url: string; pool: pg.Pool }> {
    const name = `store${String(++databases)}`;
    await admin.query(`create database ${name}`);
    const pool = new pg.Pool({ connectionString: urlOf(name) });
    pool.on('error', () => undefined);
    ends.push(() => pool.end());
    return { url: urlOf(name), pool };
  }

  function open(url: string): RevisionStore {
    const store = createRevisionStore(url, () => undefined);
    ends.unshift(() => store.close());
    return store;
  }

  describe('migrations', () => {
    it('are numbered from 1 without gaps', () => {
      expect(MIGRATIONS.map(({ number }) => number)).to.deep.equal(MIGRATIONS.map((_, index) => index + 1));
    });

    it('are applied once, however many replicas start at once', async () => {
      const { pool } = await database();
      const applied = await Promise.all([migrate(pool), migrate(pool), migrate(pool)]);
      expect(applied.flat()).to.deep.equal(MIGRATIONS.map(({ number }) => number));
      expect(await migrate(pool)).to.deep.equal([]);
    });

    it('that fail leave nothing of themselves, and nothing of those before undone', async () => {
      const { pool } = await database();
      const broken = {
        number: 2,
        name: 'broken',
        sql: 'create table articdbm.half (x int); select no_such_function()',
      };
      let failure: unknown;
      await migrate(pool, [...MIGRATIONS, broken]).catch((error: unknown) => (failure = error));
      expect(failure).to.be.instanceOf(Error);
      const { rows } = await pool.query(`select to_regclass('articdbm.half') as half,
        (select array_agg(number) from articdbm.migrations) as numbers`);
      expect(rows).to.deep.equal([{ half: null, numbers: [1] }]);
    });

    it('of a later release are left alone', async () => {
      const { pool } = await database();
      await migrate(pool, [...MIGRATIONS, { number: 99, name: 'later', sql: 'select 1' }]);
      expect(await migrate(pool)).to.deep.equal([]);
    });
  });

  describe('revisions', () => {
    it('are written once, with who, why and when', async () => {
      const { url, pool } = await database();
      const store = open(url);
      await store.record([record(1)], 5);
      await store.record([record(1)], 5);
      await store.record([record(2)], 5);
      const { rows } = await pool.query('select * from articdbm.revisions order by revision');
      expect(rows).to.have.length(2);
      expect(rows[0]).to.deep.include({ scope: 'shop/app', revision: '1', term: '5', who: 'tester', why: 'a test' });
      expect((rows[0] as { at: Date }).at.getTime()).to.equal(1_764_000_000_123);
      expect([...(await store.latest())]).to.deep.equal([['shop/app', 2]]);
    });

    it('of an old leader are refused once a newer one has written', async () => {
      const { url } = await database();
      const store = open(url);
      await store.record([record(1)], 6);
      let failure: unknown;
      await store.record([record(2)], 5).catch((error: unknown) => (failure = error));
      expect(failure).to.be.instanceOf(StaleTermError);
      await store.record([record(3)], 6);
      expect((await store.latest()).get('shop/app')).to.equal(3);
    });
  });

  describe('history', () => {
    interface Heard extends HistoryEvents {
      readonly waiting: number[];
      readonly lostRevisions: number[];
    }
    const listener = (): Heard => {
      const heard = { waiting: [] as number[], lostRevisions: [] as number[] };
      return {
        ...heard,
        delayed: (waiting) => heard.waiting.push(waiting),
        lost: ({ revision }) => heard.lostRevisions.push(revision),
      };
    };

    it('of a store that is away is delayed, one publish waits a second and the next not at all, and all is written when it is back', async () => {
      const { url, pool } = await database();
      await migrate(pool);
      const store = createRevisionStore(url, () => undefined);
      const heard = listener();
      const history = createHistory(store, heard);
      ends.unshift(() => history.close());
      history.enter(5);
      await history.record(record(1));

      // Away in the worst way: it takes the connection and never answers.
      const blocker = await pool.connect();
      await blocker.query('begin; lock table articdbm.revisions in access exclusive mode');
      for (const revision of [2, 3, 4]) {
        const started = performance.now();
        await history.record(record(revision));
        expect(performance.now() - started).to.be.lessThan(revision === 2 ? 1_300 : 100);
      }
      expect(history.waiting).to.equal(3);
      expect(heard.waiting.at(-1)).to.equal(3);
      await blocker.query('rollback');
      blocker.release();
      for (let tries = 0; history.waiting > 0; tries++) {
        if (tries > 300) throw new Error('never written');
        await sleep(100);
      }
      const { rows } = await pool.query<{ revision: string }>(
        'select revision from articdbm.revisions order by revision',
      );
      expect(rows.map(({ revision }) => revision)).to.deep.equal(['1', '2', '3', '4']);
      expect(heard.waiting.at(-1), 'and says so').to.equal(0);
    });

    it('of a store that was emptied under a running leader goes on in new tables', async () => {
      const { url, pool } = await database();
      const history = createHistory(
        createRevisionStore(url, () => undefined),
        listener(),
      );
      ends.unshift(() => history.close());
      history.enter(5);
      await history.record(record(1));
      await pool.query('drop schema articdbm cascade');
      await history.record(record(2));
      for (let tries = 0; history.waiting > 0; tries++) {
        if (tries > 100) throw new Error('never written');
        await sleep(100);
      }
      const { rows } = await pool.query<{ revision: string }>('select revision from articdbm.revisions');
      expect(rows).to.deep.equal([{ revision: '2' }]);
    });

    it('of a store that does not exist is delayed at once, and ends when asked to', async () => {
      const store = createRevisionStore('postgres://nobody:x@127.0.0.1:1/none', () => undefined);
      const heard = listener();
      const history = createHistory(store, heard);
      await history.record(record(1));
      expect(history.waiting).to.equal(1);
      expect(heard.waiting[0]).to.equal(1);
      expect(await history.latest()).to.equal(undefined);
      await history.close();
    });

    it('of many scopes at once takes few transactions, and each publish waits for its own record alone', async () => {
      const { url, pool } = await database();
      await migrate(pool);
      const inner = open(url);
      const batches: number[] = [];
      const store: RevisionStore = {
        latest: () => inner.latest(),
        close: () => inner.close(),
        record(records, office) {
          batches.push(records.length);
          return inner.record(records, office);
        },
      };
      const heard = listener();
      const history = createHistory(store, heard);
      history.enter(5);
      const scopes = Array.from({ length: 200 }, (_, index) => `shop/app-${String(index)}`);
      let waitedAt = -1;
      const first = history.record(record(1, 'shop/first')).then(() => (waitedAt = history.waiting));
      await Promise.all([first, ...scopes.map((scope) => history.record(record(1, scope)))]);
      expect(batches[0], 'the first did not wait for company').to.equal(1);
      expect(waitedAt, 'the first waited for the others').to.be.greaterThan(0);
      expect(batches.reduce((sum, size) => sum + size)).to.equal(201);
      expect(batches.length).to.be.lessThan(8);
      expect((await inner.latest()).size).to.equal(201);
      expect(heard.waiting, 'nothing was late').to.deep.equal([]);
    });

    it('of an old leader is told to be lost, and does not hold up what comes after', async () => {
      const { url } = await database();
      const store = open(url);
      await store.record([record(1)], 9);
      const heard = listener();
      const history = createHistory(open(url), heard);
      history.enter(5);
      await history.record(record(2));
      history.enter(9);
      await history.record(record(3));
      expect(heard.lostRevisions).to.deep.equal([2]);
      expect((await store.latest()).get('shop/app')).to.equal(3);
    });
  });
});
