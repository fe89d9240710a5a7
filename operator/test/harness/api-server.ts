import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { KubeClient, type OnRequest } from '#operator/kube/client';
import { tokenAccess } from '#operator/kube/config';
import type { KubeObject, ResourceKind } from '#operator/kube/resource';
import { freePort } from '#test/harness/ports';
import { requireApiServerBinaries, type ApiServerBinaries } from './cluster-binaries.ts';
import { startCutProxy, type CutProxy } from './cut-proxy.ts';

/** etcd and kube-apiserver of the suite's own on loopback, RBAC on. */
export interface ApiServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  /** Of the group system:masters. */
  readonly token: string;
  /** A kubeconfig file with all that. Of the way through the proxy, if asked for. */
  kubeconfig(way?: 'direct' | 'through'): string;
  /** A client of the suite's own, closed when the server stops. 'through': by way of `proxy`. */
  client(way?: 'direct' | 'through', token?: string, onRequest?: OnRequest): KubeClient;
  /** In front of the API server: cut it, freeze it. */
  readonly proxy: CutProxy;
  /** Ends all connections through the proxy; returns how many there were. */
  cut(): number;
  /** Ends the API server (as a crash: SIGKILL, unless asked otherwise) and starts it again on its port; etcd goes on. */
  restart(how?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Makes etcd forget all revisions but the last: a watch from an older one gets 410. */
  compact(): Promise<void>;
  /** Lets a user do everything, and yet be counted and throttled as system:masters are not. */
  letAll(user: string): Promise<void>;
  createNamespaces(...names: string[]): Promise<void>;
  /** Puts the CRDs of crds/ in and waits until they serve. */
  installCrds(): Promise<void>;
  stop(): Promise<void>;
}

export interface ApiServerOptions {
  /** Also kube-controller-manager: ServiceAccounts, garbage collection, deletion of namespaces. Fails where it is absent: `e2e/cluster/build.sh all`. */
  readonly controllerManager?: boolean;
  /** More users, who may nothing by themselves; the token of `x` is `x-token`. */
  readonly users?: readonly string[];
  /** More flags for kube-apiserver. */
  readonly flags?: readonly string[];
}

const TOKEN = 'admin-token';
const START_MS = 60_000;

const children = new Set<ChildProcess>();
const folders = new Set<string>();
const servers = new Set<ApiServer>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** For `before` hooks (give them a minute): skips by name where it can't be had, fails where CI=true. */
export async function requireApiServer(context: Mocha.Context, options: ApiServerOptions = {}): Promise<ApiServer> {
  const binaries = requireApiServerBinaries(context);
  const server = new Server(binaries, options, await freePort(), await freePort(), await freePort());
  await server.start();
  return server;
}

/** For `after` hooks: all that this process has started and not stopped, if any. */
export async function stopApiServers(): Promise<void> {
  for (const server of [...servers]) await server.stop();
}

