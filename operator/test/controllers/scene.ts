import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { KeyRing } from '#contract/snapshot/keys';
import { HistoryState } from '#operator/controllers/history-state';
import type { ControllersOptions, ControllerTimes } from '#operator/controllers/context';
import { startControllers, type RunningControllers } from '#operator/controllers/start-controllers';
import type { KeySecret } from '#operator/keys/key-secret';
import type { KubeClient } from '#operator/kube/client';
import { EventRecorder } from '#operator/kube/events';
import {
  DATABASE_BACKENDS,
  DB_PERMISSIONS,
  DB_USERS,
  PODS,
  SECRETS,
  type KubeObject,
  type ResourceKind,
} from '#operator/kube/resource';
import { SYSTEM_CLOCK } from '#operator/kube/system-clock';
import { Publisher, type PublisherOptions } from '#operator/publish/publisher';
import { connectRedis, type RedisClient } from '#operator/publish/redis-client';
import { watchResources, type WatchedResources } from '#operator/resources/watch-resources';
import { ClusterSecrets } from '#operator/secrets/cluster-secrets';
import type { RedisServer } from '#test/harness/redis-server';
import type { ApiServer } from '../harness/api-server.ts';
import { addressOf, inForce, MemoryHistory, ready, RING, type InForce } from '../publish/scene.ts';

export const NAMESPACES = ['prod', 'shop'];
const OPERATOR = 'operator';
export const OPERATOR_USERS = [OPERATOR, 'poor'];

/** Quick, so that a test need not wait for minutes. */
const WATCH_TIMES = { idleMs: 2_000, watchMs: 4_000, relistMs: 8_000, firstDelayMs: 10, mostDelayMs: 500 };

export interface Requests {
  readonly counts: Map<string, number>;
  /** All but GET, LIST and WATCH. */
  writes(): number;
}

