import { expect } from 'chai';
import { account, backend, database, permission, podTemplate, resourcesReady, user } from '../harness/resources.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-rolling';
const REPLICAS = 2;

/** Asks five times a second; when told to end, takes two seconds for it and then asks once more. */
const ASKING = `
end=; asked=0; trap end=1 TERM
while [ -z "$end" ]; do
  psql -XAtqc 'select 1 from orders limit 1' >/tmp/said 2>&1 || echo "failed: $(cat /tmp/said)"
  asked=$((asked + 1)); sleep 0.2
done
sleep 2
echo "asked $asked times, and last: $(psql -XAtqc 'select count(*) from orders' 2>&1)"
`;

story('a Deployment that rolls while it asks', [HERE], (scene) => {
  before('a Deployment', async function () {
    this.timeout(150_000);
    const { cluster, kubectl } = scene();
    const server = database(HERE);
    const labels = { app: 'asking' };
    const { metadata, spec } = podTemplate({
      ...{ account: 'reporting', backends: 'shop', labels },
      container: { command: ['sh', '-c', ASKING] },
      spec: { terminationGracePeriodSeconds: 20 },
    });
    await cluster.kubectl.apply(
      ...server.objects,
      ...backend(HERE, 'shop', server),
      account(HERE, 'reporting'),
      user(HERE, 'reporting', { serviceAccounts: ['reporting'] }),
      permission(HERE, 'orders', 'reporting', 'shop', { tables: ['orders'], actions: ['read'] }),
    );
    await kubectl.ready(60, 'pod/database');
    await resourcesReady(kubectl);
    await cluster.kubectl.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'asking', namespace: HERE },
      spec: { replicas: REPLICAS, selector: { matchLabels: labels }, template: { metadata, spec } },
    });
    await kubectl.run(['rollout', 'status', 'deployment/asking', '--timeout=90s'], { seconds: 100 });
  });

  const pods = async (): Promise<string[]> =>
    (await scene().kubectl.run(['get', 'pods', '-l', 'app=asking', '-o', 'name'])).trim().split('\n');

  it('has no statement fail, and its old pods are served to their own end', async () => {
    const { kubectl } = scene();
    const old = await pods();
    expect(old).to.have.length(REPLICAS);
    // Followed to their end: they are gone when the rollout is.
    const logs = old.map((name) => kubectl.run(['logs', '-f', name, '-c', 'app'], { seconds: 110 }));
    const began = performance.now();
    await kubectl.run(['rollout', 'restart', 'deployment/asking']);
    await kubectl.run(['rollout', 'status', 'deployment/asking', '--timeout=90s'], { seconds: 100 });
    await kubectl.run(['wait', '--for=delete', '--timeout=60s', ...old], { seconds: 70 });
    note(`${REPLICAS} pods are replaced after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    for (const log of await Promise.all(logs)) expect(log).to.match(/^asked \d+ times, and last: 3\n$/);
    for (const name of await pods()) {
      expect(old).not.to.include(name);
      expect(await kubectl.run(['logs', name, '-c', 'app'])).to.equal('');
    }
  });
});
