import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import path from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';

/** An API server, and how to say who asks. */
export interface ClusterAccess {
  readonly server: URL;
  /** Of each request anew, since tokens and certificates are replaced under a running process. */
  credentials(): Promise<RequestOptions>;
  /** Connections go by way of an agent that comes with the credentials. */
  readonly proxied: boolean;
  /** Of the pod or of the kubeconfig's context. */
  readonly namespace: string | undefined;
}

/** From that kubeconfig; else $KUBECONFIG, else the pod's own ServiceAccount, else the home folder's kubeconfig. */
export async function findCluster(file?: string): Promise<ClusterAccess> {
  const inPod = process.env.KUBECONFIG === undefined && process.env.KUBERNETES_SERVICE_HOST !== undefined;
  return file === undefined && inPod ? podAccess() : kubeconfigAccess(file);
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** kubelet replaces a token long before it ends. As client-go does. */
const REREAD_MS = 60_000;

/** Without the library: a pod's way is two files and two variables, and the library costs some 35 MiB. */
export async function podAccess(folder = SERVICE_ACCOUNT): Promise<ClusterAccess> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = process.env;
  const read = (name: string): Promise<string> => readFile(path.join(folder, name), 'utf8');
  const readBoth = async () => ({
    ca: await read('ca.crt'),
    token: (await read('token')).trim(),
    at: performance.now(),
  });
  let kept = await readBoth();
  return {
    server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
    proxied: false,
    namespace: (await read('namespace')).trim(),
    async credentials() {
      if (performance.now() - kept.at > REREAD_MS) kept = await readBoth();
      return { ca: kept.ca, headers: { Authorization: `Bearer ${kept.token}` } };
    },
  };
}

/** Kubeconfig files: exec plugins, OIDC, client certificates and proxies are the library's, loaded only here. */
export async function kubeconfigAccess(file?: string): Promise<ClusterAccess> {
  const { KubeConfig: Loader } = await import('@kubernetes/client-node');
  const config: KubeConfig = new Loader();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig names no cluster for its current context');
  return {
    server: new URL(cluster.server),
    proxied: cluster.proxyUrl !== undefined,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    async credentials() {
      const options: RequestOptions = { headers: {} };
      await config.applyToHTTPSOptions(options);
      return options;
    },
  };
}

/** One server and one token. ca: PEM. */
export function tokenAccess(server: string, token: string, ca: string): ClusterAccess {
  const options: RequestOptions = { ca, headers: { Authorization: `Bearer ${token}` } };
  return { server: new URL(server), proxied: false, namespace: undefined, credentials: () => Promise.resolve(options) };
}
