import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import * as f from '#test/harness/frontend';
import { startTestProxy, type TestProxy } from '#test/harness/proxy';
import { requirePostgres, type PostgresServer } from '#test/harness/postgres-server';
import { firstError, RawClient, rows, ServerError, types } from '#test/harness/raw-client';
import { MAY_ALL, testSnapshot } from '#test/harness/snapshot';
import { until } from '#test/relay/scene';

/** The server process and all of its children, as the kernel lists them. */
function processesOf(pid: number): readonly number[] {
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)]).toString();
  return [
    pid,
    ...children
      .split('\n')
      .map(Number)
      .filter((child) => child > 0),
  ];
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

const USERS = [{ name: 'u', password: 'p', rules: [MAY_ALL] }];
const TIMEOUTS = { connect: 1_000, login: 1_000 };

describe('a server that breaks', () => {
  let frail: PostgresServer;
  let sound: PostgresServer;
  let proxy: TestProxy;
  let bystander: RawClient;

  const login = (backend: string): Promise<RawClient> =>
    RawClient.login({ port: proxy.ports.get(backend) ?? 0, user: 'u', password: 'p' });

  /** Whether the frail one lets somebody in again. */
  async function serves(): Promise<boolean> {
    try {
      const next = await login('test/frail');
      expect(rows(await next.query('select 1'))).to.eql([['1']]);
      await next.close();
      return true;
    } catch (error) {
      if (error instanceof ServerError) return false;
      throw error;
    }
  }

  before(async function () {
    this.timeout(30_000);
    frail = await requirePostgres(this, { major: 18 });
    sound = await requirePostgres(this, { major: 15 });
    proxy = await startTestProxy({
      snapshot: testSnapshot(
        { id: 'test/frail', host: frail.host, port: frail.port, users: USERS, timeouts: TIMEOUTS },
        { id: 'test/sound', host: sound.host, port: sound.port, users: USERS, timeouts: TIMEOUTS },
      ),
      login: (backend) =>
        backend.id === 'test/frail'
          ? { username: frail.user, password: frail.password }
          : { username: sound.user, password: sound.password },
    });
    bystander = await login('test/sound');
  });
  after(async function () {
    this.timeout(20_000);
    await bystander.close();
    await (proxy as TestProxy | undefined)?.stop();
    await (frail as PostgresServer | undefined)?.stop();
    await (sound as PostgresServer | undefined)?.stop();
  });
  afterEach(async () => {
    expect(rows(await bystander.query('select 1', 1_000))).to.eql([['1']]);
    await until(() => proxy.gauges.links === 1);
  });

  it('a process killed amid a result: no end that looks whole, and the next login finds the server', async function () {
    this.timeout(20_000);
    const client = await login('test/frail');
    client.send(f.query("select g, repeat('x', 1000) from generate_series(1, 10000000) g"));
    await client.readMessage();
    process.kill(client.pid, 'SIGKILL');
    const said = await client.readToEnd();
    expect(types(said)).to.match(/^D+N?E?$/);
    client.destroy();
    await until(serves, 10_000);
  });

  it('a process killed amid COPY, a prepared statement, a transaction: each session ends', async function () {
    this.timeout(20_000);
    const clients = await Promise.all([1, 2, 3].map(() => login('test/frail')));
    const [copying, prepared, open] = clients as [RawClient, RawClient, RawClient];
    await copying.query('create temp table t (a text)');
    copying.send(f.query('copy t from stdin'));
    await copying.readUntil(({ type }) => type === 'G');
    prepared.send(f.extended('select pg_sleep(60)'), f.flush());
    await open.query('begin; select 1');
    process.kill(copying.pid, 'SIGKILL');
    for (const client of clients) {
      copying.send(f.copyData('more\n'));
      const said = await client.readToEnd(5_000);
      expect(types(said)).to.not.match(/[CZ]/);
      client.destroy();
    }
    await sleep(500);
  });

  it('stopped: logins end in time, clients may go and leave nothing, and what waits goes on with it', async function () {
    this.timeout(30_000);
    await until(serves, 10_000);
    const waiting = await login('test/frail');
    const leaving = await login('test/frail');
    const stopped = processesOf(frail.pid);
    signal(stopped, 'SIGSTOP');
    try {
      waiting.send(f.query('select 11'));
      leaving.send(f.query('select 12'));
      await sleep(50);
      leaving.destroy();
      const before = Date.now();
      const error = await login('test/frail').then(
        () => undefined,
        (failure: unknown) => failure as { code?: string },
      );
      expect(error?.code).to.match(/^(08|57P)/);
      expect(Date.now() - before).to.be.below(4_000);
      expect(rows(await bystander.query('select 2', 1_000))).to.eql([['2']]);
      await until(() => proxy.gauges.links === 2, 12_000); // `waiting` and the bystander
    } finally {
      signal(stopped, 'SIGCONT');
    }
    expect(rows(await waiting.readUntilReady(5_000))).to.eql([['11']]);
    await waiting.close();
  });

  it('stopped under a statement timeout: cancelled, or whole where it came first; the session goes on', async function () {
    this.timeout(30_000);
    const client = await login('test/frail');
    const slow = { ...TIMEOUTS, statement: 300 };
    proxy.apply(
      testSnapshot(
        { id: 'test/frail', host: frail.host, port: frail.port, users: USERS, timeouts: slow },
        { id: 'test/sound', host: sound.host, port: sound.port, users: USERS, timeouts: TIMEOUTS },
      ),
    );
    client.send(f.query("select 'row' from pg_sleep(0.1)"));
    await sleep(30);
    const stopped = processesOf(frail.pid);
    signal(stopped, 'SIGSTOP');
    await sleep(1_000);
    signal(stopped, 'SIGCONT');
    const said = await client.readUntilReady(5_000);
    if (types(said) !== 'TDCZ') expect([firstError(said)?.C, types(said).includes('C')]).to.eql(['57014', false]);
    expect(rows(await client.query('select 1'))).to.eql([['1']]);
    await client.close();
  });
});
