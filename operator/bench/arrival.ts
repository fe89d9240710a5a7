import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { INJECT_LABEL } from '#contract/names';
import { scopeKeysFor } from '#contract/snapshot/keys-scope';
import { parseKeyRing } from '#contract/snapshot/keys';
import type { KubeClient } from '#operator/kube/client';
import { PODS, objectPath, type KubeObject } from '#operator/kube/resource';
import { backend, permission, secret, user, type Applied } from '../test/operator/cluster-scene.ts';
import { addressOf } from '../test/publish/scene.ts';
import { BenchCluster } from './cluster.ts';
import { load } from './memory.ts';
import { sumOf } from './pod-operator.ts';
import { atRate, distributionOf, inParallel, now, type Distribution } from './statistics.ts';
import type { Begin, Subscriber, Swap, Told } from './subscribers.ts';

export interface ArrivalSize {
  readonly scopes: number;
  readonly processes: number;
  /** How often all scopes are touched at once. */
  readonly together: number;
  /** Changes a second that touch one scope each; one for each scope. */
  readonly perSecond: number;
}

export interface ArrivalResult extends ArrivalSize {
  /** Of one change that touches all scopes. */
  readonly all: Distribution;
  readonly one: Distribution;
  /** Milliseconds that the API server took to answer those applies. */
  readonly applied: Distribution;
  /** How often a proxy found something wrong with its feed, once all had started. */
  readonly troubles: number;
  /** Seconds of the operator's CPU for one change of all scopes, statuses included. */
  readonly cpu: number;
  /** Bytes: the operator's with all scopes and pods, some time after. */
  readonly rss: number;
  readonly load: number;
}

/** Between two rounds: statuses that the last one touched are written meanwhile, and for a moment after. */
const REST_MS = 12_000;
const PATIENCE_MS = 120_000;

const nameOf = (index: number): string => `app-${String(index)}`;
const scopeOf = (index: number): string => `shop/${nameOf(index)}`;

/** How often the backend, and each permission, has been changed can be read off what is in force. */
const backendAt = (edition: number): Applied =>
  backend('prod/orders', {
    sharedLogin: 'Allow',
    credentialsSecretRef: { name: 'orders-login' },
    searchPath: ['public', `edition_${String(edition)}`],
    consumers: [{ namespace: 'shop', ceiling: [{ sql: { tables: ['*'], actions: ['read', 'write'] } }] }],
  });
const permissionAt = (index: number, edition: number): Applied =>
  permission(scopeOf(index), nameOf(index), 'prod/orders', [`table_${String(edition)}`]);

export async function measureArrival(size: ArrivalSize, nodeFlags: readonly string[] = []): Promise<ArrivalResult> {
  const cluster = await BenchCluster.open();
  const proxies = new Proxies();
  try {
    const { client } = cluster.scene;
    const indices = Array.from({ length: size.scopes }, (_, index) => index);
    await fill(client, indices);
    const operator = await cluster.operator(nodeFlags);
    await operator.leads();
    await operator.until(
      (metrics) => sumOf(metrics, 'articdbm_operator_statuses_written_total') > 2 * size.scopes,
      'all have a status',
      PATIENCE_MS,
    );
    const pods = await podsOf(client, indices);
    await proxies.start(size.processes, await subscribersOf(cluster, pods), cluster.scene.redisServer.url);
    await sleep(REST_MS);
    proxies.troubles = 0;
    const before = await operator.metrics();
    const all = await changeAll(client, proxies, size);
    const after = await operator.metrics();
    const [began, ended] = [before, after].map((metrics) => sumOf(metrics, 'process_cpu_seconds_total')) as Pair;
    const { one, applied } = await changeOneByOne(client, proxies, size);
    const loaded = load();
    await sleep(2 * REST_MS);
    return {
      ...{ ...size, all: distributionOf(all), one: distributionOf(one), applied: distributionOf(applied) },
      ...{ troubles: proxies.troubles, cpu: (ended - began) / size.together },
      ...{ rss: operator.memory().rss, load: loaded },
    };
  } finally {
    proxies.stop();
    await cluster.close();
  }
}

type Pair = [number, number];

async function fill(client: KubeClient, indices: readonly number[]): Promise<void> {
  await client.create(...created(secret('prod/orders-login', { username: 'x', password: 'y' })));
  await client.create(...created(backendAt(0)));
  await inParallel(indices, 8, async (index) => {
    await client.create(...created(user(scopeOf(index), { serviceAccounts: [nameOf(index)] })));
    await client.create(...created(permissionAt(index, 0)));
  });
}

