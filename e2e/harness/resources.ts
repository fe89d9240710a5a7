import { randomBytes } from 'node:crypto';
import type { Kubectl, Manifest } from './kubectl.ts';

/** Has sh, psql and initdb; on a local node e2e/images stands in for it. */
export const IMAGE = 'docker.io/library/postgres:18';
const USER = 999;
const API = 'articdbm.io/v1alpha1';

export const password = (): string => randomBytes(18).toString('base64url');

/** A PostgreSQL in the namespace `namespace`, its database `shop` and the login `shop_login`. */
export interface Database {
  readonly namespace: string;
  readonly login: string;
  readonly objects: readonly Manifest[];
}

const SCHEMA = `
create database shop owner shop_login;
\\connect shop
set role shop_login;
create table orders (id int primary key, item text);
insert into orders values (1, 'lamp'), (2, 'desk'), (3, 'chair');
create table customers (id int primary key, name text, email text);
insert into customers values (1, 'Ada', 'ada@example.com');
`;

const BEGIN = `
export PGDATA=/tmp/data
initdb --username=postgres --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --no-locale --no-sync >/dev/null
echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
pg_ctl --wait --silent -o "-c listen_addresses='' -c unix_socket_directories=/tmp" start
psql --quiet -v ON_ERROR_STOP=1 -h /tmp -U postgres -f /run/schema/schema.sql
pg_ctl --wait --silent --mode=fast stop
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c max_connections=200 -c fsync=off
`;

export function database(namespace: string): Database {
  const login = password();
  const schema = `create role shop_login login password '${login}';${SCHEMA}`;
  const container = {
    name: 'postgresql',
    image: IMAGE,
    command: ['sh', '-ec', BEGIN],
    readinessProbe: { tcpSocket: { port: 5432 }, periodSeconds: 1 },
    volumeMounts: [{ name: 'schema', mountPath: '/run/schema' }],
  };
  const objects = [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'schema', namespace }, stringData: { 'schema.sql': schema } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'database', namespace },
      spec: { selector: { app: 'database' }, ports: [{ port: 5432 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'database', namespace, labels: { app: 'database' } },
      spec: {
        terminationGracePeriodSeconds: 2,
        securityContext: { runAsUser: USER, runAsGroup: USER },
        containers: [container],
        volumes: [{ name: 'schema', secret: { secretName: 'schema' } }],
      },
    },
  ];
  return { namespace, login, objects };
}

/** The backend `name` in `namespace`, and its Secret. */
export function backend(namespace: string, name: string, from: Database, spec: Manifest = {}): Manifest[] {
  return [
    {
      apiVersion: API,
      kind: 'DatabaseBackend',
      metadata: { name, namespace },
      spec: {
        protocol: 'postgresql',
        endpoints: [{ name: 'primary', host: `database.${from.namespace}.svc`, port: 5432 }],
        database: 'shop',
        credentialsSecretRef: { name: `${name}-login` },
        tls: { mode: 'disable' },
        sharedLogin: 'Allow',
        ...spec,
      },
    },
    secret(namespace, `${name}-login`, { username: 'shop_login', password: from.login }),
  ];
}

export const secret = (namespace: string, name: string, stringData: Readonly<Record<string, string>>): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace },
  stringData,
});

export const user = (namespace: string, name: string, spec: Manifest): Manifest => ({
  apiVersion: API,
  kind: 'DbUser',
  metadata: { name, namespace },
  spec: { username: name, ...spec },
});

export interface SqlRule {
  readonly actions: readonly string[];
  readonly tables?: readonly string[];
  readonly columns?: readonly string[];
  readonly databases?: readonly string[];
}

export const permission = (namespace: string, name: string, user: string, to: string, sql: SqlRule): Manifest => {
  const [backend = '', elsewhere] = to.split('/').reverse();
  const backendRef = { name: backend, ...(elsewhere === undefined ? {} : { namespace: elsewhere }) };
  return {
    apiVersion: API,
    kind: 'DbPermission',
    metadata: { name, namespace },
    spec: { userRef: { name: user }, backendRef, rules: [{ sql }] },
  };
};

export const account = (namespace: string, name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace },
  automountServiceAccountToken: false,
});

/** Ends at once when asked to: what is pid 1 has to hear it. */
export const IDLE = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'];

/** psql's own variables, so that `psql` alone is the pod's user at the backend `name`. */
export const psqlEnv = (name: string): Manifest[] => {
  const prefix = name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
  return Object.entries({
    PGHOST: `$(${prefix}_HOST)`,
    PGPORT: `$(${prefix}_PORT)`,
    PGUSER: 'articdbm',
    PGDATABASE: 'shop',
  }).map(([name, value]) => ({ name, value }));
};

export interface PodParts {
  readonly account: string;
  /** As in the annotation; psql is set up for the first. Absent: no sidecar. */
  readonly backends?: string;
  readonly container?: Manifest;
  readonly spec?: Manifest;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What a pod template holds: of an application's pod with one container, `app`. */
export function podTemplate(parts: PodParts): { readonly metadata: Manifest; readonly spec: Manifest } {
  const { account, backends, container = {}, spec = {}, labels = {} } = parts;
  const [first = ''] = (backends ?? '').split(',');
  const name = first.replace(/^.*\/|=.*$/g, '').trim();
  const asked =
    backends === undefined
      ? { labels }
      : {
          labels: { ...labels, 'articdbm.io/inject': 'true' },
          annotations: { 'articdbm.io/postgresql': backends },
        };
  const app = { name: 'app', image: IMAGE, command: IDLE, env: backends === undefined ? [] : psqlEnv(name) };
  return {
    metadata: asked,
    spec: {
      serviceAccountName: account,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 3,
      containers: [{ ...app, ...container }],
      ...spec,
    },
  };
}

export function pod(namespace: string, name: string, parts: PodParts): Manifest {
  const { metadata, spec } = podTemplate(parts);
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace }, spec };
}

/** Of all three kinds in a namespace. */
export async function resourcesReady(kubectl: Kubectl, seconds = 30): Promise<void> {
  await kubectl.ready(seconds, 'dbbackends,dbusers,dbpermissions', '--all');
}
