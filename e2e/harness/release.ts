import { join } from 'node:path';
import { ROOT } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { attempt, run } from './program.ts';

export const OPERATOR_NAMESPACE = 'articdbm-system';
const CHART = join(ROOT, 'charts/articdbm');
const SCOPE = ['--namespace', OPERATOR_NAMESPACE];

export interface Gateway {
  readonly name: string;
  readonly namespace: string;
  readonly backends: readonly string[];
  readonly replicas: number;
  readonly tls?: { readonly secret: string; readonly required?: boolean };
}

const helm = (cluster: Cluster, args: readonly string[]): Promise<string> =>
  run('helm', [...args, ...SCOPE], { env: cluster.env, seconds: 150 });

export async function isInstalled(cluster: Cluster): Promise<boolean> {
  return (await attempt('helm', ['status', 'articdbm', ...SCOPE], { env: cluster.env })).status === 0;
}

/** Installs the chart, or leaves it as it is when it is there and no gateways are asked for. */
export async function install(cluster: Cluster, gateways?: readonly Gateway[]): Promise<void> {
  if (gateways === undefined && (await isInstalled(cluster))) return;
  const values = process.env.ARTICDBM_E2E_VALUES;
  await helm(cluster, [
    ...['upgrade', '--install', 'articdbm', CHART, '--create-namespace', '--wait', '--timeout=2m'],
    ...(values === undefined ? [] : [`--values=${values}`]),
    ...['--set=evaluation.enabled=true', `--set-json=gateways=${JSON.stringify(gateways ?? [])}`],
  ]);
  // The leader writes it, ten seconds after a first install: before, no labelled pod is admitted.
  const trusted = '--for=jsonpath={.webhooks[0].clientConfig.caBundle}';
  await cluster.kubectl.run(['wait', trusted, '--timeout=60s', 'validatingwebhookconfiguration/articdbm'], {
    seconds: 70,
  });
}

/** Nothing is left of the chart: namespace and CRDs go too. */
export async function uninstall(cluster: Cluster): Promise<void> {
  await helm(cluster, ['uninstall', 'articdbm', '--wait', '--ignore-not-found', '--timeout=2m']);
  await cluster.kubectl.run(['delete', 'namespace', OPERATOR_NAMESPACE, '--ignore-not-found'], { seconds: 120 });
  const crds = ['dbbackends', 'dbusers', 'dbpermissions'].map((plural) => `${plural}.articdbm.io`);
  await cluster.kubectl.run(['delete', 'crds', '--ignore-not-found', ...crds], { seconds: 120 });
}
