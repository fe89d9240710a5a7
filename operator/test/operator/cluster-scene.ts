import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import pg from 'pg';
import { KEYS_SECRET } from '#contract/names';
import { parseKeyRing, type KeyRing } from '#contract/snapshot/keys';
import { redisNames } from '#contract/snapshot/redis';
import type { KubeClient } from '#operator/kube/client';
import {
  DATABASE_BACKENDS,
  DB_PERMISSIONS,
  DB_USERS,
  SECRETS,
  type KubeObject,
  type ResourceKind,
} from '#operator/kube/resource';
import { requirePostgres, type PostgresServer } from '#test/harness/postgres-server';
import { requireRedis, type RedisServer } from '#test/harness/redis-server';
import { requireApiServer, type ApiServer, type ApiServerOptions } from '../harness/api-server.ts';
import {
  OPERATOR_NAMESPACE,
  startOperator,
  type OperatorProcess,
  type OperatorProcessOptions,
} from '../harness/operator.ts';
import { eventually } from '../publish/proxies.ts';
import { inForce, type InForce } from '../publish/scene.ts';

export interface StatusObject extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

/** API server, Redis and store of a suite's own, and what is applied there. */
export class ClusterScene {
  readonly apiServer: ApiServer;
  readonly redisServer: RedisServer;
  readonly postgres: PostgresServer;
  readonly client: KubeClient;
  readonly redis: Redis;
  readonly store: pg.Pool;

  static async open(context: Mocha.Context, options: ApiServerOptions = {}): Promise<ClusterScene> {
    const apiServer = await requireApiServer(context, options);
    const redisServer = await requireRedis(context);
    const postgres = await requirePostgres(context, { major: 18 });
    const scene = new ClusterScene(apiServer, redisServer, postgres);
    await apiServer.installCrds();
    await apiServer.createNamespaces(OPERATOR_NAMESPACE, 'prod', 'shop');
    return scene;
  }

  private constructor(apiServer: ApiServer, redisServer: RedisServer, postgres: PostgresServer) {
    this.apiServer = apiServer;
    this.redisServer = redisServer;
    this.postgres = postgres;
    this.client = apiServer.client();
    this.redis = redisServer.client();
    this.store = new pg.Pool({ connectionString: this.storeUrl });
    this.store.on('error', () => undefined);
  }

  get storeUrl(): string {
    return `postgres://postgres:${this.postgres.password}@127.0.0.1:${String(this.postgres.port)}/postgres`;
  }

  operator(options: Partial<OperatorProcessOptions> = {}): Promise<OperatorProcess> {
    return startOperator({
      apiServer: this.apiServer,
      redis: this.redisServer.url,
      store: this.storeUrl,
      ...options,
    });
  }

  async apply(...objects: readonly Applied[]): Promise<void> {
    for (const { resource, object } of objects)
      await this.client.apply(resource, object, { fieldManager: 'kubectl', force: true });
  }

  async remove(...objects: readonly Applied[]): Promise<void> {
    for (const { resource, object } of objects) await this.client.delete(resource, object.metadata);
  }

  async status({ resource, object }: Applied): Promise<StatusObject['status']> {
    return (await this.client.get<StatusObject>(resource, object.metadata))?.status;
  }

  async readyCondition(applied: Applied): Promise<string> {
    const ready = (await this.status(applied))?.conditions?.find(({ type }) => type === 'Ready');
    return ready === undefined ? 'none' : `${ready.status} ${ready.reason}: ${ready.message}`;
  }