export class TestKeys implements KeySecret {
  #ring: KeyRing = RING;
  readonly #listeners = new Set<(ring: KeyRing) => void>();
  ring(): KeyRing {
    return this.#ring;
  }
  refresh(): Promise<KeyRing> {
    return Promise.resolve(this.#ring);
  }
  onChange(listener: (ring: KeyRing) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  change(ring: KeyRing): void {
    this.#ring = ring;
    for (const listener of this.#listeners) listener(ring);
  }
}

export interface OperatorOptions {
  readonly way?: 'direct' | 'through';
  readonly user?: string;
  readonly times?: Partial<ControllerTimes>;
  readonly publisher?: Partial<PublisherOptions>;
  readonly keys?: TestKeys;
  /** Of an earlier leader, as the store would have it. */
  readonly history?: MemoryHistory;
  readonly hooks?: ControllersOptions['hooks'];
}

/** All of the operator that these tests are about, as the manager puts it together; the lead is given. */
export class Operator {
  readonly #server: ApiServer;
  readonly #redisUrl: string;
  readonly #options: OperatorOptions;
  readonly requests: Requests;
  readonly errors: unknown[] = [];
  readonly history: MemoryHistory;
  readonly historyState = new HistoryState();
  readonly leading = new AbortController();
  readonly keys: TestKeys;
  controllers!: RunningControllers;
  watched!: WatchedResources;
  secrets!: ClusterSecrets;
  publisher!: Publisher;
  redis!: RedisClient;
  events!: EventRecorder;

  constructor(server: ApiServer, redisUrl: string, options: OperatorOptions = {}) {
    this.#server = server;
    this.#redisUrl = redisUrl;
    this.#options = options;
    this.keys = options.keys ?? new TestKeys();
    this.history = options.history ?? new MemoryHistory();
    const counts = new Map<string, number>();
    const reads = new Set(['GET', 'WATCH']);
    this.requests = {
      counts,
      writes: () => [...counts].filter(([method]) => !reads.has(method)).reduce((sum, [, count]) => sum + count, 0),
    };
  }

  async start(): Promise<this> {
    const { way = 'direct', user = OPERATOR, times = {}, hooks = {} } = this.#options;
    const client = this.#server.client(way, `${user}-token`, (method) =>
      this.requests.counts.set(method, (this.requests.counts.get(method) ?? 0) + 1),
    );
    const environment = { clock: SYSTEM_CLOCK, random: Math.random, wall: Date.now };
    this.watched = watchResources({ client, ...environment, times: WATCH_TIMES });
    const { resources } = this.watched;
    const onError = (error: unknown): unknown => this.errors.push(error);
    this.secrets = new ClusterSecrets({
      ...{ client, ...environment, onError },
      keysOf: (namespace, name) => resources.keysOfSecret(namespace, name),
    });
    this.redis = connectRedis(addressOf(this.#redisUrl), () => undefined);
    await ready(this.redis).catch(() => undefined);
    this.publisher = new Publisher({
      redis: this.redis,
      clustered: false,
      history: this.history,
      keys: () => this.keys.ring(),
      now: Date.now,
      isLeader: () => Promise.resolve(!this.leading.signal.aborted),
      ...this.#options.publisher,
    });
    this.events = new EventRecorder({ client, ...environment, controller: 'articdbm.io/operator', instance: 'test' });
    await this.watched.synced;
    this.controllers = startControllers({
      ...{ client, resources, ...environment, secrets: this.secrets, keys: this.keys, publisher: this.publisher },
      ...{ redis: this.redis, history: this.historyState, events: this.events },
      leadership: { signal: this.leading.signal, check: () => this.leading.signal.throwIfAborted() },
      times,
      hooks: {
        ...hooks,
        reconciled: (kind, outcome, milliseconds) => {
          if (outcome.kind === 'retry') this.errors.push(outcome.cause);
          hooks.reconciled?.(kind, outcome, milliseconds);
        },
        failed: (_, error) => this.errors.push(error),
      },
    });
    return this;
  }

  /** Nothing is left to do. */
  async idle(): Promise<void> {
    for (let quiet = 0; quiet < 4;) {
      const { scopes, statuses } = this.controllers.queues();
      const busy =
        scopes.ready + scopes.running + scopes.waiting + statuses.ready + statuses.running + statuses.waiting;
      quiet = busy === 0 ? quiet + 1 : 0;
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    await this.controllers.drain(2_000);
    await this.watched.stop();
    this.redis.disconnect();
  }
}

export type Resource = KubeObject & {
  readonly kind: string;
  readonly spec?: unknown;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
      readonly observedGeneration?: number;
    }[];
    readonly proxies?: { readonly running: number; readonly inSync?: number; readonly summary: string };
  };
};

export const KINDS: Readonly<Record<string, ResourceKind>> = {
  DatabaseBackend: DATABASE_BACKENDS,
  DbUser: DB_USERS,
  DbPermission: DB_PERMISSIONS,
  Secret: SECRETS,
  Pod: PODS,
};

export const kindOf = ({ kind }: { readonly kind: string }): ResourceKind => {
  const found = KINDS[kind];
  if (found === undefined) throw new Error(`no kind ${kind}`);
  return found;
};

/** As kubectl apply --server-side. */
export const apply = (client: KubeClient, resource: Resource): Promise<Resource> =>
  client.apply(kindOf(resource), resource, { fieldManager: 'kubectl', force: true });

export const remove = (client: KubeClient, { kind, metadata }: Resource): Promise<void> =>
  client.delete(kindOf({ kind }), metadata);

export async function read(client: KubeClient, resource: Pick<Resource, 'kind' | 'metadata'>): Promise<Resource> {
  const found = await client.get<Resource>(kindOf(resource), resource.metadata);
  if (found === undefined) throw new Error(`${resource.kind} ${resource.metadata.name} is not there`);
  return found;
}

/** A condition's `status reason`; undefined: it has none of that type. */
export function condition(resource: Resource, type: string): string | undefined {
  const found = resource.status?.conditions?.find((one) => one.type === type);
  return found && `${found.status} ${found.reason}`;
}

/** What `kubectl wait --for=condition=Ready` waits for: the condition, and that it speaks of what is there now. */
export const isReady = (resource: Resource): boolean =>
  condition(resource, 'Ready')?.startsWith('True') === true &&
  resource.status?.conditions?.every((one) => one.observedGeneration === resource.metadata.generation) === true;

export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  milliseconds = 20_000,
): Promise<T> {
  const end = Date.now() + milliseconds;
  let error: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (cause) {
      error = cause;
    }
    if (Date.now() > end) throw new Error(`not in time: ${what}`, { cause: error });
    await sleep(20);
  }
}

export const waitReady = (client: KubeClient, resource: Resource, milliseconds?: number): Promise<Resource> =>
  until(
    `${resource.kind} ${resource.metadata.name} is Ready`,
    async () => {
      const now = await read(client, resource);
      return isReady(now) && now;
    },
    milliseconds,
  );

/** Names of users by backend, as proxies of the scope have them. */
export function usersIn(found: InForce | undefined): Record<string, string[]> | undefined {
  const entries = found?.snapshot.backends.map(({ id, users }) => [id, users.map(({ name }) => name)] as const);
  return entries && Object.fromEntries(entries);
}

export const policy = (redis: Pick<Redis, 'get' | 'getBuffer'>, scope: string): Promise<InForce | undefined> =>
  inForce(redis, scope);

const API = 'articdbm.io/v1alpha1';
type Spec = Readonly<Record<string, unknown>>;

export const backend = (namespace: string, name: string, spec: Spec = {}): Resource => ({
  apiVersion: API,
  kind: 'DatabaseBackend',
  metadata: { namespace, name },
  spec: {
    protocol: 'postgresql',
    endpoints: [{ name: 'primary', host: 'db.prod.svc' }],
    database: 'orders',
    credentialsSecretRef: { name: 'db-login' },
    gateways: ['gateway'],
    ...spec,
  },
});

export const user = (namespace: string, name: string, spec: Spec = {}): Resource => ({
  apiVersion: API,
  kind: 'DbUser',
  metadata: { namespace, name },
  spec: { username: name, ...spec },
});

export const permission = (namespace: string, name: string, spec: Spec = {}): Resource => ({
  apiVersion: API,
  kind: 'DbPermission',
  metadata: { namespace, name },
  spec: {
    userRef: { name },
    backendRef: { name: 'orders' },
    rules: [{ sql: { tables: ['*'], actions: ['read'] } }],
    ...spec,
  },
});

export const secret = (namespace: string, name: string, data: Readonly<Record<string, string>>): Resource =>
  ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  }) as unknown as Resource;

