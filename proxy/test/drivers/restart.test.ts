import { expect } from 'chai';
import pg from 'pg';
import postgres from 'postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import { requirePostgres } from '#test/harness/postgres-server';
import type { PostgresServer } from '#test/harness/postgres-server';
import { startTestProxy } from '#test/harness/proxy';
import type { TestProxy, TestProxyOptions } from '#test/harness/proxy';
import { testSnapshot } from '#test/harness/snapshot';

describe('pools outlive the proxy', function () {
  this.timeout(30_000);
  let server: PostgresServer;
  let options: TestProxyOptions;
  let proxy: TestProxy;

  before(async function () {
    server = await requirePostgres(this, { major: 18 });
    const user = { name: 'app', password: 'secret', rules: [{ tables: ['*'], actions: ['select'] as const }] };
    options = {
      snapshot: testSnapshot({ ...server, users: [user] }),
      login: { username: server.user, password: server.password },
    };
    proxy = await startTestProxy(options);
  });
  after(async () => {
    await (proxy as TestProxy | undefined)?.stop();
    await (server as PostgresServer | undefined)?.stop();
  });

  /** Stops the proxy amid a statement, and puts another in its place. */
  async function restart(): Promise<void> {
    const { port } = proxy;
    await proxy.stop();
    await sleep(100);
    proxy = await startTestProxy({ ...options, port });
  }

  async function worksAgain(ask: () => Promise<unknown>): Promise<void> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      try {
        expect(await ask()).to.equal(7);
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(50);
      }
    }
  }

  it('pg', async () => {
    const { host, port } = proxy;
    const pool = new pg.Pool({ host, port, user: 'app', password: 'secret', database: 'postgres' });
    pool.on('error', () => undefined);
    const ask = async (): Promise<unknown> => (await pool.query<{ n: number }>('select 7 as n')).rows[0]?.n;
    expect(await ask()).to.equal(7);
    const amid = pool.query('select pg_sleep(20)').then(
      () => 'finished',
      (error: unknown) => (error as { code?: string }).code ?? 'cut',
    );
    await sleep(100);
    await restart();
    expect(await amid).to.be.oneOf(['57P01', '57014', 'cut']);
    await worksAgain(ask);
    await pool.end();
  });

  it('postgres (npm)', async () => {
    const { host, port } = proxy;
    const sql = postgres({ host, port, user: 'app', password: 'secret', database: 'postgres' });
    const ask = async (): Promise<unknown> => (await sql<{ n: number }[]>`select 7 as n`)[0]?.n;
    expect(await ask()).to.equal(7);
    await restart();
    await worksAgain(ask);
    await sql.end({ timeout: 2 });
  });
});
