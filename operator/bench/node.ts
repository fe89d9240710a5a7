import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROXY_CONTAINER } from '#contract/names';
import type { Kubectl, Manifest } from '../../e2e/harness/kubectl.ts';
import { ROOT } from './images.ts';
import { load, memoryOf } from './memory.ts';
import { now } from './statistics.ts';

/** On a real node, with the images and the chart: from the container's first instruction to what the API server knows of it. */
export interface NodeResult {
  /**
   * Milliseconds from the start of the sidecar's process to the startup probe's success, as a watcher of the API server
   * sees it: new pods, and containers that were killed and found what was kept. kubelet probes once a second.
   */
  readonly cold: readonly number[];
  readonly kept: readonly number[];
  /** Resident bytes of each sidecar after some idle time. */
  readonly sidecars: readonly number[];
  /** And of the operator's two pods. */
  readonly operators: readonly number[];
  readonly load: number;
}

const PODS = 8;
const NAMESPACE = 'bench';
const SETTLE_MS = 30_000;
const PATIENCE_MS = 120_000;

export async function measureNode(): Promise<NodeResult> {
  process.env.NAME ??= 'bench'; // a cluster of its own; read when the harness is loaded
  const { theCluster, endCluster } = await import('../../e2e/harness/cluster.ts');
  const { install } = await import('../../e2e/harness/release.ts');
  const cluster = await theCluster();
  try {
    await install(cluster, []);
    await cluster.kubectl.run(['create', 'namespace', NAMESPACE]);
    const kubectl = cluster.kubectl.in(NAMESPACE);
    const [database, access, client] = ['database', 'access', 'client'].map((name) =>
      readFileSync(path.join(ROOT, `docs/examples/quick-start/${name}.yaml`), 'utf8').replaceAll(
        'quick-start',
        NAMESPACE,
      ),
    ) as [string, string, string];
    await kubectl.run(['apply', '-f', '-'], { input: database });
    await kubectl.run(['apply', '-f', '-'], { input: access });
    await kubectl.ready(120, 'dbuser/reporting');
    const pods = new PodWatch(kubectl);
    try {
      const [cold, kept] = await startPods(kubectl, client, pods);
      const loaded = load();
      await sleep(SETTLE_MS);
      const sidecars = processesOf('articdbm-proxy.js').map((pid) => memoryOf(pid).rss);
      const operators = processesOf('articdbm.js operator').map((pid) => memoryOf(pid).rss);
      return { cold, kept, sidecars, operators, load: loaded };
    } finally {
      pods.stop();
    }
  } finally {
    await endCluster();
  }
}

/** One after another, so that none is measured while another starts. */
async function startPods(kubectl: Kubectl, client: string, pods: PodWatch): Promise<[cold: number[], kept: number[]]> {
  const cold: number[] = [];
  const kept: number[] = [];
  for (let index = 0; index < PODS; index++) {
    const name = `client-${String(index)}`;
    const before = new Set(processesOf('articdbm-proxy.js'));
    await kubectl.run(['apply', '-f', '-'], { input: client.replace(/^( *name: )client$/m, `$1${name}`) });
    cold.push((await pods.started(name, 0)) - startOf(await newProcess(before)));
    await kubectl.ready(60, `pod/${name}`);
    const [own] = processesOf('articdbm-proxy.js').filter((pid) => !before.has(pid));
    if (own === undefined) throw new Error('the sidecar is gone');
    const known = new Set(processesOf('articdbm-proxy.js'));
    process.kill(own, 'SIGKILL');
    kept.push((await pods.started(name, 1)) - startOf(await newProcess(known)));
  }
  return [cold, kept];
}

interface WatchedPod extends Manifest {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly initContainerStatuses?: readonly {
      readonly name: string;
      readonly started?: boolean;
      readonly restartCount: number;
    }[];
  };
}

/** When the API server was first seen to know that a sidecar has started. */
class PodWatch {
  readonly #seen = new Map<string, number>();
  readonly #child;

  constructor(kubectl: Kubectl) {
    const args = kubectl.command(['get', 'pods', '--watch', '-o', 'jsonpath={@}{"\\n"}']);
    this.#child = spawn(kubectl.program, args, { env: kubectl.env, stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface(this.#child.stdout).on('line', (line) => this.#look(JSON.parse(line) as WatchedPod));
  }

  async started(pod: string, restarts: number): Promise<number> {
    const end = now() + PATIENCE_MS;
    for (;;) {
      const at = this.#seen.get(`${pod} ${String(restarts)}`);
      if (at !== undefined) return at;
      if (now() > end) throw new Error(`the sidecar of ${pod} did not start`);
      await sleep(10);
    }
  }

  stop(): void {
    this.#child.kill();
  }

  #look({ metadata, status }: WatchedPod): void {
    const at = now();
    const sidecar = status?.initContainerStatuses?.find(({ name }) => name === PROXY_CONTAINER);
    if (sidecar?.started !== true) return;
    const key = `${metadata.name} ${String(sidecar.restartCount)}`;
    if (!this.#seen.has(key)) this.#seen.set(key, at);
  }
}

async function newProcess(known: ReadonlySet<number>): Promise<number> {
  const end = now() + PATIENCE_MS;
  for (;;) {
    const [found] = processesOf('articdbm-proxy.js').filter((pid) => !known.has(pid));
    if (found !== undefined) return found;
    if (now() > end) throw new Error('no sidecar was started');
    await sleep(10);
  }
}

/** Of this machine whose program is Node's of an image, with that in their command line: pods are its processes too. */
function processesOf(what: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const command = commandOf(pid);
    return command.startsWith('/app/node ') && command.includes(what) && isOfBench(pid);
  });
}

/** Another cluster's pods may run beside ours. */
const isOfBench = (pid: number): boolean =>
  read(`/proc/${String(pid)}/cgroup`).includes(`/${process.env.NAME ?? ''}-n`);

const commandOf = (pid: number): string => read(`/proc/${String(pid)}/cmdline`).replaceAll('\0', ' ');

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

/** Ticks of /proc, whatever the kernel's own clock does (USER_HZ). */
const TICK_MS = 10;

/** Milliseconds by the clock of now(), to within a tick. */
function startOf(pid: number): number {
  const stat = read(`/proc/${String(pid)}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third on: the name may hold anything
  return Number(fields[22 - 3] ?? NaN) * TICK_MS;
}
