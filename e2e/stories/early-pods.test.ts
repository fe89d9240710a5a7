import { expect } from 'chai';
import { eventually } from '../harness/eventually.ts';
import { psql } from '../harness/psql.ts';
import { account, backend, database, permission, pod, user } from '../harness/resources.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-early';

story('pods made before their resources', [HERE], (scene) => {
  const server = database(HERE);

  before('two such pods, one with an init container', async function () {
    this.timeout(60_000);
    const { cluster } = scene();
    const parts = { account: 'reporting', backends: 'shop' };
    await cluster.kubectl.apply(
      account(HERE, 'reporting'),
      pod(HERE, 'plain', parts),
      pod(HERE, 'migrating', {
        ...parts,
        spec: { initContainers: [{ name: 'first', image: 'docker.io/library/postgres:18', command: ['true'] }] },
      }),
    );
  });

  it('are admitted, and say in `kubectl describe pod` what they wait for', async () => {
    const { kubectl } = scene();
    for (const name of ['plain', 'migrating']) {
      await eventually(60, async () => {
        const said = await kubectl.run(['describe', 'pod', name]);
        expect(said).to.match(/Startup probe failed: waiting for a DbUser whose spec.serviceAccounts names reporting/);
        expect(said).to.match(/with a DbPermission for DatabaseBackend story-early\/shop/);
      });
      const started = await kubectl.run(['get', 'pod', name, '-o', 'jsonpath={.status.containerStatuses[0].started}']);
      expect(started, 'the application waits').to.equal('false');
    }
  });

  it('start by themselves when the resources arrive', async () => {
    const { cluster, kubectl } = scene();
    await cluster.kubectl.apply(...server.objects);
    await kubectl.ready(60, 'pod/database');
    await cluster.kubectl.apply(
      ...backend(HERE, 'shop', server),
      permission(HERE, 'orders', 'reporting', 'shop', { tables: ['orders'], actions: ['read'] }),
      user(HERE, 'reporting', { serviceAccounts: ['reporting'] }),
    );
    const began = performance.now();
    await kubectl.ready(60, 'pod/plain', 'pod/migrating');
    note(`both are ready ${((performance.now() - began) / 1000).toFixed(1)} s after their resources`);
    for (const name of ['plain', 'migrating']) {
      expect((await psql(kubectl, name, 'select count(*) from orders')).text).to.equal('3');
    }
  });

  it('without a restart of anything', async () => {
    const counts = await scene().kubectl.run([
      'get',
      'pods',
      '-o',
      'jsonpath={.items[*].status.initContainerStatuses[*].restartCount} {.items[*].status.containerStatuses[*].restartCount}',
    ]);
    expect(counts).to.match(/^[0 ]+$/);
  });
});
