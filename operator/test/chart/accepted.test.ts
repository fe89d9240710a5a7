import { expect } from 'chai';
import type { KubeClient } from '#operator/kube/client';
import { requireApiServer, stopApiServers } from '../harness/api-server.ts';
import { createRestrictedNamespaces, objection } from './cluster.ts';
import { deploymentsOf, requireHelm, type Deployment, type Helm, type Manifest } from './helm.ts';
import { RIGHT } from './values.ts';

/** As the Deployment's ReplicaSet would make it: Pod Security judges pods, and of a Deployment it only warns. */
const podOf = ({ metadata, spec }: Deployment): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    ...spec.template.metadata,
    name: metadata.name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  },
  spec: spec.template.spec,
});

describe('a real API server', function () {
  this.timeout(120_000);
  let helm: Helm;
  let client: KubeClient;
  before(async function () {
    helm = requireHelm(this);
    client = (await requireApiServer(this)).client();
    await createRestrictedNamespaces(client);
  });
  after(stopApiServers);

  for (const [what, values] of RIGHT) {
    it(`takes every object, field by field: ${what}`, async () => {
      for (const manifest of helm.render(values)) {
        if (manifest.kind === 'ServiceMonitor') continue; // of a CRD that isn't ours
        expect(await objection(client, manifest), `${manifest.kind} ${manifest.metadata.name}`).to.equal('');
      }
    });

    it(`takes every pod where Pod Security enforces restricted: ${what}`, async () => {
      const deployments = deploymentsOf(helm.render(values));
      expect(deployments.length).to.be.greaterThan(0);
      for (const deployment of deployments) {
        expect(await objection(client, podOf(deployment)), deployment.metadata.name).to.equal('');
      }
    });
  }

  it('refuses a pod of the chart without its security context: it is Pod Security that looks', async () => {
    const [deployment] = deploymentsOf(helm.render({ evaluation: { enabled: true } }));
    if (deployment === undefined) throw new Error('there is no Deployment');
    const { spec } = podOf(deployment);
    const loose = { ...podOf(deployment), spec: { ...(spec as object), securityContext: {} } };
    expect(await objection(client, loose)).to.contain('violates PodSecurity "restricted');
  });

  it('refuses a field that it does not know: it is fields that it looks at', async () => {
    const [deployment] = deploymentsOf(helm.render({ evaluation: { enabled: true } }));
    if (deployment === undefined) throw new Error('there is no Deployment');
    const misspelt = { ...deployment, spec: { ...deployment.spec, replica: 2 } };
    expect(await objection(client, misspelt)).to.contain('unknown field "spec.replica"');
  });
});
