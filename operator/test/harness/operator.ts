/**
 * `articdbm operator` as a process of its own, against the harness' API server, Redis and store: what people run, or (with
 * `seams`) the same but for an election that is quick or a publish that stands still.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '#test/harness/ports';
import { eventually } from '../publish/proxies.ts';
import type { ApiServer } from './api-server.ts';

export interface OperatorProcessOptions {
  readonly apiServer: Pick<ApiServer, 'url' | 'ca' | 'token' | 'proxy'>;
  /** By way of the API server's `proxy`, which can be cut. Default: direct. */
  readonly way?: 'direct' | 'through';
  /** At the API server; default: its admin's. */
  readonly token?: string;
  /** URLs, each written to a file, with a password or not. */
  readonly redis: string;
  readonly store: string;
  /** As proxies are told; default: `redis`. */
  readonly proxyRedis?: string;
  /** The operator's own; default `articdbm-system`, which must be there. */
  readonly namespace?: string;
  readonly identity?: string;
  /** More flags, such as `--watch-namespaces=shop`, or in place of its own. */
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What no flag can do: see operator-child.ts. Without it, it is the command itself that runs. */
  readonly seams?: OperatorSeams;
}

export interface OperatorSeams {
  /** Milliseconds, as ElectionTimes; default: seconds, so that another leads soon. */
  readonly election?: { readonly leaseMs: number; readonly actMs: number; readonly retryMs: number };
  /** Where a publish of that scope stands still, once it is told to by `stand`. */
  readonly stand?: { readonly step: string; readonly scope: string };
}

export const QUICK_ELECTION = { leaseMs: 3_000, actMs: 2_000, retryMs: 300 };

export type LogLine = Readonly<Record<string, unknown>>;

