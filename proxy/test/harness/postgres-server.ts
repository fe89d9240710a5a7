import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, rmSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificate } from './certificate.ts';
import type { TestCertificate } from './certificate.ts';
import { freePort } from './ports.ts';
import { findBinaries, serverIdentity } from './postgres-binaries.ts';
import type { Binaries, Major } from './postgres-binaries.ts';
import { skipUnless } from './skip.ts';

export interface PostgresOptions {
  readonly major: Major;
  /** Serve TLS with a certificate made for the occasion (or this one). */
  readonly tls?: boolean | TestCertificate;
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Lines of pg_hba.conf that come before SCRAM for everybody. */
  readonly hba?: readonly string[];
}

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** The superuser, and its password. */
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly major: Major;
  readonly pid: number;
  /** Present with TLS. */
  readonly certificate?: TestCertificate;
  /** The last of what the server logged. */
  log(): string;
  /** Ends the server and takes its data away. A second call does nothing. */
  stop(): Promise<void>;
}

const PASSWORD = randomBytes(12).toString('hex');
const directories = new Set<string>();
const running = new Set<number>();

/** A server that outlives its test run would be nobody's: whatever is left ends with the process, and so does its data. */
process.on('exit', () => {
  for (const pid of running) kill(pid, 'SIGQUIT');
  for (const directory of directories)
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

/** undefined: no server of that major on this machine. Throws when one is there and does not start. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer | undefined> {
  const binaries = await findBinaries(options.major);
  if (binaries === undefined) return undefined;
  const template = await templateOf(options.major, binaries);
  let failure: unknown;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      return await start(options, binaries, template);
    } catch (error) {
      failure = error; // most likely somebody else took the port meanwhile
    }
  }
  throw failure;
}

/** For `before` hooks: skips the suite by name where the server is absent, fails where CI=true. */
export async function requirePostgres(context: Mocha.Context, options: PostgresOptions): Promise<PostgresServer> {
  const server = await startPostgres(options);
  skipUnless(context, server !== undefined, `PostgreSQL ${String(options.major)}`);
  if (server === undefined) throw new Error('skipped'); // skipUnless never returns then
  return server;
}

const templates = new Map<Major, Promise<string>>();

/** initdb takes half a second, a copy of its result 70 ms: one per process and major. */
function templateOf(major: Major, binaries: Binaries): Promise<string> {
  let template = templates.get(major);
  if (template === undefined) {
    template = initialise(major, binaries);
    templates.set(major, template);
  }
  return template;
}

async function initialise(major: Major, binaries: Binaries): Promise<string> {
  const root = await ownDirectory(`articdbm-pg${String(major)}-template-`);
  const data = path.join(root, 'data');
  const passwordFile = path.join(root, 'password');
  await writeFile(passwordFile, PASSWORD);
  const options = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  const flags = ['--no-sync', '--locale=C', '-E', 'UTF8'];
  await run(binaries.initdb, [...options, ...flags], { ...serverIdentity, cwd: root });
  return root;
}

async function start(options: PostgresOptions, binaries: Binaries, template: string): Promise<PostgresServer> {
  const root = await ownDirectory(`articdbm-pg${String(options.major)}-`);
  const data = path.join(root, 'data');
  await run('cp', ['-a', path.join(template, 'data'), data], { cwd: '/' });
  const certificate = certificateOf(options.tls);
  const port = await freePort();
  await configure(data, options, port, certificate);

  const child = spawn(binaries.postgres, ['-D', data], {
    ...serverIdentity,
    cwd: data,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  const log = followLog(child);
  try {
    await ready(child, log);
  } catch (error) {
    child.kill('SIGQUIT');
    await remove(root);
    throw error;
  }
  const pid = child.pid ?? 0;
  running.add(pid);
  child.unref();
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: PASSWORD,
    database: 'postgres',
    major: options.major,
    pid,
    ...(certificate === undefined ? {} : { certificate }),
    log: () => log.text,
    stop: async () => {
      if (!running.delete(pid)) return;
      await stop(child);
      await remove(root);
    },
  };
}

function certificateOf(tls: PostgresOptions['tls']): TestCertificate | undefined {
  if (tls === true) return makeCertificate();
  return tls === false ? undefined : tls;
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: false,
  full_page_writes: false,
  synchronous_commit: false,
  max_connections: 100,
  shared_buffers: '32MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  password_encryption: 'scram-sha-256',
};

async function configure(
  data: string,
  options: PostgresOptions,
  port: number,
  certificate: TestCertificate | undefined,
): Promise<void> {
  const settings: Record<string, string | number | boolean> = { ...SETTINGS, port, ...options.settings };
  if (certificate !== undefined) {
    Object.assign(settings, { ssl: true, ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' });
    await ownFile(path.join(data, 'server.crt'), certificate.cert);
    await ownFile(path.join(data, 'server.key'), certificate.key);
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`);
  await ownFile(path.join(data, 'postgresql.auto.conf'), lines.join(''));
  const hba = [...(options.hba ?? []), 'host all all 127.0.0.1/32 scram-sha-256', 'host all all ::1/128 scram-sha-256'];
  await ownFile(path.join(data, 'pg_hba.conf'), `${hba.join('\n')}\n`);
}

interface Log {
  text: string;
}

function followLog(child: ChildProcess): Log {
  const log = { text: '' };
  const stream = child.stderr;
  if (stream === null) throw new Error('no stderr');
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    log.text = (log.text + text).slice(-65_536);
  });
  (stream as unknown as { unref?: () => void }).unref?.();
  return log;
}

async function ready(child: ChildProcess, log: Log): Promise<void> {
  const deadline = Date.now() + 20_000;
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  while (!log.text.includes('database system is ready to accept connections')) {
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`PostgreSQL did not start:\n${log.text}`);
    await sleep(10);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
    }),
  );
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    child.kill(signal);
    const patience = new AbortController();
    const ended = await Promise.race([
      gone.then(() => true),
      sleep(3_000, false, { signal: patience.signal }).catch(() => false),
    ]);
    patience.abort();
    if (ended) return;
  }
}

async function ownDirectory(prefix: string): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), prefix));
  directories.add(directory);
  await chmod(directory, 0o700);
  own(directory);
  return directory;
}

async function ownFile(file: string, content: string): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, content, { mode: 0o600 });
  own(file);
}

function own(file: string): void {
  if (serverIdentity.uid !== undefined && serverIdentity.gid !== undefined) {
    chownSync(file, serverIdentity.uid, serverIdentity.gid);
  }
}

async function remove(directory: string): Promise<void> {
  directories.delete(directory);
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

async function run(program: string, parameters: readonly string[], options: object): Promise<void> {
  const child = spawn(program, parameters, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${path.basename(program)} failed (${String(code)}):\n${output}`);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
