import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '#operator/kube/client';
import { ApiError } from '#operator/kube/errors';
import { PODS, collectionPath, type KubeObject, type ResourceKind } from '#operator/kube/resource';
import type { Pod } from '#operator/serving/inject-pod';
import { inject } from '#operator/serving/inject';
import { validatePod } from '#operator/serving/validate-pod';
import { requireApiServer, stopApiServers } from '../harness/api-server.ts';
import { CONFIG, podCases } from './pod-cases.ts';
import { startWebhookServer, type Answer, type Review, type WebhookServer } from './webhook-server.ts';

const ACCOUNTS: ResourceKind = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
};
const webhooks = (kind: 'Mutating' | 'Validating'): ResourceKind => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: `${kind.toLowerCase()}webhookconfigurations`,
  kind: `${kind}WebhookConfiguration`,
  namespaced: false,
});

/** Adds a container and a volume that a mesh would, after us, to pods that ask for it. */
function mesh(review: Review): Answer {
  const pod = review.object as Pod;
  if (pod.metadata.labels?.mesh !== 'true' || pod.spec.containers.some(({ name }) => name === 'mesh'))
    return { allowed: true };
  const patch = [{ op: 'add', path: '/spec/containers/-', value: { name: 'mesh', image: 'mesh:1' } }];
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

/** Takes the sidecar's probe away, after us, and before nobody who would mend it. */
function spoiler(review: Review): Answer {
  const pod = review.object as Pod;
  if (pod.metadata.labels?.spoil !== 'true') return { allowed: true };
  const at = pod.spec.initContainers?.findIndex(({ startupProbe }) => startupProbe !== undefined) ?? -1;
  if (at < 0) return { allowed: true };
  const patch = [{ op: 'remove', path: `/spec/initContainers/${String(at)}/startupProbe` }];
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

describe('injection by webhook on a real API server, with ServiceAccounts', function () {
  this.timeout(60_000);
  let client: KubeClient;
  let server: WebhookServer;
  const injections: string[] = [];

  function answer(path: string, review: Review): Answer {
    const request = { namespace: review.namespace, config: CONFIG };
    if (path === '/mesh') return mesh(review);
    if (path === '/spoil') return spoiler(review);
    if (path === '/validate') {
      const { allowed, reason, message } = validatePod(review.object, { ...request, resource: 'pods' });
      return allowed ? { allowed } : { allowed, status: { message: `${reason ?? ''}: ${message ?? ''}` } };
    }
    const injection = inject(review.object, request);
    injections.push(injection.kind);
    if (injection.kind === 'refused') return { allowed: false, status: { message: injection.message } };
    if (injection.kind === 'none') return { allowed: true };
    const patch = Buffer.from(JSON.stringify(injection.patch)).toString('base64');
    return { allowed: true, patchType: 'JSONPatch', patch, warnings: injection.warnings };
  }

  before(async function () {
    const api = await requireApiServer(this, { controllerManager: true });
    client = api.client();
    server = await startWebhookServer(answer);
    await api.createNamespaces('shop');
    for (const name of ['shop', 'orders-gateway'])
      await client.create(ACCOUNTS, { metadata: { name, namespace: 'shop' } });
    const hook = (name: string, path: string, more: object): object => ({
      name: `${name}.articdbm.io`,
      clientConfig: { url: `${server.url}${path}`, caBundle: server.caBundle },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      objectSelector: { matchExpressions: [{ key: 'articdbm.io/inject', operator: 'Exists' }] },
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      ...more,
    });
    const mutating = [
      hook('pods', '/mutate', { reinvocationPolicy: 'IfNeeded' }),
      hook('mesh', '/mesh', {}),
      hook('spoil', '/spoil', {}),
    ];
    await client.create(webhooks('Mutating'), { metadata: { name: 'it' }, webhooks: mutating } as KubeObject);
    const validating = [hook('pods', '/validate', {})];
    await client.create(webhooks('Validating'), { metadata: { name: 'it' }, webhooks: validating } as KubeObject);
    await served();
  });
  after(async () => {
    await stopApiServers();
    await server.stop();
  });
  beforeEach(() => injections.splice(0));

  const create = async (pod: unknown): Promise<Pod | string> => {
    try {
      const query = { dryRun: 'All', fieldValidation: 'Strict' };
      return (await client.request<unknown>({
        method: 'POST',
        path: collectionPath(PODS, 'shop'),
        query,
        body: pod,
      })) as Pod;
    } catch (error) {
      if (error instanceof ApiError && [400, 403, 422].includes(error.status)) return error.detail;
      throw error;
    }
  };

  const podOf = (name: string, labels: Readonly<Record<string, string>> = {}): Pod => {
    const pod = podCases().find((one) => one.name === name)?.pod as unknown as Pod;
    return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...labels } } };
  };

  /** Webhooks and ServiceAccounts are in force a moment after they are made. */
  async function served(): Promise<void> {
    for (let tries = 0; tries < 300; tries++) {
      const pod = await create(podOf('default-account'));
      if (typeof pod !== 'string' && pod.spec.initContainers?.length === 1) return;
      await sleep(100);
    }
    throw new Error('the webhooks never came into force');
  }

  for (const { name } of podCases().filter((one) => !['unlabelled', 'guaranteed-kept'].includes(one.name))) {
    it(`the API server makes of ${name}.yaml, by the patch, a pod that is wholly ours`, async () => {
      const pod = await create(podOf(name));
      if (typeof pod === 'string') throw new Error(pod);
      expect(inject(pod, { namespace: 'shop', config: CONFIG })).to.deep.equal({ kind: 'none' });
      expect(injections[0]).to.equal('patch');
    });
  }

  it('knows its sidecar again although the API server has mounted its own token in it', async () => {
    const pod = await create(podOf('plain'));
    if (typeof pod === 'string') throw new Error(pod);
    const mounts = pod.spec.initContainers?.[0]?.volumeMounts?.map(({ mountPath }) => mountPath);
    expect(mounts).to.deep.equal([
      '/run/articdbm/token',
      '/run/articdbm/state',
      '/var/run/secrets/kubernetes.io/serviceaccount',
    ]);
  });

  it('is asked again when another webhook adds a container, and tells that one too', async () => {
    const pod = await create(podOf('plain', { mesh: 'true' }));
    if (typeof pod === 'string') throw new Error(pod);
    expect(injections).to.deep.equal(['patch', 'patch']);
    const env = pod.spec.containers.find(({ name }) => name === 'mesh')?.env?.map(({ name }) => name);
    expect(env).to.deep.equal(['ORDERS_HOST', 'ORDERS_PORT', 'ORDERS_URL']);
  });

  it('does not let a webhook after it take the startup probe away', async () => {
    expect(await create(podOf('plain', { spoil: 'true' }))).to.match(
      /articdbm-proxy that is not the injector's \(startupProbe\)/,
    );
  });

  it('leaves a pod alone that does not ask', async () => {
    const pod = await create(podOf('unlabelled'));
    expect(pod).to.have.nested.property('spec.containers').with.length(1);
    expect(injections).to.deep.equal([]);
  });
});