/** Made without a node: its phase is written by whoever calls. */
export async function makePod(
  client: KubeClient,
  namespace: string,
  name: string,
  account: string,
): Promise<KubeObject> {
  const pod = {
    metadata: { namespace, name, labels: { 'articdbm.io/inject': 'true' } },
    spec: { serviceAccountName: account, containers: [{ name: 'app', image: 'none' }] },
  };
  return client.create(PODS, pod);
}

export async function setPhase(client: KubeClient, pod: KubeObject, phase: string): Promise<void> {
  const { name, namespace } = pod.metadata;
  await client.request({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace ?? ''}/pods/${name}/status`,
    contentType: 'application/merge-patch+json',
    body: { status: { phase } },
  });
}

/** The story's resources: a backend, its login, a user with a password that is bound to a ServiceAccount, its permission. */
export const STORY: readonly Resource[] = [
  backend('prod', 'orders', { sharedLogin: 'Allow' }),
  secret('prod', 'db-login', { username: 'articdbm', password: 'login-pw' }),
  user('prod', 'reporting', { serviceAccounts: ['reporting'], passwordSecretRef: { name: 'reporting' } }),
  secret('prod', 'reporting', { password: 'user-pw' }),
  permission('prod', 'reporting'),
];

export async function clear(client: KubeClient, redis: Redis): Promise<void> {
  for (const namespace of NAMESPACES)
    for (const kind of Object.values(KINDS)) {
      const { items } = await client.list(kind, { namespace });
      for (const { metadata } of items)
        await client.request({
          method: 'DELETE',
          path: `${kind.group === '' ? '/api/v1' : `/apis/${kind.group}/${kind.version}`}/namespaces/${namespace}/${kind.plural}/${metadata.name}`,
          body: { gracePeriodSeconds: 0 },
        });
    }
  await redis.flushall();
}

export interface Servers {
  readonly api: ApiServer;
  readonly redis: RedisServer;
}