  /** As the Secret has them. */
  async ring(): Promise<KeyRing> {
    const ref = { namespace: OPERATOR_NAMESPACE, name: KEYS_SECRET };
    const secret = await this.client.get<KubeObject & { readonly data: Record<string, string> }>(SECRETS, ref);
    const data = Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]);
    return parseKeyRing(Object.fromEntries(data) as Record<string, Buffer>);
  }

  /** What a proxy of the scope would take from Redis now. */
  async inForce(scope: string): Promise<InForce | undefined> {
    return inForce(this.redis, scope, await this.ring());
  }

  /** Until the scope's policy is as said. */
  async until(scope: string, is: (now: InForce | undefined) => boolean, patience = 10_000): Promise<InForce> {
    let now: InForce | undefined;
    await eventually(async () => is((now = await this.inForce(scope))), `policy of ${scope}`, patience).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}, not ${JSON.stringify(now?.snapshot)}`);
      },
    );
    if (now === undefined) throw new Error('there is none');
    return now;
  }

  async rows(scope: string): Promise<readonly { revision: number; term: number; who: string; why: string }[]> {
    const { rows } = await this.store.query<{ revision: string; term: string; who: string; why: string }>(
      'select revision, term, who, why from articdbm.revisions where scope = $1 order by revision',
      [scope],
    );
    return rows.map((row) => ({ ...row, revision: Number(row.revision), term: Number(row.term) }));
  }

  headOf(scope: string): Promise<string | null> {
    return this.redis.get(redisNames(scope).head);
  }

  async close(): Promise<void> {
    await this.store.end();
    await this.postgres.stop();
    await this.redisServer.stop();
    await this.apiServer.stop();
  }
}

export interface Applied {
  readonly resource: ResourceKind;
  readonly object: KubeObject;
}

const OURS = 'articdbm.io/v1alpha1';
const meta = (key: string) => {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
};

/** key: `namespace/name`, as in all that follows. */
export const secret = (key: string, stringData: Readonly<Record<string, string>>): Applied => ({
  resource: SECRETS,
  object: { metadata: meta(key), stringData } as KubeObject,
});

export const backend = (key: string, spec: object = {}): Applied => ({
  resource: DATABASE_BACKENDS,
  object: {
    apiVersion: OURS,
    metadata: meta(key),
    spec: {
      protocol: 'postgresql',
      endpoints: [{ name: 'primary', host: 'db', port: 5432, role: 'primary' }],
      database: 'orders',
      credentialsSecretRef: { name: `${meta(key).name}-login` },
      tls: { mode: 'disable' },
      ...spec,
    },
  } as KubeObject,
});

export const user = (key: string, spec: object = {}): Applied => ({
  resource: DB_USERS,
  object: { apiVersion: OURS, metadata: meta(key), spec: { username: meta(key).name, ...spec } } as KubeObject,
});

export const permission = (key: string, userName: string, backendKey: string, tables: readonly string[]): Applied => ({
  resource: DB_PERMISSIONS,
  object: {
    apiVersion: OURS,
    metadata: meta(key),
    spec: {
      userRef: { name: userName },
      backendRef: meta(backendKey),
      rules: [{ sql: { tables, actions: ['select'] } }],
    },
  } as KubeObject,
});

/** A backend that shop's application `app` may read a table of, by its sidecar and by a gateway. */
export const SHOP = {
  login: secret('prod/orders-login', { username: 'articdbm', password: 'upstream-hunter2' }),
  password: secret('shop/app-password', { password: 'users-hunter2' }),
  backend: backend('prod/orders', {
    gateways: ['gateway'],
    sharedLogin: 'Allow',
    consumers: [{ namespace: 'shop', ceiling: [{ sql: { tables: ['*'], actions: ['read', 'write'] } }] }],
  }),
  user: user('shop/app', { serviceAccounts: ['app'], passwordSecretRef: { name: 'app-password' } }),
  permission: permission('shop/app-reads', 'app', 'prod/orders', ['orders']),
};
export const SIDECAR = 'shop/app';
export const GATEWAY = 'prod/gateway';
/** Passwords that must be nowhere but in their Secrets. */
export const PASSWORDS = ['upstream-hunter2', 'users-hunter2'];

/** Patterns of tables that users of the scope may read. */
export const tablesOf = (now: InForce | undefined): readonly string[] =>
  (now?.snapshot.backends ?? [])
    .flatMap(({ users }) => users.flatMap(({ rules }) => rules.flatMap(({ sql }) => sql.tables ?? [])))
    .sort();

export const pause = (milliseconds: number): Promise<void> => sleep(milliseconds);
