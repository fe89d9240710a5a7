import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import pg from 'pg';
import { PUBLISH_STEPS } from '#operator/publish/steps';
import { createHistory, type History } from '#operator/store/history';
import { createRevisionStore } from '#operator/store/revisions';
import { requirePostgres, type PostgresServer } from '#test/harness/postgres-server';
import { requireRedis, type RedisServer } from '#test/harness/redis-server';
import { eventually, Proxies } from './proxies.ts';
import { inForce, Leaders, snapshotOf, userOf } from './scene.ts';

const STEPS = PUBLISH_STEPS.map(({ name }) => name);

describe('a leader that ends, or stands still, between two steps of a publish', () => {
  let server: RedisServer;
  let redis: Redis;
  let postgres: PostgresServer;
  let database: pg.Pool;
  let storeUrl: string;
  let leaders: Leaders;
  let proxies: Proxies;
  const histories: History[] = [];
  const children = new Set<ChildProcess>();

  before(async function () {
    server = await requireRedis(this);
    postgres = await requirePostgres(this, { major: 18 });
    storeUrl = `postgres://postgres:${postgres.password}@127.0.0.1:${String(postgres.port)}/postgres`;
    database = new pg.Pool({ connectionString: storeUrl });
    database.on('error', () => undefined);
    redis = server.client();
    leaders = new Leaders(server.url);
    proxies = new Proxies(server.url);
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    proxies.close();
    leaders.close();
    for (const history of histories.splice(0)) await history.close();
  });
  after(async () => {
    await (database as pg.Pool | undefined)?.end();
    await (postgres as PostgresServer | undefined)?.stop();
    await (server as RedisServer | undefined)?.stop();
  });

  const history = (): History => {
    const made = createHistory(
      createRevisionStore(storeUrl, () => undefined),
      { delayed: () => undefined, lost: () => undefined },
    );
    histories.push(made);
    return made;
  };

  const recorded = async (scope: string): Promise<readonly (readonly [number, string])[]> => {
    const { rows } = await database.query<{ revision: string; user: string }>(
      `select revision, document #>> '{backends,0,users,0,name}' as user from articdbm.revisions
       where scope = $1 order by revision`,
      [scope],
    );
    return rows.map(({ revision, user }) => [Number(revision), user]);
  };

  /** A child that stands still after that step; what it says later comes from said(). */
  async function standing(
    scope: string,
    user: string,
    step: string,
  ): Promise<{ child: ChildProcess; said: () => string }> {
    const file = path.join(import.meta.dirname, 'publisher-child.ts');
    const child = spawn(process.execPath, [file, server.url, storeUrl, scope, user, step]);
    children.add(child);
    child.once('exit', () => children.delete(child));
    let text = '';
    child.stdout.on('data', (data: Buffer) => (text += data.toString()));
    child.stderr.on('data', (data: Buffer) => (text += data.toString()));
    await eventually(() => text !== '' || child.exitCode !== null, 'the child stands still', 15_000);
    expect(text).to.equal('standing\n');
    return { child, said: () => text };
  }

  for (const step of STEPS) {
    it(`killed after ${step}: nothing half is served, and the next leader completes the change`, async () => {
      const scope = `shop/killed-${step}`;
      const first = await leaders.make({ history: history() });
      await first.takeOffice();
      const old = await first.publish({ snapshot: snapshotOf(scope, 'old'), who: 'test', why: 'before' });
      const feed = await proxies.start(scope);
      await feed.until('old');

      const { child } = await standing(scope, 'new', step);
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      const between = await inForce(redis, scope);
      const done = step === 'write';
      expect(userOf(between?.snapshot)).to.equal(done ? 'new' : 'old');
      if (!done) expect(between?.head).to.deep.equal(old.head);
      await feed.until(done ? 'new' : 'old');

      const next = await leaders.make({ history: history() });
      expect(await next.takeOffice()).to.include(scope);
      const completed = await next.publish({ snapshot: snapshotOf(scope, 'new'), who: 'test', why: 'after' });
      expect(completed.kind).to.equal(done ? 'unchanged' : 'published');
      expect(completed.head.revision).to.be.greaterThan(old.head.revision);
      await feed.until('new');
      const rows = await recorded(scope);
      expect(rows).to.deep.include([completed.head.revision, 'new']);
      expect(new Set(rows.map(([revision]) => revision)).size, 'one record per revision').to.equal(rows.length);
    });
  }

  for (const step of STEPS.filter((name) => name !== 'write')) {
    it(`stopped after ${step} and continued under a newer leader: its write takes no effect`, async () => {
      const scope = `shop/stopped-${step}`;
      const { child, said } = await standing(scope, 'of-the-old-leader', step);
      const next = await leaders.make({ history: history() });
      await next.takeOffice();
      await next.publish({ snapshot: snapshotOf(scope, 'of-the-new-leader'), who: 'test', why: 'meanwhile' });
      const before = await redis.get(`articdbm:{${scope}}:head`);
      child.stdin?.write('go on\n');
      await once(child, 'exit');
      expect(said()).to.contain('deposed');
      expect(await redis.get(`articdbm:{${scope}}:head`)).to.equal(before);
      const users = (await recorded(scope)).map(([, user]) => user);
      expect(users.includes('of-the-old-leader'), 'only what it had written before').to.equal(step === 'record');
    });
  }
});
