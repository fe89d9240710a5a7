import { expect } from 'chai';
import { parseBootstrap, type BootstrapAnswer } from '#contract/bootstrap/answer';
import { encodeKeyRing, makeKey, PAIR_BYTES } from '#contract/snapshot/keys';
import { addKey, useKey } from '#contract/snapshot/keys-rotation';
import type { KubeClient } from '#operator/kube/client';
import { DATABASE_BACKENDS, SECRETS } from '#operator/kube/resource';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';
import {
  ask,
  make,
  makeAccount,
  makePod,
  makeSecret,
  NAMESPACE,
  PROXY_REDIS,
  startReplica,
  tokenOf,
  until,
  type Replica,
  type TestPod,
} from './scene.ts';

describe('what a proxy is told at bootstrap, by two replicas on a real API server', function () {
  this.timeout(60_000);
  let server: ApiServer;
  let client: KubeClient;
  let one: Replica;
  let other: Replica;
  const pods = new Map<string, TestPod>();

  before(async function () {
    server = await requireApiServer(this);
    client = server.client();
    await server.installCrds();
    await server.createNamespaces(NAMESPACE, 'prod', 'shop');
    for (const scope of ['prod/gateway', 'prod/reporting', 'shop/app', 'shop/idle', 'shop/gateway'] as const) {
      const [namespace = '', account = ''] = scope.split('/');
      await makeAccount(client, namespace, account);
      pods.set(scope, await makePod(client, namespace, account, account));
    }
    await makeSecret(client, 'prod/orders-db', { username: 'orders', password: 'of orders' });
    await makeSecret(client, 'prod/trial-db', { username: 'trial', password: 'of trial' });
    await makeSecret(client, 'prod/half-db', { username: 'half' });
    const gateways =
      'gateways: [gateway]\nconsumers: [{namespace: shop, ceiling: [{sql: {tables: ["*"], actions: [select]}}]}]\n';
    const ref = (name: string): string => `credentialsSecretRef: {name: ${name}}\n`;
    await make(client, 'DatabaseBackend', 'prod/orders', gateways);
    await make(client, 'DatabaseBackend', 'prod/trial', `${gateways}${ref('trial-db')}sharedLogin: Allow`);
    await make(client, 'DatabaseBackend', 'prod/half', `${gateways}${ref('half-db')}sharedLogin: Allow`);
    await make(client, 'DatabaseBackend', 'prod/lost', `${gateways}${ref('lost-db')}sharedLogin: Allow`);
    await make(client, 'DbUser', 'prod/reporting', 'serviceAccounts: [reporting]');
    await make(client, 'DbUser', 'shop/app', 'username: app\nserviceAccounts: [app]');
    for (const backend of ['orders', 'trial', 'half', 'lost']) {
      for (const [namespace, user] of [
        ['prod', 'reporting'],
        ['shop', 'app'],
      ] as const) {
        const refs = `userRef: {name: ${user}}\nbackendRef: {name: ${backend}, namespace: prod}`;
        await make(client, 'DbPermission', `${namespace}/${user}-${backend}`, refs);
      }
    }
    [one, other] = await Promise.all([startReplica(client), startReplica(client)]);
  });
  after(async () => {
    await Promise.all([one.stop(), other.stop()]);
    await stopApiServers();
  });

  const podOf = (scope: string): TestPod => {
    const pod = pods.get(scope);
    if (pod === undefined) throw new Error('no such pod');
    return pod;
  };
  const answerOf = async (scope: string, replica = one): Promise<BootstrapAnswer> => {
    const { status, json } = await ask(replica, '/v1/bootstrap', { token: await tokenOf(client, podOf(scope)) });
    expect(status, JSON.stringify(json)).to.equal(200);
    return json as unknown as BootstrapAnswer;
  };
  const logins = ({ logins: all }: BootstrapAnswer): string[] =>
    all.map(
      ({ backend, username, password, users }) => `${backend} ${username}:${password} for ${String(users.length)}`,
    );

  it('is what the contract says, Redis and its login among it', async () => {
    const answer = await answerOf('prod/gateway');
    expect(() => parseBootstrap(JSON.parse(JSON.stringify(answer)))).to.not.throw();
    expect(answer.redis).to.deep.equal(PROXY_REDIS);
    expect(answer.askAgain).to.equal(600_000);
    expect(Math.abs(answer.now - Date.now())).to.be.lessThan(5_000);
  });

  it('a gateway gets the shared login of its backends, for all their users; one whose Secret is half or missing is left out alone', async () => {
    expect(logins(await answerOf('prod/gateway'))).to.deep.equal([
      'prod/orders orders:of orders for 2',
      'prod/trial trial:of trial for 2',
    ]);
  });

  it('a sidecar gets it only where the backend lets it be handed to sidecars, and for its own user alone', async () => {
    for (const scope of ['prod/reporting', 'shop/app'])
      expect(logins(await answerOf(scope)), scope).to.deep.equal(['prod/trial trial:of trial for 1']);
  });

  it("an account that nothing names gets keys and nobody's login; one that bears the gateway's name in another namespace likewise", async () => {
    for (const scope of ['shop/idle', 'shop/gateway']) {
      const answer = await answerOf(scope);
      expect(answer.logins, scope).to.deep.equal([]);
      expect(answer.keys).to.have.length(1);
    }
  });

  it('nothing of other scopes: no other user, no password that is not its own', async () => {
    const text = JSON.stringify(await answerOf('shop/app'));
    expect(text).to.not.contain('of orders');
    const gateway = await answerOf('prod/gateway');
    const [own] = (await answerOf('shop/app')).logins;
    const foreign = gateway.logins.flatMap(({ users }) => users).filter((uid) => own?.users.includes(uid) === false);
    expect(foreign.length).to.be.greaterThan(0);
    for (const uid of foreign) expect(text).to.not.contain(uid);
  });

  it('replicas agree byte for byte, but for the moment', async () => {
    for (const scope of pods.keys()) {
      const [a, b] = await Promise.all([answerOf(scope, one), answerOf(scope, other)]);
      expect(JSON.stringify({ ...a, now: 0 })).to.equal(JSON.stringify({ ...b, now: 0 }));
    }
  });

  it('a new key is in the answers of a replica that has not looked since: within seconds, not its minute', async () => {
    const ring = one.keys.ring();
    const key = makeKey(Date.now() + 1_000, Buffer.alloc(PAIR_BYTES, 7));
    const next = useKey(addKey(ring, key), key.id, Date.now());
    const data = Object.fromEntries(
      Object.entries(encodeKeyRing(next)).map(([name, value]) => [name, value.toString('base64')]),
    );
    await client.mergePatch(SECRETS, { namespace: NAMESPACE, name: 'articdbm-keys' }, { data });
    for (const replica of [one, other]) {
      const asked = Date.now();
      await until(async () => (await answerOf('shop/app', replica)).keys.some(({ id }) => id === key.id));
      expect(Date.now() - asked).to.be.lessThan(5_000);
    }
    const [a, b] = await Promise.all([answerOf('shop/app', one), answerOf('shop/app', other)]);
    expect(JSON.stringify({ ...a, now: 0 })).to.equal(JSON.stringify({ ...b, now: 0 }));
  });

  it('a backend that is deleted takes its login along', async () => {
    await client.delete(DATABASE_BACKENDS, { namespace: 'prod', name: 'orders' });
    await until(async () => logins(await answerOf('prod/gateway')).length === 1);
  });

  it('a key Secret that somebody breaks stops no pod', async () => {
    await client.mergePatch(SECRETS, { namespace: NAMESPACE, name: 'articdbm-keys' }, { data: { strange: 'AAAA' } });
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect((await answerOf('shop/idle')).keys).to.have.length(2);
  });
});

describe('a replica that has not seen all resources', function () {
  this.timeout(60_000);
  after(stopApiServers);

  it('says so, and when to ask again', async function () {
    const server = await requireApiServer(this);
    const client = server.client();
    await server.installCrds();
    await server.createNamespaces(NAMESPACE, 'shop');
    await makeAccount(client, 'shop', 'app');
    const token = await tokenOf(client, await makePod(client, 'shop', 'app', 'app'));
    const replica = await startReplica(client, { unsynced: true });
    const { status, headers, json } = await ask(replica, '/v1/bootstrap', { token });
    expect([status, json.reason, headers['retry-after']]).to.deep.equal([503, 'NotSynced', '2']);
    await replica.stop();
  });
});
