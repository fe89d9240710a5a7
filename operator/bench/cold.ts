import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '#operator/kube/client';
import { DATABASE_BACKENDS, DB_PERMISSIONS, DB_USERS, type KubeObject } from '#operator/kube/resource';
import { backend, permission, secret, user, type Applied, type StatusObject } from '../test/operator/cluster-scene.ts';
import { BenchCluster } from './cluster.ts';
import { load } from './memory.ts';
import { sumOf, type Metrics, type PodOperator } from './pod-operator.ts';
import { inParallel } from './statistics.ts';

export interface ColdResult {
  readonly users: number;
  readonly permissions: number;
  readonly scopes: number;
  /** Milliseconds from the start of the process: it leads; all are Ready. */
  readonly leads: number;
  readonly ready: number;
  /** Bytes. */
  readonly peak: number;
  readonly settled: number;
  /** Seconds of CPU until all were Ready. */
  readonly cpu: number;
  /** Requests to the API server by method until all were Ready. */
  readonly calls: Readonly<Record<string, number>>;
  readonly load: number;
}

export interface ColdSize {
  readonly users: number;
  readonly perBackend: number;
}

const PATIENCE_MS = 600_000;
const SETTLE_MS = 45_000;

/** Each user has a ServiceAccount and a password of its own and two permissions; each backend a gateway. */
function* resources({ users, perBackend }: ColdSize): Generator<Applied> {
  yield secret('prod/login', { username: 'x', password: 'y' });
  for (let index = 0; index < users / perBackend; index++)
    yield backend(`prod/b${String(index)}`, {
      credentialsSecretRef: { name: 'login' },
      gateways: [`gateway-${String(index)}`],
      sharedLogin: 'Allow',
    });
  for (let index = 0; index < users; index++) {
    const name = `user-${String(index)}`;
    yield secret(`prod/${name}`, { password: `password of ${name}` });
    yield user(`prod/${name}`, { serviceAccounts: [name], passwordSecretRef: { name } });
    const on = `prod/b${String(Math.floor(index / perBackend))}`;
    for (const table of ['orders', 'customers']) yield permission(`prod/${name}-${table}`, name, on, [table]);
  }
}

export async function fill(client: KubeClient, size: ColdSize): Promise<void> {
  await inParallel(resources(size), 8, ({ resource, object }) => client.create(resource, object));
}

export async function measureCold(size: ColdSize, nodeFlags: readonly string[] = []): Promise<ColdResult> {
  const cluster = await BenchCluster.open();
  try {
    const { client } = cluster.scene;
    await fill(client, size);
    const operator = await cluster.operator(nodeFlags);
    await operator.leads();
    const leads = performance.now() - operator.started;
    const metrics = await allReady(operator, client, size);
    const ready = performance.now() - operator.started;
    const loaded = load();
    await sleep(SETTLE_MS);
    const { rss, peak } = operator.memory();
    return {
      ...{ users: size.users, permissions: 2 * size.users, scopes: sumOf(metrics, 'articdbm_operator_scopes') },
      ...{ leads, ready, peak, settled: rss, cpu: sumOf(metrics, 'process_cpu_seconds_total') },
      calls: callsOf(metrics),
      load: loaded,
    };
  } finally {
    await cluster.close();
  }
}

/** As many statuses as resources; then each is looked at, as many times as need be. */
async function allReady(operator: PodOperator, client: KubeClient, size: ColdSize): Promise<Metrics> {
  const expected = 3 * size.users + Math.ceil(size.users / size.perBackend);
  const written = (metrics: Metrics): number => sumOf(metrics, 'articdbm_operator_statuses_written_total');
  const metrics = await operator.until((now) => written(now) >= expected, 'all have a status', PATIENCE_MS);
  for (const kind of [DATABASE_BACKENDS, DB_USERS, DB_PERMISSIONS]) {
    const { items } = await client.list<StatusObject & KubeObject>(kind);
    const unready = items.filter(({ status }) => !isReady(status)).map(({ metadata }) => metadata.name);
    if (unready.length > 0) throw new Error(`${kind.plural} that are not Ready: ${unready.slice(0, 5).join(', ')}`);
  }
  return metrics;
}

const isReady = (status: StatusObject['status']): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

function callsOf(metrics: Metrics): Record<string, number> {
  const calls: Record<string, number> = {};
  for (const [series, count] of Object.entries(metrics)) {
    const method = /^articdbm_operator_api_requests_total\{.*method="([A-Z]+)"/.exec(series)?.[1];
    if (method !== undefined) calls[method] = (calls[method] ?? 0) + count;
  }
  return calls;
}