/** When the API server had answered. */
async function apply(client: KubeClient, { resource, object }: Applied): Promise<number> {
  await client.apply(resource, object, { fieldManager: 'kubectl', force: true });
  return now();
}

/** Milliseconds of each swap in each of several rounds. */
async function changeAll(client: KubeClient, proxies: Proxies, size: ArrivalSize): Promise<readonly number[]> {
  const all: number[] = [];
  for (let edition = 1; edition <= size.together; edition++) {
    const answered = await apply(client, backendAt(edition));
    const swaps = await proxies.until(size.scopes, (swap) => swap.edition === edition);
    all.push(...swaps.map(({ at }) => at - answered));
    await sleep(REST_MS);
  }
  return all;
}

/** Milliseconds of each swap, and of each answer of the API server. */
async function changeOneByOne(
  client: KubeClient,
  proxies: Proxies,
  { perSecond, scopes }: ArrivalSize,
): Promise<{ readonly one: readonly number[]; readonly applied: readonly number[] }> {
  const applied: number[] = [];
  const answers = new Map<string, number>();
  await atRate(perSecond, scopes, async (index) => {
    const sent = now();
    const answered = await apply(client, permissionAt(index, 1));
    applied.push(answered - sent);
    answers.set(scopeOf(index), answered);
  });
  const swaps = await proxies.until(scopes, (swap) => swap.table === 'table_1');
  return { one: swaps.map(({ scope, at }) => at - (answers.get(scope) ?? NaN)), applied };
}

const created = ({ resource, object }: Applied): [typeof resource, typeof object] => [resource, object];

/** Pods that no node runs, and that are said to: so the operator reads their heartbeats and counts them. Their uids. */
async function podsOf(client: KubeClient, indices: readonly number[]): Promise<readonly string[]> {
  const uids: string[] = [];
  await inParallel(indices, 8, async (index) => {
    const ref = { namespace: 'shop', name: nameOf(index) };
    const spec = { serviceAccountName: ref.name, containers: [{ name: 'app', image: 'app' }] };
    const metadata = { ...ref, labels: { [INJECT_LABEL]: 'true' } };
    const pod = await client.create<KubeObject & { spec: object }>(PODS, { metadata, spec });
    uids[index] = pod.metadata.uid ?? '';
    await client.request({
      method: 'PATCH',
      path: objectPath(PODS, ref, 'status'),
      contentType: 'application/merge-patch+json',
      body: { status: { phase: 'Running' } },
    });
  });
  return uids;
}

async function subscribersOf(cluster: BenchCluster, pods: readonly string[]): Promise<readonly Subscriber[]> {
  const ring = parseKeyRing(await cluster.keyData());
  return pods.map((podUid, index) => {
    const scope = scopeOf(index);
    return { scope, podUid, keys: scopeKeysFor(ring, scope, podUid) };
  });
}

/** Simulated proxies: the real subscriber, many to a process. */
class Proxies {
  readonly #children: ChildProcess[] = [];
  #swaps: Swap[] = [];
  /** How often a proxy had something to complain of. */
  troubles = 0;

  /** Until each has policy. */
  async start(processes: number, subscribers: readonly Subscriber[], redis: string): Promise<void> {
    const each = Math.ceil(subscribers.length / processes);
    for (let from = 0; from < subscribers.length; from += each) {
      const child = fork(path.join(import.meta.dirname, 'subscribers.ts'));
      child.on('message', (told) => this.#hear(told as Told));
      this.#children.push(child);
      child.send({ redis: addressOf(redis), subscribers: subscribers.slice(from, from + each) } satisfies Begin);
    }
    await this.until(subscribers.length, () => true);
  }

  /** The first of each proxy that is so, of all that came since the last call. */
  async until(count: number, is: (swap: Swap) => boolean): Promise<readonly Swap[]> {
    const end = now() + PATIENCE_MS;
    const found = new Map<string, Swap>();
    for (;;) {
      for (const swap of this.#swaps.splice(0)) if (is(swap) && !found.has(swap.scope)) found.set(swap.scope, swap);
      if (found.size >= count) return [...found.values()];
      if (now() > end) throw new Error(`${String(found.size)} of ${String(count)} proxies have the change`);
      await sleep(20);
    }
  }

  #hear({ swaps, troubles }: Told): void {
    this.#swaps.push(...swaps);
    this.troubles += troubles;
  }

  stop(): void {
    for (const child of this.#children) child.kill();
  }
}