class Server implements ApiServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly url: string;
  readonly token = TOKEN;
  readonly #binaries: ApiServerBinaries;
  readonly #options: ApiServerOptions;
  readonly #etcd: number;
  readonly #etcdPeer: number;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'articdbm-api-'));
  readonly #clients: KubeClient[] = [];
  readonly #running: ChildProcess[] = [];
  #apiServer: ChildProcess | undefined;
  #proxy: CutProxy | undefined;
  #ca = '';

  constructor(binaries: ApiServerBinaries, options: ApiServerOptions, port: number, etcd: number, etcdPeer: number) {
    this.port = port;
    this.url = `https://127.0.0.1:${String(port)}`;
    this.#binaries = binaries;
    this.#options = options;
    this.#etcd = etcd;
    this.#etcdPeer = etcdPeer;
    folders.add(this.#folder);
    servers.add(this);
  }

  get ca(): string {
    return this.#ca;
  }

  get proxy(): CutProxy {
    if (this.#proxy === undefined) throw new Error('the API server is not started');
    return this.#proxy;
  }

  cut(): number {
    return this.proxy.cut();
  }

  async start(): Promise<void> {
    this.#writeFiles();
    const client = `http://127.0.0.1:${String(this.#etcd)}`;
    const peer = `http://127.0.0.1:${String(this.#etcdPeer)}`;
    this.#running.push(
      this.#spawn(this.#binaries.etcd, [
        `--data-dir=${this.#file('etcd')}`,
        '--unsafe-no-fsync',
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=default=${peer}`,
      ]),
    );
    await this.#startApiServer();
    this.#proxy = await startCutProxy(this.port);
    if (this.#options.controllerManager === true) this.#startControllerManager();
  }

  kubeconfig(way: 'direct' | 'through' = 'direct'): string {
    const file = this.#file(`kubeconfig-${way}`);
    const ca = Buffer.from(this.#ca).toString('base64');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'it', cluster: { server: this.#urlOf(way), 'certificate-authority-data': ca } }],
      users: [{ name: 'it', user: { token: TOKEN } }],
      contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
      'current-context': 'it',
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  client(way: 'direct' | 'through' = 'direct', token: string = TOKEN, onRequest?: OnRequest): KubeClient {
    const client = new KubeClient(tokenAccess(this.#urlOf(way), token, this.#ca), onRequest);
    this.#clients.push(client);
    return client;
  }

  async restart(how: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    if (this.#apiServer !== undefined) await end(this.#apiServer, how);
    await this.#startApiServer();
  }

  async compact(): Promise<void> {
    const revision = (await this.#etcdCall('kv/range', { key: 'AA==' })) as { header: { revision: string } };
    await this.#etcdCall('kv/compaction', { revision: revision.header.revision, physical: true });
  }

  async installCrds(): Promise<void> {
    const client = this.client();
    for (const file of globSync(path.join(import.meta.dirname, '../../../crds/*.yaml')).sort()) {
      const crd = parse(readFileSync(file, 'utf8'), { merge: true }) as KubeObject;
      await client.apply(CRDS, crd, { fieldManager: 'test', force: true });
      while (!isEstablished(await client.get<Crd>(CRDS, { name: crd.metadata.name }))) await sleep(50);
    }
  }

  async letAll(user: string): Promise<void> {
    const binding = {
      metadata: { name: `all-${user}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    };
    await this.client().create(CLUSTER_ROLE_BINDINGS, binding);
  }

  async createNamespaces(...names: string[]): Promise<void> {
    for (const name of names) await this.client().create(NAMESPACES, { metadata: { name } });
  }

  async stop(): Promise<void> {
    servers.delete(this);
    for (const client of this.#clients) client.close();
    await this.#proxy?.close();
    if (this.#apiServer !== undefined) await end(this.#apiServer, 'SIGKILL');
    for (const child of this.#running) await end(child, 'SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
    folders.delete(this.#folder);
  }

  #writeFiles(): void {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(this.#file('sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(this.#file('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    const users = (this.#options.users ?? []).map((user) => `${user}-token,${user},${user}\n`);
    const tokens = [`${TOKEN},admin,admin,system:masters\n`, ...users].join('');
    writeFileSync(this.#file('tokens.csv'), tokens, { mode: 0o600 });
    // A certificate of our own: the API server's own self-signed one changes with each start in an empty folder.
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
        ...['-subj', '/CN=kube-apiserver', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
        ...['-keyout', this.#file('tls.key'), '-out', this.#file('tls.crt')],
      ],
      { stdio: 'ignore' },
    );
    this.#ca = readFileSync(this.#file('tls.crt'), 'utf8');
  }

  async #startApiServer(): Promise<void> {
    const child = this.#spawn(this.#binaries.apiServer, [
      `--etcd-servers=http://127.0.0.1:${String(this.#etcd)}`,
      `--cert-dir=${this.#file('certs')}`,
      `--tls-cert-file=${this.#file('tls.crt')}`,
      `--tls-private-key-file=${this.#file('tls.key')}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${String(this.port)}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      '--service-account-issuer=https://kubernetes.default.svc',
      '--api-audiences=https://kubernetes.default.svc',
      `--service-account-key-file=${this.#file('sa.pub')}`,
      `--service-account-signing-key-file=${this.#file('sa.key')}`,
      '--authorization-mode=RBAC',
      `--token-auth-file=${this.#file('tokens.csv')}`,
      '--etcd-compaction-interval=0',
      ...(this.#options.controllerManager === true ? [] : ['--disable-admission-plugins=ServiceAccount']),
      ...(this.#options.flags ?? []),
    ]);
    this.#apiServer = child;
    const client = this.client();
    const deadline = Date.now() + START_MS;
    while (!(await isReady(client))) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`kube-apiserver did not start:\n${this.#log()}`);
      await sleep(100);
    }
  }

  #startControllerManager(): void {
    const { controllerManager } = this.#binaries;
    if (controllerManager === undefined) throw new Error('kube-controller-manager is absent: e2e/cluster/build.sh all');
    this.#running.push(
      this.#spawn(controllerManager, [
        `--kubeconfig=${this.kubeconfig()}`,
        `--service-account-private-key-file=${this.#file('sa.key')}`,
        `--root-ca-file=${this.#file('tls.crt')}`,
        '--use-service-account-credentials=false',
        '--leader-elect=false',
        '--secure-port=0',
        '--kube-api-qps=500',
        '--kube-api-burst=1000',
      ]),
    );
  }

  #spawn(binary: string, args: readonly string[]): ChildProcess {
    const log = createWriteStream(this.#file(`${path.basename(binary)}.log`), { flags: 'a' });
    const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.pipe(log);
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  }

  async #etcdCall(call: string, body: object): Promise<unknown> {
    const url = `http://127.0.0.1:${String(this.#etcd)}/v3/${call}`;
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`etcd ${call}: ${String(answer.status)}`);
    return answer.json();
  }

  #urlOf(way: 'direct' | 'through'): string {
    return way === 'direct' ? this.url : `https://127.0.0.1:${String(this.proxy.port)}`;
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }

  #log(): string {
    return readFileSync(this.#file('kube-apiserver.log'), 'utf8').split('\n').slice(-15).join('\n');
  }
}

interface Crd extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

const CRDS: ResourceKind = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

const NAMESPACES: ResourceKind = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

const CLUSTER_ROLE_BINDINGS: ResourceKind = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
};

const isEstablished = (crd: Crd | undefined): boolean =>
  crd?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') === true;

async function isReady(client: KubeClient): Promise<boolean> {
  try {
    return (
      (await client.request<unknown>({ method: 'GET', path: '/readyz', signal: AbortSignal.timeout(2_000) })) === 'ok'
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
