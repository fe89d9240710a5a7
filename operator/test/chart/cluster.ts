import type { KubeClient } from '#operator/kube/client';
import { ApiError } from '#operator/kube/errors';
import { collectionPath, objectPath, type ResourceKind } from '#operator/kube/resource';
import type { ApiServer } from '../harness/api-server.ts';
import type { Manifest } from './helm.ts';
import { NAMESPACES } from './values.ts';

const kind = (group: string, version: string, plural: string, name: string, namespaced = true): ResourceKind => ({
  group,
  version,
  plural,
  kind: name,
  namespaced,
});

const RBAC = 'rbac.authorization.k8s.io';
const ADMISSION = 'admissionregistration.k8s.io';

/** Every kind that the chart renders, but for the Prometheus Operator's. */
const KINDS: readonly ResourceKind[] = [
  kind('', 'v1', 'secrets', 'Secret'),
  kind('', 'v1', 'services', 'Service'),
  kind('', 'v1', 'serviceaccounts', 'ServiceAccount'),
  kind('', 'v1', 'pods', 'Pod'),
  kind('apps', 'v1', 'deployments', 'Deployment'),
  kind('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  kind(RBAC, 'v1', 'roles', 'Role'),
  kind(RBAC, 'v1', 'rolebindings', 'RoleBinding'),
  kind(RBAC, 'v1', 'clusterroles', 'ClusterRole', false),
  kind(RBAC, 'v1', 'clusterrolebindings', 'ClusterRoleBinding', false),
  kind(ADMISSION, 'v1', 'mutatingwebhookconfigurations', 'MutatingWebhookConfiguration', false),
  kind(ADMISSION, 'v1', 'validatingwebhookconfigurations', 'ValidatingWebhookConfiguration', false),
  kind('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', false),
];

const NAMESPACE_KIND = kind('', 'v1', 'namespaces', 'Namespace', false);

export function kindNamed(name: string): ResourceKind {
  const found = KINDS.find((one) => one.kind === name);
  if (found === undefined) throw new Error(`the chart renders a ${name}, which the tests do not know`);
  return found;
}

/** The namespaces of the tests' values, each with Pod Security's strictest level. */
export async function createRestrictedNamespaces(client: KubeClient): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  for (const name of NAMESPACES) await client.create(NAMESPACE_KIND, { metadata: { name, labels } });
}

/** What the API server says against it; '' if it would take it. Writes nothing. */
export async function objection(client: KubeClient, manifest: Manifest): Promise<string> {
  const which = kindNamed(manifest.kind);
  const query = { dryRun: 'All', fieldValidation: 'Strict' };
  const path = collectionPath(which, manifest.metadata.namespace);
  try {
    await client.request({ method: 'POST', path, query, body: manifest });
    return '';
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) return error.detail;
    throw error;
  }
}

export async function read<T extends Manifest>(server: ApiServer, kindName: string, name: string, namespace?: string) {
  const path = objectPath(kindNamed(kindName), { name, namespace });
  return server.client().request<T>({ method: 'GET', path });
}
