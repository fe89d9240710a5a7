import { expect } from 'chai';
import type { KubeClient } from '#operator/kube/client';
import { ApiError } from '#operator/kube/errors';
import { PODS, collectionPath, type KubeObject, type ResourceKind } from '#operator/kube/resource';
import type { Pod } from '#operator/serving/inject-pod';
import { inject } from '#operator/serving/inject';
import { validatePod } from '#operator/serving/validate-pod';
import { requireApiServer, stopApiServers } from '../harness/api-server.ts';
import { podCases, type PodCase } from './pod-cases.ts';

const NAMESPACES: ResourceKind = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
const FREE = 'shop';
const RESTRICTED = 'restricted';

describe('injected pods on a real API server', function () {
  this.timeout(60_000);
  let client: KubeClient;
  before(async function () {
    const server = await requireApiServer(this);
    client = server.client();
    await server.createNamespaces(FREE);
    const labels = {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/enforce-version': 'latest',
    };
    await client.create(NAMESPACES, { metadata: { name: RESTRICTED, labels } });
  });
  after(stopApiServers);

  /** The pod as the server would store it, with all that it fills in; a text: why it refuses. */
  const create = async (namespace: string, pod: unknown): Promise<Pod | string> => {
    const query = { dryRun: 'All', fieldValidation: 'Strict' };
    try {
      const path = collectionPath(PODS, namespace);
      return (await client.request<KubeObject>({ method: 'POST', path, query, body: pod })) as unknown as Pod;
    } catch (error) {
      if (error instanceof ApiError && [400, 403, 422].includes(error.status)) return error.detail;
      throw error;
    }
  };

  const injected = ({ pod, request }: PodCase): Pod => {
    const injection = inject(pod, request);
    if (injection.kind !== 'patch') throw new Error(injection.kind);
    return injection.pod;
  };

  for (const one of podCases().filter(({ name }) => name !== 'unlabelled')) {
    const namespace = one.restricted ? RESTRICTED : FREE;
    it(`takes ${one.name}.yaml with the proxy${one.restricted ? ' at the level restricted' : ''}, and gives it back as ours`, async () => {
      expect(await create(namespace, one.pod), 'before').to.be.an('object');
      const stored = await create(namespace, injected(one));
      if (typeof stored === 'string') throw new Error(stored);
      expect(inject(stored, one.request)).to.deep.equal({ kind: 'none' });
      expect(validatePod(stored, { ...one.request, resource: 'pods' })).to.deep.equal({ allowed: true, warnings: [] });
    });

    it(`takes ${one.name}.yaml when it was filled in before it came to the injector, as it is with a webhook`, async () => {
      const filled = await create(namespace, one.pod);
      const injection = inject(filled, one.request);
      if (injection.kind !== 'patch') throw new Error(JSON.stringify(injection));
      const stored = await create(namespace, { ...injection.pod, status: undefined });
      if (typeof stored === 'string') throw new Error(stored);
      expect(inject(stored, one.request)).to.deep.equal({ kind: 'none' });
    });
  }

  for (const [name, qosClass] of [
    ['guaranteed-kept', 'Guaranteed'],
    ['guaranteed', 'Burstable'],
    ['plain', 'Burstable'],
  ] as const) {
    it(`takes ${name}.yaml for a pod of the class ${qosClass}, as we say`, async () => {
      const one = podCases().find((other) => other.name === name);
      const stored = one && (await create(FREE, injected(one)));
      expect(stored).to.have.nested.property('status.qosClass', qosClass);
    });
  }

  it('is asked at the level restricted in earnest: what does not comply is refused there', async () => {
    const plain = podCases().find(({ name }) => name === 'plain');
    expect(await create(RESTRICTED, plain?.pod)).to.match(/violates PodSecurity/);
    expect(await create(RESTRICTED, plain && injected(plain)))
      .to.match(/violates PodSecurity.*app/)
      .and.not.match(/articdbm-proxy/);
  });
});
