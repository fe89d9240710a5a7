import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { resource } from '#contract/resources/testing';
import type { RedisAddress } from '#contract/snapshot/redis';
import { ownSecret } from '#operator/keys/own-secret';
import { openKeySecret, type OperatorKeys } from '#operator/keys/secret-keys';
import type { KubeClient } from '#operator/kube/client';
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
import { watchResources } from '#operator/resources/watch-resources';
import { ClusterSecrets } from '#operator/secrets/cluster-secrets';
import { openCertificates, type Certificates } from '#operator/serving/certificates';
import type { InjectConfig } from '#operator/serving/inject-config';
import { startServing, type RunningServing, type ServingOptions } from '#operator/serving/serving';

export const NAMESPACE = 'articdbm';
export const SERVER_NAME = `articdbm.${NAMESPACE}.svc`;
export const PROXY_REDIS: RedisAddress = {
  kind: 'single',
  nodes: [{ host: 'redis', port: 6379 }],
  username: 'proxy',
  password: 'of all proxies',
  tls: false,
  database: 0,
};
export const INJECT: Omit<InjectConfig, 'caBundle'> = {
  image: 'registry.example/articdbm/proxy:0.1.0',
  imagePullPolicy: 'IfNotPresent',
  operatorUrl: `https://${SERVER_NAME}:8443`,
  resources: { requests: { cpu: '10m', memory: '96Mi' }, limits: { memory: '256Mi' } },
  logLevel: 'warn',
  refuseAfter: '24h',
};

const SERVICE_ACCOUNTS: ResourceKind = { ...SECRETS, plural: 'serviceaccounts', kind: 'ServiceAccount' };

/** Clock, times and randomness of the real world. */
export const ENVIRONMENT = {
  clock: SYSTEM_CLOCK,
  wall: (): number => Date.now(),
  random: Math.random,
  randomBytes: (length: number): Buffer => randomBytes(length),
};

export interface Replica {
  readonly keys: OperatorKeys;
  readonly certificates: Certificates;
  readonly serving: RunningServing;
  readonly url: string;
  /** What went wrong. */
  readonly errors: unknown[];
  /** endpoint and outcome of each answer. */
  readonly answered: string[];
  stop(): Promise<void>;
}

export interface ReplicaOptions extends Partial<Pick<ServingOptions, 'policyOf' | 'leaderAddress' | 'hooks'>> {
  readonly rereadEvery?: number;
  /** As before the watches have listed. */
  readonly unsynced?: true;
}

/** One replica's serving part with all that it needs, against a real API server. */
export async function startReplica(client: KubeClient, options: ReplicaOptions = {}): Promise<Replica> {
  const errors: unknown[] = [];
  const answered: string[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const { rereadEvery = 60_000 } = options;
  const signal = AbortSignal.timeout(20_000);
  const own = (name: string) => ownSecret(client, { namespace: NAMESPACE, name });
  const [keys, certificates] = await Promise.all([
    openKeySecret({ ...ENVIRONMENT, secret: own('articdbm-keys'), onError, rereadEvery }, signal),
    openCertificates(
      { ...ENVIRONMENT, secret: own('articdbm-tls'), hosts: [SERVER_NAME, '127.0.0.1'], onError, rereadEvery },
      signal,
    ),
  ]);
  const watched = watchResources({ client, ...ENVIRONMENT });
  await watched.synced;
  const { resources } = watched;
  const secrets = new ClusterSecrets({
    ...{ client, ...ENVIRONMENT },
    keysOf: (namespace, name) => resources.keysOfSecret(namespace, name),
  });
  const serving = await startServing({
    ...ENVIRONMENT,
    ...{ client, keys, certificates, secrets, listen: { host: '127.0.0.1', port: 0 } },
    resources: options.unsynced ? { synced: false, ofScope: (scope) => resources.ofScope(scope) } : resources,
    proxyRedis: () => PROXY_REDIS,
    injectConfig: INJECT,
    policyOf: options.policyOf ?? (() => Promise.resolve(undefined)),
    leaderAddress: options.leaderAddress ?? (() => Promise.resolve({ kind: 'none' })),
    hooks: options.hooks ?? {
      answered: (endpoint, outcome) => answered.push(`${endpoint} ${outcome}`),
      podRefused: () => undefined,
      onError: (_part, error) => onError(error),
    },
  });
  return {
    ...{ keys, certificates, serving, errors, answered },
    url: `https://127.0.0.1:${String(serving.address.port)}`,
    async stop() {
      await serving.drain(2_000);
      keys.stop();
      certificates.stop();
      await watched.stop();
    },
  };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Asked {
  readonly token?: string | undefined;
  readonly body?: string | Buffer;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: https.Agent;
}

/** As a proxy asks: the server's certificate is verified by name. */
export async function ask(
  replica: Pick<Replica, 'url' | 'certificates'>,
  path: string,
  asked: Asked = {},
): Promise<Reply> {
  const { token, body = '', method = 'POST', headers = {}, agent } = asked;
  const request = https.request(`${replica.url}${path}`, {
    ...{ method, agent: agent ?? false, ca: replica.certificates.caBundle(), servername: SERVER_NAME },
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    signal: AbortSignal.timeout(20_000),
  });
  const answered = once(request, 'response');
  request.end(body);
  const [response] = (await answered) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, json: JSON.parse(text) as Reply['json'] };
}

export const reasonOf = ({ status, json }: Reply): string => `${String(status)} ${String(json.reason)}`;

export interface TestPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly account: string;
}

