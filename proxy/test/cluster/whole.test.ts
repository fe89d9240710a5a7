import { expect } from 'chai';
import { TLS_SECRET } from '#contract/names';
import { SECRETS, type KubeObject } from '#operator/kube/resource';
import * as frontend from '#test/harness/frontend';
import { errorFields, firstError, RawClient, rows, type Message } from '#test/harness/raw-client';
import { stopApiServers } from '../../../operator/test/harness/api-server.ts';
import { killOperators, OPERATOR_NAMESPACE, type OperatorProcess } from '../../../operator/test/harness/operator.ts';
import { backend, ClusterScene, permission, secret, user } from '../../../operator/test/operator/cluster-scene.ts';
import { eventually } from '../../../operator/test/publish/proxies.ts';
import { makeAccount, makePod, tokenOf, type TestPod } from '../../../operator/test/serving/scene.ts';
import { ProxyPod, type PodOptions } from './proxy-process.ts';
import { login, refusal } from './scene.ts';

const PASSWORD = 'of anna at the gateway';

/** Nothing here is a mock: API server, operator, Redis, PostgreSQL and proxies are processes of their own. */
/** With a reply under way at that moment the session itself ends with the refusal. */
async function refusedNow(client: RawClient): Promise<string | undefined> {
  client.send(frontend.query('select id from orders'));
  const isLast = (message: Message): boolean =>
    message.type === 'Z' || (message.type === 'E' && errorFields(message).S === 'FATAL');
  return firstError(await client.readUntil(isLast))?.C;
}

