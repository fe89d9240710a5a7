import { expect } from 'chai';
import { foundIn, needlesOf } from '../harness/needles.ts';
import { psql } from '../harness/psql.ts';
import { OPERATOR_NAMESPACE } from '../harness/release.ts';
import { account, backend, database, permission, pod, resourcesReady, user } from '../harness/resources.ts';
import { story } from '../harness/story.ts';

const HERE = 'story-secrets';
const THERE = 'story-secrets-db';

/** Of a process of the container: what it was started with. Node is in the proxy's image, a shell is not. */
const STARTED_WITH = `for (const pid of fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name)))
  for (const file of ['environ', 'cmdline'])
    try { console.log(fs.readFileSync('/proc/' + pid + '/' + file, 'latin1').replaceAll('\\0', '\\n')) } catch {}`;

story("an application's namespace", [HERE, THERE], (scene) => {
  let needles: ReadonlySet<string> = new Set();

  before('a pod that has worked, and has been refused', async function () {
    this.timeout(150_000);
    const { cluster, kubectl } = scene();
    const server = database(THERE);
    const consumers = [{ namespace: HERE, ceiling: [{ sql: { tables: ['*'], actions: ['read'] } }] }];
    await cluster.kubectl.apply(
      ...server.objects,
      ...backend(THERE, 'shop', server, { consumers, security: { audit: 'statements' } }),
      account(HERE, 'reporting'),
      user(HERE, 'reporting', { serviceAccounts: ['reporting'] }),
      permission(HERE, 'orders', 'reporting', `${THERE}/shop`, { tables: ['orders'], actions: ['read'] }),
    );
    await cluster.kubectl.in(THERE).ready(60, 'pod/database');
    await resourcesReady(kubectl);
    await cluster.kubectl.apply(pod(HERE, 'app', { account: 'reporting', backends: `${THERE}/shop` }));
    await kubectl.ready(60, 'pod/app');
    expect((await psql(kubectl, 'app', 'select count(*) from orders')).text).to.equal('3');
    expect((await psql(kubectl, 'app', 'select * from customers')).sqlstate).to.equal('42501');
    const secrets = await Promise.all(
      [OPERATOR_NAMESPACE, THERE].map((name) =>
        cluster.kubectl
          .in(name)
          .json<Parameters<typeof needlesOf>[0]>('get', 'secrets', '--field-selector=type=Opaque'),
      ),
    );
    needles = needlesOf({ items: secrets.flatMap(({ items }) => items) });
  });

  it('would be found out: the search finds every word where it may be', async () => {
    const { kubectl } = scene().cluster;
    expect(needles.size).to.be.greaterThan(20);
    const there = await Promise.all(
      [OPERATOR_NAMESPACE, THERE].map((name) => kubectl.in(name).run(['get', 'secrets', '-o', 'yaml'])),
    );
    expect(foundIn(there.join('\n'), needles).length).to.be.greaterThan(5);
  });

  it('has none of them in its objects, its events among them', async () => {
    const kinds = 'secrets,configmaps,pods,serviceaccounts,services,events,dbbackends,dbusers,dbpermissions';
    const objects = await scene().kubectl.run(['get', kinds, '-o', 'yaml', '--show-managed-fields']);
    expect(objects).to.match(/kind: Pod\n/);
    expect(foundIn(objects, needles)).to.deep.equal([]);
    expect(await scene().kubectl.run(['get', 'secrets', '-o', 'name'])).to.equal('');
  });

  it('has none in the environment or arguments of any process', async () => {
    const { kubectl } = scene();
    const proxy = await kubectl.exec('app', 'articdbm-proxy', ['/app/node', '-e', STARTED_WITH]);
    expect(proxy.status, proxy.output).to.equal(0);
    expect(proxy.stdout).to.match(/--mode=sidecar/);
    const app = await kubectl.exec('app', 'app', ['sh', '-c', 'env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline']);
    expect(app.stdout).to.match(/SHOP_PORT=15432/);
    expect(foundIn(proxy.stdout + app.stdout, needles)).to.deep.equal([]);
  });

  it('has none in the logs: of its containers, or of the operator', async () => {
    const { cluster, kubectl } = scene();
    const proxy = await kubectl.run(['logs', 'app', '-c', 'articdbm-proxy']);
    const operator = await cluster.kubectl
      .in(OPERATOR_NAMESPACE)
      .run(['logs', '-l', 'app.kubernetes.io/component=operator', '--tail=-1']);
    expect(proxy).to.match(/customers/); // the audit log has the refusal
    expect(operator).to.match(/this replica/);
    expect(foundIn(proxy + operator, needles)).to.deep.equal([]);
  });
});