export interface OperatorProcess {
  readonly pid: number;
  readonly identity: string;
  /** Base URL of the admin port. */
  readonly admin: string;
  /** Port of HTTPS on 127.0.0.1. */
  readonly https: number;
  /** What it has logged. */
  readonly log: readonly LogLine[];
  /** All that it wrote to stdout and stderr, for searches. */
  readonly output: () => string;
  /** Files of its URLs: write another to rotate a password. */
  readonly files: Readonly<Record<'redis' | 'store' | 'proxyRedis', string>>;
  readonly running: boolean;
  /** Until /readyz says 200. Throws what it says else, after 30 s. */
  ready(): Promise<void>;
  /** Until it leads. */
  leads(patience?: number): Promise<void>;
  /** Status and body of a path of the admin port; 0: no answer. */
  get(what: string): Promise<{ readonly status: number; readonly body: string }>;
  /** One number of /metrics, such as `articdbm_operator_leader`; undefined: it is not there. */
  metric(series: string): Promise<number | undefined>;
  /** From now on, the next publish of the scope in `seams.stand` stands still after that step. */
  stand(): Promise<void>;
  /** Until it stands. */
  stands(): Promise<void>;
  goOn(): void;
  signal(signal: 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number | null>;
}

const ROOT = path.join(import.meta.dirname, '../../..');
const COMMAND = path.join(ROOT, 'cli/main.ts');
const CHILD = path.join(import.meta.dirname, 'operator-child.ts');
const running = new Set<Running>();
process.on('exit', () => {
  for (const operator of running) operator.drop();
});

export const OPERATOR_NAMESPACE = 'articdbm-system';

/** Started, not yet ready: `await operator.ready()`. */
export async function startOperator(options: OperatorProcessOptions): Promise<OperatorProcess> {
  const operator = new Running(options, await freePort(), await freePort());
  running.add(operator);
  return operator;
}

/** For `afterEach` hooks: kills all that were started and have not ended. */
export async function killOperators(): Promise<void> {
  await Promise.all([...running].map((operator) => operator.kill()));
}

class Running implements OperatorProcess {
  readonly identity: string;
  readonly admin: string;
  readonly https: number;
  readonly log: LogLine[] = [];
  readonly files: OperatorProcess['files'];
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'articdbm-operator-'));
  readonly #child: ChildProcess;
  #text = '';
  #rest = '';

  constructor(options: OperatorProcessOptions, https: number, admin: number) {
    this.https = https;
    this.admin = `http://127.0.0.1:${String(admin)}`;
    this.identity = options.identity ?? `operator-${String(https)}`;
    this.files = {
      redis: this.#write('redis-url', options.redis),
      store: this.#write('store-url', options.store),
      proxyRedis: this.#write('proxy-redis-url', options.proxyRedis ?? options.redis),
    };
    const { seams } = options;
    const args = [seams === undefined ? COMMAND : CHILD, 'operator', ...this.#flags(options, admin)];
    const environment = seams === undefined ? {} : { OPERATOR_SEAMS: JSON.stringify(seams) };
    this.#child = spawn(process.execPath, args, {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...environment, ...options.environment },
    });
    this.#child.stdout?.on('data', (data: Buffer) => this.#read(data.toString()));
    this.#child.stderr?.on('data', (data: Buffer) => (this.#text += data.toString()));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  output(): string {
    return this.#text;
  }

  async ready(): Promise<void> {
    let said = '';
    await this.#until(
      async () => {
        const { status, body } = await this.get('/readyz');
        said = body;
        return status === 200;
      },
      () => `ready, not: ${said}`,
      30_000,
    );
  }

  async leads(patience = 30_000): Promise<void> {
    const leading = async (): Promise<boolean> => (await this.metric('articdbm_operator_leader')) === 1;
    await this.#until(leading, () => `${this.identity} leads`, patience);
  }

  async get(what: string): Promise<{ readonly status: number; readonly body: string }> {
    try {
      const response = await fetch(`${this.admin}${what}`, { signal: AbortSignal.timeout(2_000) });
      return { status: response.status, body: await response.text() };
    } catch (error) {
      if (error instanceof TypeError || (error as Error).name === 'TimeoutError') return { status: 0, body: '' };
      throw error;
    }
  }

  async metric(series: string): Promise<number | undefined> {
    const { body } = await this.get('/metrics');
    const line = body.split('\n').find((text) => text.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }

  async stand(): Promise<void> {
    this.#child.stdin?.write('stand\n');
    await this.#until(
      () => this.log.some(({ armed }) => armed === true),
      () => 'it has heard',
      5_000,
    );
  }

  async stands(): Promise<void> {
    const standing = (): boolean => this.log.some(({ standing: step }) => step !== undefined);
    await this.#until(standing, () => 'a publish stands still', 30_000);
  }

  goOn(): void {
    this.#child.stdin?.write('go on\n');
  }

  signal(signal: 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    this.drop();
  }

  async stop(): Promise<number | null> {
    await this.#end('SIGTERM');
    this.drop();
    return this.#child.exitCode;
  }

  drop(): void {
    running.delete(this);
    this.#child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.running) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    await gone;
  }

  async #until(is: () => boolean | Promise<boolean>, what: () => string, patience: number): Promise<void> {
    const orGone = async (): Promise<boolean> => (await is()) || !this.running;
    await eventually(orGone, 'what follows', patience).catch(() => undefined);
    if (await is()) return;
    const state = this.running ? '' : `; it ended with ${String(this.#child.exitCode ?? this.#child.signalCode)}`;
    throw new Error(`not within ${String(patience)} ms: ${what()}${state}\n${this.#text.slice(-4_000)}`);
  }

  #flags(options: OperatorProcessOptions, admin: number): readonly string[] {
    const own = [
      `--kubeconfig=${this.#kubeconfig(options)}`,
      `--namespace=${options.namespace ?? OPERATOR_NAMESPACE}`,
      `--redis-url-file=${this.files.redis}`,
      `--store-url-file=${this.files.store}`,
      `--proxy-redis-url-file=${this.files.proxyRedis}`,
      `--listen=127.0.0.1:${String(this.https)}`,
      `--admin=127.0.0.1:${String(admin)}`,
      '--service-host=localhost',
      '--proxy-image=example.com/articdbm-proxy:test',
      `--identity=${this.identity}`,
      '--shutdown-delay=0ms',
    ];
    const flags = options.flags ?? [];
    const nameOf = (flag: string): string => flag.split('=', 1)[0] ?? '';
    const replaced = new Set(flags.map(nameOf));
    return [...own.filter((flag) => !replaced.has(nameOf(flag))), ...flags];
  }

  #kubeconfig({ apiServer, token, way = 'direct' }: OperatorProcessOptions): string {
    const server = way === 'direct' ? apiServer.url : `https://127.0.0.1:${String(apiServer.proxy.port)}`;
    const ca = Buffer.from(apiServer.ca).toString('base64');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'it', cluster: { server, 'certificate-authority-data': ca } }],
      users: [{ name: 'it', user: { token: token ?? apiServer.token } }],
      contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
      'current-context': 'it',
    };
    return this.#write('kubeconfig', JSON.stringify(config));
  }

  #write(name: string, text: string): string {
    const file = path.join(this.#folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  #read(text: string): void {
    this.#text += text;
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
  }
}