describe('from a resource to a refused query', () => {
  let scene: ClusterScene;
  let operator: OperatorProcess;
  let ca: string;
  const pods: ProxyPod[] = [];

  before(async function () {
    this.timeout(120_000);
    scene = await ClusterScene.open(this);
    const setup = await RawClient.login(scene.postgres);
    await setup.query('create table orders (id int); insert into orders values (1); create table closed (id int)');
    await setup.close();
    operator = await scene.operator();
    await operator.ready();
    await operator.leads();
    const tls = { namespace: OPERATOR_NAMESPACE, name: TLS_SECRET };
    const held = await scene.client.get<KubeObject & { readonly data: Record<string, string> }>(SECRETS, tls);
    ca = Buffer.from(held?.data['ca.crt'] ?? '', 'base64').toString();
    for (const [namespace, name] of [
      ['shop', 'app'],
      ['shop', 'other'],
      ['prod', 'gateway'],
    ] as const)
      await makeAccount(scene.client, namespace, name);
  });
  after(async function () {
    this.timeout(60_000);
    const output = pods.map((pod) => pod.output).join('');
    for (const pod of pods) await pod.remove();
    await killOperators();
    await (scene as ClusterScene | undefined)?.close();
    await stopApiServers();
    for (const hidden of [PASSWORD, scene.postgres.password]) expect(output).not.to.include(hidden);
  });

  async function podOf(namespace: string, account: string, name: string, mode: PodOptions['mode']): Promise<ProxyPod> {
    const made = await makePod(scene.client, namespace, account, name);
    return podWith(await tokenOf(scene.client, made), mode);
  }

  async function podWith(token: string, mode: PodOptions['mode'] = 'sidecar'): Promise<ProxyPod> {
    const url = `https://localhost:${String(operator.https)}`;
    const pod = new ProxyPod({ operator: url, ca, token, mode, backend: 'prod/orders' });
    pods.push(pod);
    return pod.start();
  }

  const shop = (sharedLogin: 'Allow' | 'Forbid') => {
    const { port, user: username, password } = scene.postgres;
    return {
      login: secret('prod/orders-login', { username, password }),
      password: secret('shop/anna-password', { password: PASSWORD }),
      backend: backend('prod/orders', {
        endpoints: [{ name: 'primary', host: '127.0.0.1', port, role: 'primary' }],
        database: 'postgres',
        gateways: ['gateway'],
        sharedLogin,
        consumers: [{ namespace: 'shop', ceiling: [{ sql: { tables: ['*'], actions: ['read', 'write'] } }] }],
      }),
      user: user('shop/anna', { serviceAccounts: ['app'], passwordSecretRef: { name: 'anna-password' } }),
      permission: permission('shop/anna-reads', 'anna', 'prod/orders', ['orders']),
    };
  };

  it('pods that are there first start by themselves, as sidecar and as gateway', async () => {
    const sidecar = await podOf('shop', 'app', 'app-1', 'sidecar');
    const gateway = await podOf('prod', 'gateway', 'gateway-1', 'gateway');
    await sidecar.says(/^waiting for (policy|a DbUser whose spec.serviceAccounts names app)/, 20_000);
    await gateway.says(/^waiting for (policy|DatabaseBackend prod\/orders)/, 20_000);
    await scene.apply(...Object.values(shop('Forbid')));
    await gateway.says(/^ok$/, 30_000);
    await sidecar.says(/^waiting for a login for DbUser shop\/anna: .*sharedLogin: Forbid/, 30_000);
    expect((await refusal(sidecar))[2]).to.include('gateways only');
    await scene.apply(shop('Allow').backend);
    await sidecar.says(/^ok$/, 40_000);

    const inPod = await login(sidecar);
    expect(rows(await inPod.query('select id from orders'))).to.deep.equal([['1']]);
    expect(firstError(await inPod.query('select * from closed'))).to.have.property('C', '42501');
    const outside = await login(gateway, { user: 'anna', password: PASSWORD });
    expect(rows(await outside.query('select id from orders'))).to.deep.equal([['1']]);
    expect((await refusal(gateway, { user: 'anna', password: 'wrong' }))[0]).to.equal('28P01');
    expect((await refusal(gateway))[0]).to.equal('28P01');

    await scene.apply(permission('shop/anna-reads', 'anna', 'prod/orders', ['closed']));
    for (const client of [inPod, outside]) {
      await eventually(async () => (await refusedNow(client)) === '42501', 'the open session is refused');
      client.destroy();
    }
    await scene.apply(shop('Allow').permission);
  }).timeout(150_000);

  it('a pod of another ServiceAccount, and a token for another audience or of no pod, get nothing', async () => {
    const other = await podOf('shop', 'other', 'other-1', 'sidecar');
    await other.says(/^waiting for a DbUser whose spec.serviceAccounts names other/, 20_000);
    expect((await refusal(other, { user: 'anna' }))[0]).to.match(/^(28000|57P03)$/);
    const pod: TestPod = await makePod(scene.client, 'shop', 'app', 'app-2');
    const foreign = await podWith(await tokenOf(scene.client, pod, { audience: 'https://kubernetes.default.svc' }));
    await foreign.says(/refuses this pod, 401: .*\(\w+\)$/, 20_000);
    const unbound = await podWith(await tokenOf(scene.client, pod, { boundTo: null }));
    await unbound.says(/refuses this pod, 403: .*not bound to a pod.*\(NotBoundToAPod\)$/, 20_000);
    for (const refused of [foreign, unbound]) expect((await refusal(refused))[0]).to.equal('57P03');
  }).timeout(90_000);

  it('restarted with the operator gone a pod goes on, and a new one waits', async () => {
    const [sidecar] = pods;
    if (sidecar === undefined) throw new Error('the first case did not run');
    await sidecar.says(/^ok$/, 20_000);
    const late = await makePod(scene.client, 'shop', 'app', 'app-3');
    const token = await tokenOf(scene.client, late);
    expect(await operator.stop()).to.equal(0);
    await sidecar.end();
    await sidecar.start();
    await sidecar.ready();
    expect(await refusal(sidecar)).to.deep.equal(['ok']);
    const waiting = await podWith(token);
    await waiting.says(/^waiting for keys and logins: the operator at .* can not be reached/);
  }).timeout(90_000);
});
