import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#test/harness/ports';
import { bundles, imageEnvironment } from './images.ts';
import { chartLimit, MemoryLimit } from './memory-limit.ts';
import { memoryOf, type Memory } from './memory.ts';

export interface PodOperatorOptions {
  readonly apiServer: { readonly port: number; readonly ca: string; readonly token: string };
  readonly namespace: string;
  /** URLs. */
  readonly redis: string;
  readonly store: string;
  /** Node's own. */
  readonly nodeFlags: readonly string[];
}

/** A pod's ServiceAccount is at a fixed place, so the process gets a /run of its own. $0: what is there in a pod; $1: its control group. */
const IN_POD = `mount -t tmpfs -o size=1m none /run && mkdir -p /run/secrets/kubernetes.io &&
ln -s "$0" /run/secrets/kubernetes.io/serviceaccount && echo $$ >"$1" && shift && exec "$@"`;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** `articdbm operator` from the bundle, with what a pod gives it: a kubeconfig's library would take memory that pods don't. */
export class PodOperator {
  readonly https: number;
  /** By performance.now(). */
  readonly started: number;
  readonly #admin: string;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'articdbm-bench-operator-'));
  readonly #child: ChildProcess;
  readonly #limit: MemoryLimit;
  #output = '';

  static async start(options: PodOperatorOptions): Promise<PodOperator> {
    if (process.getuid?.() !== 0) throw new Error('this bench is for root: it gives processes a /run of their own');
    bundles(); // whose making is no part of a start
    return new PodOperator(options, await freePort(), await freePort());
  }

  private constructor(options: PodOperatorOptions, https: number, admin: number) {
    const { apiServer, namespace, nodeFlags } = options;
    this.https = https;
    this.#admin = `http://127.0.0.1:${String(admin)}`;
    const file = (name: string, text: string): string => {
      const at = path.join(this.#folder, name);
      writeFileSync(at, text, { mode: 0o600 });
      return at;
    };
    for (const [name, text] of Object.entries({ 'ca.crt': apiServer.ca, token: apiServer.token, namespace }))
      file(name, text);
    const [redis, store] = [file('redis', options.redis), file('store', options.store)];
    const flags = [
      ...[`--redis-url-file=${redis}`, `--proxy-redis-url-file=${redis}`, `--store-url-file=${store}`],
      ...[`--listen=127.0.0.1:${String(https)}`, `--admin=127.0.0.1:${String(admin)}`],
      ...['--service-host=localhost', '--proxy-image=example.com/articdbm-proxy:1', '--shutdown-delay=0ms'],
      `--identity=operator-${String(https)}`,
    ];
    const program = [process.execPath, ...nodeFlags, bundles().operator, 'operator', ...flags];
    this.#limit = new MemoryLimit(path.basename(this.#folder), chartLimit('operator'));
    this.started = performance.now();
    this.#child = spawn(
      'unshare',
      ['--mount', '--propagation=private', 'sh', '-c', IN_POD, this.#folder, this.#limit.entry, ...program],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...{ PATH: process.env.PATH, ...imageEnvironment('operator') },
          ...{ KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(apiServer.port) },
        },
      },
    );
    running.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (data: Buffer) => (this.#output = (this.#output + data.toString()).slice(-20_000)));
  }

  memory(): Memory {
    return memoryOf(this.#child.pid ?? 0);
  }

  async leads(): Promise<void> {
    await this.until(({ articdbm_operator_leader: leader }) => leader === 1, 'it leads', 60_000);
  }

  /** Until its metrics are so, looked at every 100 ms. Throws with the end of its log. */
  async until(is: (metrics: Metrics) => boolean, what: string, patience: number): Promise<Metrics> {
    const end = performance.now() + patience;
    for (;;) {
      const metrics = await this.metrics();
      if (is(metrics)) return metrics;
      if (this.#child.exitCode !== null || performance.now() > end) throw new Error(`not so: ${what}\n${this.#output}`);
      await sleep(100);
    }
  }

  /** By series, as `name{label="value"}`; none while nobody answers. */
  async metrics(): Promise<Metrics> {
    try {
      const text = await (await fetch(`${this.#admin}/metrics`)).text();
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return Object.fromEntries(
        lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
      );
    } catch (error) {
      if (error instanceof TypeError) return {};
      throw error;
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await gone;
    }
    running.delete(this.#child);
    rmSync(this.#folder, { recursive: true, force: true });
    this.#limit.remove();
  }
}

export type Metrics = Readonly<Record<string, number>>;

/** Sum of all series of that name. */
export const sumOf = (metrics: Metrics, name: string): number =>
  Object.entries(metrics)
    .filter(([series]) => series === name || series.startsWith(`${name}{`))
    .reduce((sum, [, value]) => sum + value, 0);