export async function makeAccount(client: KubeClient, namespace: string, name: string): Promise<void> {
  await client.create(SERVICE_ACCOUNTS, { metadata: { namespace, name } });
}

/** A pod that no node runs: all that a token is bound to. */
export async function makePod(client: KubeClient, namespace: string, account: string, name: string): Promise<TestPod> {
  const spec = { serviceAccountName: account, containers: [{ name: 'app', image: 'app' }] };
  const pod = await client.create<KubeObject & { spec: object }>(PODS, { metadata: { namespace, name }, spec });
  return { namespace, name, account, uid: pod.metadata.uid ?? '' };
}

export const deletePod = (client: KubeClient, { namespace, name, uid }: TestPod): Promise<unknown> =>
  client.request({
    method: 'DELETE',
    path: `/api/v1/namespaces/${namespace}/pods/${name}`,
    body: { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, preconditions: { uid } },
  });

export interface TokenWishes {
  readonly audience?: string;
  /** `null`: bound to nothing. */
  readonly boundTo?: { readonly kind: string; readonly name: string; readonly uid: string } | null;
}

/** As kubelet asks for a pod's token. */
export async function tokenOf(
  client: KubeClient,
  pod: Omit<TestPod, 'uid' | 'name'> & Partial<TestPod>,
  wishes: TokenWishes = {},
) {
  const { audience = 'articdbm.io' } = wishes;
  const boundTo = wishes.boundTo === undefined ? { kind: 'Pod', name: pod.name, uid: pod.uid } : wishes.boundTo;
  const answer = await client.request<{ status: { token: string } }>({
    method: 'POST',
    path: `/api/v1/namespaces/${pod.namespace}/serviceaccounts/${pod.account}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: [audience],
        expirationSeconds: 600,
        ...(boundTo === null ? {} : { boundObjectRef: { apiVersion: 'v1', ...boundTo } }),
      },
    },
  });
  return answer.status.token;
}

const KINDS = { DatabaseBackend: DATABASE_BACKENDS, DbUser: DB_USERS, DbPermission: DB_PERMISSIONS } as const;

/** A resource of ours. changes: YAML of its spec. */
export async function make(
  client: KubeClient,
  kind: keyof typeof KINDS,
  key: `${string}/${string}`,
  changes = '',
): Promise<void> {
  const [namespace, name] = key.split('/') as [string, string];
  const object = resource(kind, changes) as unknown as KubeObject;
  await client.create(KINDS[kind], { ...object, metadata: { namespace, name } });
}

export async function makeSecret(
  client: KubeClient,
  key: `${string}/${string}`,
  data: Readonly<Record<string, string>>,
): Promise<void> {
  const [namespace, name] = key.split('/') as [string, string];
  const encoded = Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')]));
  await client.create<KubeObject & { data: object }>(SECRETS, { metadata: { namespace, name }, data: encoded });
}

/** Until it holds. */
export async function until(what: () => boolean | Promise<boolean>, milliseconds = 20_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await what())) {
    if (Date.now() > end) throw new Error('it did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
