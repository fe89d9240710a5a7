import { KubeConfig } from '@kubernetes/client-node';

/** From that file; else $KUBECONFIG, else the pod's own ServiceAccount, else the home folder. */
export function loadKubeConfig(file?: string): KubeConfig {
  const config = new KubeConfig();
  if (file !== undefined) config.loadFromFile(file);
  else if (process.env.KUBECONFIG === undefined && process.env.KUBERNETES_SERVICE_HOST !== undefined) {
    config.loadFromCluster();
  } else config.loadFromDefault();
  if (config.getCurrentCluster() === null) throw new Error('the kubeconfig names no cluster for its current context');
  return config;
}

/** One server and one token. ca: PEM. */
export function kubeConfigFor(server: string, token: string, ca: string): KubeConfig {
  const config = new KubeConfig();
  const caData = Buffer.from(ca).toString('base64');
  config.loadFromClusterAndUser({ name: 'cluster', server, caData, skipTLSVerify: false }, { name: 'user', token });
  return config;
}
