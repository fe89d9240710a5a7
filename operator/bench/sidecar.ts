import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { POD_USER } from '#contract/names';
import { freePort } from '#test/harness/ports';
import { RawClient, rows } from '#test/harness/raw-client';
import { backend, permission, secret, user } from '../test/operator/cluster-scene.ts';
import { makeAccount, makePod, tokenOf } from '../test/serving/scene.ts';
import { BenchCluster } from './cluster.ts';
import { bundles, imageEnvironment } from './images.ts';
import { load, memoryOf } from './memory.ts';

export interface SidecarResult {
  /** Milliseconds from the start of the process to the first 200 of /readyz: with nothing kept, and with what was kept. */
  readonly cold: readonly number[];
  readonly kept: readonly number[];
  /** Resident bytes: ready, nobody has connected; one session is open; it has run a statement, and is idle. */
  readonly none: number;
  readonly session: number;
  readonly used: number;
  /** The most that it ever was, till then. */
  readonly peak: number;
  readonly load: number;
}

const SETTLE_MS = 20_000;
const STARTS = 5;

export async function measureSidecar(): Promise<SidecarResult> {
  const cluster = await BenchCluster.open();
  const folder = mkdtempSync(path.join(tmpdir(), 'articdbm-bench-sidecar-'));
  let sidecar: Sidecar | undefined;
  try {
    const prepared = await prepare(cluster, folder);
    const cold: number[] = [];
    const kept: number[] = [];
    for (let start = 0; start < STARTS; start++) {
      const state = path.join(folder, `state-${String(start)}`);
      mkdirSync(state, { mode: 0o700 });
      for (const took of [cold, kept]) {
        await sidecar?.stop();
        sidecar = await Sidecar.start(prepared, state);
        took.push(await sidecar.ready());
        await sleep(500); // what comes into force is kept a moment later
      }
    }
    const loaded = load();
    if (sidecar === undefined) throw new Error('none was started');
    await sleep(SETTLE_MS);
    const none = sidecar.rss();
    const client = await RawClient.login({ port: sidecar.port, user: POD_USER });
    await sleep(SETTLE_MS);
    const session = sidecar.rss();
    if (rows(await client.query('select id from orders'))[0]?.[0] !== '1') throw new Error('the statement did not run');
    await sleep(SETTLE_MS);
    const { rss: used, peak } = memoryOf(sidecar.pid);
    await client.close();
    return { cold, kept, none, session, used, peak, load: loaded };
  } finally {
    await sidecar?.stop();
    rmSync(folder, { recursive: true, force: true });
    await cluster.close();
  }
}

interface Prepared {
  readonly operator: string;
  readonly ca: string;
  readonly tokenFile: string;
}

/** A backend, a user with a permission, and a pod's token. */
async function prepare(cluster: BenchCluster, folder: string): Promise<Prepared> {
  const { scene } = cluster;
  const { client, postgres } = scene;
  const setup = await RawClient.login(postgres);
  await setup.query('create table orders (id int); insert into orders values (1)');
  await setup.close();
  await scene.apply(
    secret('prod/orders-login', { username: postgres.user, password: postgres.password }),
    backend('prod/orders', {
      endpoints: [{ name: 'primary', host: '127.0.0.1', port: postgres.port, role: 'primary' }],
      database: 'postgres',
      sharedLogin: 'Allow',
      consumers: [{ namespace: 'shop', ceiling: [{ sql: { tables: ['*'], actions: ['read', 'write'] } }] }],
    }),
    user('shop/app', { serviceAccounts: ['app'] }),
    permission('shop/app', 'app', 'prod/orders', ['orders']),
  );
  const operator = await cluster.operator();
  await operator.leads();
  await scene.until('shop/app', (now) => now?.snapshot.backends[0] !== undefined, 60_000);
  await makeAccount(client, 'shop', 'app');
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, await tokenOf(client, await makePod(client, 'shop', 'app', 'app-1')), { mode: 0o600 });
  return { operator: `https://localhost:${String(operator.https)}`, ca: await cluster.operatorCa(), tokenFile };
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** As injection has it started, from the image's bundle. */
class Sidecar {
  readonly port: number;
  readonly #admin: number;
  readonly #child: ChildProcess;
  readonly #started = performance.now();
  #output = '';

  static async start(prepared: Prepared, state: string): Promise<Sidecar> {
    return new Sidecar(prepared, state, await freePort(), await freePort());
  }

  private constructor({ operator, ca, tokenFile }: Prepared, state: string, port: number, admin: number) {
    this.port = port;
    this.#admin = admin;
    const flags = [
      ...['proxy', '--mode=sidecar', `--operator=${operator}`, `--operator-ca=${ca}`, `--token=${tokenFile}`],
      ...[`--state=${state}`, `--listen=prod/orders=127.0.0.1:${String(port)}`, `--admin=127.0.0.1:${String(admin)}`],
      ...['--refuse-after=24h', '--log-level=warn'],
    ];
    this.#child = spawn(process.execPath, [bundles().proxy, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...imageEnvironment('proxy') },
    });
    running.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (data: Buffer) => (this.#output += data.toString()));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  rss(): number {
    return memoryOf(this.pid).rss;
  }

  /** Milliseconds since its start, to within a few. */
  async ready(): Promise<number> {
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${String(this.#admin)}/readyz`).catch(() => undefined);
      await response?.arrayBuffer();
      const took = performance.now() - this.#started;
      if (response?.status === 200) return took;
      if (this.#child.exitCode !== null || took > 60_000) throw new Error(`the sidecar is not ready:\n${this.#output}`);
      await sleep(5);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await gone;
    }
    running.delete(this.#child);
  }
}
