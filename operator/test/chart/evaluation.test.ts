import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { migrate } from '#operator/store/migrate';
import { freePort } from '#test/harness/ports';
import { skipUnless } from '#test/harness/skip';
import { Proxies } from '../publish/proxies.ts';
import { Leaders, snapshotOf } from '../publish/scene.ts';
import { find, requireHelm, secretText, type Deployment, type Manifest } from './helm.ts';

const POSTGRESQL = '/usr/lib/postgresql/15/bin';
/** PostgreSQL does not run as root: nobody, then. */
const NOBODY = 65_534;
const START_MS = 30_000;

/** The trial's servers as the chart starts them, but for their folders and ports. */
describe("a trial's servers, as the chart configures them", function () {
  this.timeout(60_000);
  let manifests: readonly Manifest[];
  let secret: Readonly<Record<string, string>>;
  const folder = mkdtempSync(path.join(tmpdir(), 'articdbm-trial-'));
  const children: ChildProcess[] = [];

  before(function () {
    manifests = requireHelm(this).render({ evaluation: { enabled: true } });
    secret = secretText(find(manifests, 'Secret', 'articdbm-evaluation'));
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await sleep(50);
    rmSync(folder, { recursive: true, force: true });
  });

  const commandOf = (name: string): readonly string[] =>
    (find(manifests, 'Deployment', name) as Deployment).spec.template.spec.containers[0]?.command ?? [];
  const local = (url: string | undefined, port: number): string =>
    (url ?? '').replace(/@[^/]+/, `@127.0.0.1:${String(port)}`);
  const until = async <T>(attempt: () => Promise<T>): Promise<T> => {
    const deadline = Date.now() + START_MS;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(100);
      }
    }
  };

  it('URLs name the Services that are there', () => {
    for (const [key, name, port] of [
      ['store-url', 'articdbm-evaluation-postgresql', 5432],
      ['operator-redis-url', 'articdbm-evaluation-redis', 6379],
      ['proxy-redis-url', 'articdbm-evaluation-redis', 6379],
    ] as const) {
      expect(secret[key]).to.match(new RegExp(`@${name}\\.articdbm-system\\.svc:${String(port)}(/|$)`));
      expect(JSON.stringify(find(manifests, 'Service', name).spec)).to.contain(`"port":${String(port)}`);
    }
  });

  it('Redis lets the operator publish, the proxies follow and do no more, and nobody else in', async function () {
    skipUnless(this, existsSync('/usr/bin/redis-server'), 'redis-server');
    const port = await freePort();
    const file = path.join(folder, 'redis.conf');
    writeFileSync(file, secret['redis.conf'] ?? '');
    const [program = '', ...args] = commandOf('articdbm-evaluation-redis');
    expect([program, ...args]).to.deep.equal(['redis-server', '/run/articdbm/redis.conf']);
    const here = ['--port', String(port), '--bind', '127.0.0.1'];
    children.push(spawn(program, [file, ...here], { stdio: 'ignore' }));
    const stranger = new Redis(port, '127.0.0.1', {
      retryStrategy: () => 100,
      enableReadyCheck: false,
      maxRetriesPerRequest: null,
    });
    stranger.on('error', () => undefined);
    const refusal = await until(async () => {
      const said = String(await stranger.ping().catch((error: unknown) => error));
      if (!said.includes('NOAUTH')) throw new Error(said);
      return said;
    });
    expect(refusal).to.contain('NOAUTH');
    stranger.disconnect();

    const leaders = new Leaders(local(secret['operator-redis-url'], port));
    const proxies = new Proxies(local(secret['proxy-redis-url'], port));
    const proxy = new Redis(local(secret['proxy-redis-url'], port));
    try {
      const leader = await leaders.make();
      await leader.takeOffice();
      await leader.publish({ snapshot: snapshotOf('shop/app', 'anna'), who: 'tester', why: 'a test' });
      const feed = await proxies.start('shop/app');
      await feed.until('anna');
      for (const attempt of [
        proxy.set('articdbm:{shop/app}:head', 'x'),
        proxy.flushall(),
        proxy.call('CONFIG', 'GET', '*'),
      ]) {
        expect(String(await attempt.catch((error: unknown) => error))).to.contain('NOPERM');
      }
    } finally {
      proxy.disconnect();
      proxies.close();
      leaders.close();
    }
  });

  it("PostgreSQL makes its database once, asks for the password, and takes the operator's migrations", async function () {
    skipUnless(this, existsSync(POSTGRESQL), 'PostgreSQL 15');
    const port = await freePort();
    const data = path.join(folder, 'data');
    mkdirSync(data);
    writeFileSync(path.join(folder, 'store-password'), secret['store-password'] ?? '');
    for (const name of [folder, data]) chownSync(name, NOBODY, NOBODY);
    const [shell = '', flag = '', script = ''] = commandOf('articdbm-evaluation-postgresql');
    const here = script.replaceAll('/run/articdbm', folder).replaceAll('/data/', `${data}/`);
    const run = (): ChildProcess => {
      const child = spawn(shell, [flag, here], {
        stdio: 'ignore',
        uid: NOBODY,
        gid: NOBODY,
        env: { PATH: `${POSTGRESQL}:/usr/bin:/bin`, PGPORT: String(port), LC_ALL: 'C' },
      });
      children.push(child);
      return child;
    };
    const url = local(secret['store-url'], port);
    const first = run();
    const pool = new pg.Pool({ connectionString: url });
    pool.on('error', () => undefined);
    const applied = await until(() => migrate(pool));
    expect(applied.length).to.be.greaterThan(0);
    const wrong = new pg.Client({ connectionString: url.replace(/:[^:@]+@/, ':wrong@') });
    expect(String(await wrong.connect().catch((error: unknown) => error))).to.contain('password authentication failed');

    first.kill('SIGTERM');
    await pool.end();
    await new Promise((resolve) => first.once('exit', resolve));
    run();
    const again = new pg.Pool({ connectionString: url });
    again.on('error', () => undefined);
    expect(await until(() => migrate(again))).to.deep.equal([]); // its container's restart kept the folder
    await again.end();
  });
});
