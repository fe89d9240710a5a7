import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './ports.ts';
import { skipUnless } from './skip.ts';

/** A real redis-server of the test's own, on a port that it keeps when it is started again. */
export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** A connection for the test itself, which ends with the server. */
  client(): Redis;
  /** Ends it at once, as a crash would: what it held is gone. */
  kill(): Promise<void>;
  /** Starts it again, empty or from a dump. */
  start(dump?: string): Promise<void>;
  /** Writes what it holds to a file. */
  dump(): Promise<string>;
  /** Ends it and takes its folder away. */
  stop(): Promise<void>;
}

const children = new Set<ChildProcess>();
const folders = new Set<string>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** For `before` hooks: skips the suite by name where redis-server is absent, fails where CI=true. */
export async function requireRedis(context: Mocha.Context, options: RedisOptions = {}): Promise<RedisServer> {
  skipUnless(context, binary() !== undefined, 'redis-server');
  return startRedis(options);
}

export interface RedisOptions {
  readonly cluster?: boolean;
  /** A replica of that server. */
  readonly replicaOf?: RedisServer;
  /** A Sentinel that watches that server under the name `main`. */
  readonly watches?: RedisServer;
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const server = new Server(await freePort(), options);
  await server.start();
  return server;
}

/** Three masters that hold all slots. */
export async function requireRedisCluster(context: Mocha.Context): Promise<readonly RedisServer[]> {
  const nodes: RedisServer[] = [];
  for (let node = 0; node < 3; node++) nodes.push(await requireRedis(context, { cluster: true }));
  const clients = nodes.map((node) => node.client());
  const ranges = ['0 5460', '5461 10922', '10923 16383'];
  for (const [index, client] of clients.entries()) {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', ...(ranges[index] ?? '').split(' '));
    await client.call('CLUSTER', 'MEET', '127.0.0.1', String(nodes[0]?.port));
  }
  for (const client of clients) {
    while (!(await clusterIsWhole(client))) await sleep(50);
  }
  return nodes;
}

async function clusterIsWhole(client: Redis): Promise<boolean> {
  const info = String(await client.call('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
}

function binary(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/bin', '/usr/local/bin'];
  return folders.map((folder) => path.join(folder, 'redis-server')).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== undefined) return false;
    throw error;
  }
}

class Server implements RedisServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly url: string;
  readonly #options: RedisOptions;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'articdbm-redis-'));
  readonly #clients: Redis[] = [];
  #child: ChildProcess | undefined;
  #dumps = 0;

  constructor(port: number, options: RedisOptions) {
    this.port = port;
    this.url = `redis://127.0.0.1:${String(port)}`;
    this.#options = options;
    folders.add(this.#folder);
  }

  client(): Redis {
    const client = new Redis({ host: this.host, port: this.port, retryStrategy: () => 20 });
    client.on('error', () => undefined); // a test that kills the server expects as much
    this.#clients.push(client);
    return client;
  }

  async start(dump?: string): Promise<void> {
    const file = path.join(this.#folder, 'dump.rdb');
    if (dump === undefined) rmSync(file, { force: true });
    else await copyFile(dump, file);
    const child = spawn(binary() ?? 'redis-server', this.#arguments(), { stdio: 'ignore' });
    this.#child = child;
    children.add(child);
    const end = Date.now() + 10_000;
    while (!(await answers(this.port))) {
      if (child.exitCode !== null || Date.now() > end) throw new Error('redis-server did not start');
      await sleep(10);
    }
  }

  #arguments(): string[] {
    const { cluster = false, replicaOf, watches } = this.#options;
    const place = ['--port', String(this.port), '--dir', this.#folder, '--bind', '127.0.0.1', '--protected-mode', 'no'];
    if (watches !== undefined) {
      const file = path.join(this.#folder, 'sentinel.conf'); // which a Sentinel writes to
      writeFileSync(file, `sentinel monitor main ${watches.host} ${String(watches.port)} 1\n`);
      return [file, ...place, '--sentinel'];
    }
    const settings = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'];
    const mode = cluster ? ['--cluster-enabled', 'yes'] : [];
    const of = replicaOf === undefined ? [] : ['--replicaof', `${replicaOf.host} ${String(replicaOf.port)}`];
    return [...place, ...settings, ...mode, ...of];
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    children.delete(child);
  }

  async dump(): Promise<string> {
    await this.client().save();
    const file = path.join(this.#folder, `dump-${String(++this.#dumps)}.rdb`);
    await copyFile(path.join(this.#folder, 'dump.rdb'), file);
    return file;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
    folders.delete(this.#folder);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(500, () => socket.destroy());
    socket.once('data', (data) => {
      resolve(data.toString() === '+PONG\r\n');
      socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => resolve(false));
  });
}
