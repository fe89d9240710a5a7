import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export const run = promisify(execFile);

/** PgBouncer and PostgreSQL refuse to run as root; `nobody` has this number on every Linux. */
const NOBODY = 65534;
export const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

/** Where Debian keeps what is not on everybody's PATH. */
const PLACES = ['/usr/lib/postgresql/15/bin', '/usr/sbin', '/usr/bin', '/usr/local/bin'];

/** Path of a program, or undefined. */
export function find(program: string): string | undefined {
  const places = [...PLACES, ...(process.env.PATH ?? '').split(':')];
  return places.map((place) => join(place, program)).find((path) => existsSync(path));
}

export async function untilListening(port: number, deadline = 10_000): Promise<void> {
  const end = performance.now() + deadline;
  while (performance.now() < end) {
    const socket = connect(port, '127.0.0.1');
    const [answer] = await Promise.race([
      once(socket, 'connect').then(() => ['yes']),
      once(socket, 'error').then(() => ['no']),
    ]).catch(() => ['no']);
    socket.destroy();
    if (answer === 'yes') return;
    await delay(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(late);
}

export interface PgBouncerOptions {
  readonly folder: string;
  readonly port: number;
  readonly server: { readonly host: string; readonly port: number; readonly user: string; readonly password: string };
  readonly database: string;
}

/** PgBouncer in session mode with the server's user and password on both sides; undefined where it isn't installed. */
export async function startPgBouncer(options: PgBouncerOptions): Promise<ChildProcess | undefined> {
  const program = find('pgbouncer');
  if (program === undefined) return undefined;
  const { folder, port, server, database } = options;
  const users = join(folder, 'users.txt');
  const ini = join(folder, 'pgbouncer.ini');
  writeFileSync(users, `"${server.user}" "${server.password}"\n`);
  writeFileSync(
    ini,
    [
      '[databases]',
      `${database} = host=${server.host} port=${server.port} dbname=${database}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = scram-sha-256',
      `auth_file = ${users}`,
      'pool_mode = session',
      'max_client_conn = 1000',
      'default_pool_size = 300',
      'log_connections = 0',
      'log_disconnections = 0',
      'ignore_startup_parameters = extra_float_digits',
      '',
    ].join('\n'),
  );
  for (const file of [folder, users, ini]) if ('uid' in asNobody) chownSync(file, NOBODY, NOBODY);
  const child = spawn(program, ['-q', ini], { stdio: 'ignore', ...asNobody });
  await untilListening(port);
  return child;
}

/** Resident memory of a process in bytes, and the part that no other process can share. */
export function memoryOf(pid: number): { readonly rss: number; readonly anonymous: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? NaN);
  return { rss: kilobytes('VmRSS') * 1024, anonymous: kilobytes('RssAnon') * 1024 };
}

/** Linux counts in these, whatever its own clock does (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Microseconds of CPU that a process and all its threads have used. */
export function cpuOf(pid: number): { readonly user: number; readonly system: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third on: the name may hold anything
  const microseconds = (field: number): number => (Number(fields[field - 3] ?? NaN) * 1e6) / TICKS_PER_SECOND;
  return { user: microseconds(14), system: microseconds(15) };
}
