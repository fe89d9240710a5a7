import { expect } from 'chai';
import { psql } from '../harness/psql.ts';
import { account, backend, database, permission, pod, resourcesReady, user } from '../harness/resources.ts';
import { story } from '../harness/story.ts';

const HERE = 'story-sidecar';
const THERE = 'story-sidecar-db';

story('a sidecar', [HERE, THERE], (scene) => {
  before('a pod of reporting, who reads orders', async function () {
    this.timeout(120_000);
    const { cluster, kubectl } = scene();
    const server = database(THERE);
    const consumers = [{ namespace: HERE, ceiling: [{ sql: { tables: ['*'], actions: ['read', 'write'] } }] }];
    await cluster.kubectl.apply(
      ...server.objects,
      ...backend(THERE, 'orders', server, { consumers }),
      account(HERE, 'reporting'),
      user(HERE, 'reporting', { serviceAccounts: ['reporting'] }),
      permission(HERE, 'orders', 'reporting', `${THERE}/orders`, { tables: ['orders'], actions: ['read'] }),
      // Of the backend's name: Kubernetes would set ORDERS_PORT=tcp://… by it.
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'orders', namespace: HERE },
        spec: { selector: { app: 'none' }, ports: [{ port: 80 }] },
      },
    );
    await resourcesReady(kubectl);
    await cluster.kubectl.in(THERE).ready(60, 'pod/database');
    await cluster.kubectl.apply(pod(HERE, 'app', { account: 'reporting', backends: `${THERE}/orders` }));
    await kubectl.ready(60, 'pod/app');
  });

  it('serves on localhost what is permitted, without a password', async () => {
    const { kubectl } = scene();
    expect(await psql(kubectl, 'app', 'select item from orders order by id')).to.deep.equal({
      sqlstate: '00000',
      text: 'lamp\ndesk\nchair',
    });
  });

  it('refuses the rest with 42501 and the rule that is missing', async () => {
    const { sqlstate, text } = await psql(scene().kubectl, 'app', 'delete from orders');
    expect(sqlstate).to.equal('42501');
    expect(text).to.match(/ERROR: {2}42501: user "reporting" may not delete from relation "public.orders"/);
    expect(text).to.match(/HINT: {2}needs a DbPermission rule: sql: .*orders.*delete/);
  });

  it('knows the pod under its user name too, and under no other', async () => {
    const { kubectl } = scene();
    expect((await psql(kubectl, 'app', 'select 1', ['-U', 'reporting'])).text).to.equal('1');
    const { text } = await psql(kubectl, 'app', 'select 1', ['-U', 'shop_login']);
    expect(text).to.match(/FATAL: .*shop_login/);
  });

  it('is where ORDERS_HOST and ORDERS_PORT say, whatever a Service orders would have them say', async () => {
    const { stdout } = await scene().kubectl.exec('app', 'app', ['sh', '-c', 'env | grep ^ORDERS_ | sort']);
    expect(stdout).to.match(/^ORDERS_HOST=127.0.0.1\nORDERS_PORT=15432\n/);
    expect(stdout).to.match(/^ORDERS_SERVICE_HOST=/m); // the Service was there to be beaten
    expect(stdout).to.match(/^ORDERS_URL=postgresql:\/\/articdbm@127.0.0.1:15432\/$/m);
  });

  it('listens on the loopback alone', async () => {
    const { cluster, kubectl } = scene();
    const address = await kubectl.run(['get', 'pod', 'app', '-o', 'jsonpath={.status.podIP}']);
    await cluster.kubectl.apply(pod(HERE, 'neighbour', { account: 'default' }));
    await kubectl.ready(30, 'pod/neighbour');
    const { text } = await psql(kubectl, 'neighbour', 'select 1', [
      '-h',
      address,
      '-p',
      '15432',
      '-U',
      'articdbm',
      'shop',
    ]);
    expect(text).to.match(/Connection refused/);
  });

  it('is refused to a pod whose account is nobody', async () => {
    const { cluster, kubectl } = scene();
    await cluster.kubectl.apply(
      account(HERE, 'stranger'),
      pod(HERE, 'stranger', { account: 'stranger', backends: `${THERE}/orders` }),
    );
    const uid = await kubectl.run(['get', 'pod', 'stranger', '-o', 'jsonpath={.metadata.uid}']);
    expect(uid).not.to.equal('');
    await kubectl.wait(['pod/stranger'], 'jsonpath={.status.initContainerStatuses[0].state.running}', 30);
    const { status } = await kubectl.try(['wait', 'pod/stranger', '--for=condition=Ready', '--timeout=5s']);
    expect(status).to.equal(1);
  });
});
