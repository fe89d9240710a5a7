import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { expect } from 'chai';
import type { KubeClient } from '#operator/kube/client';
import { SECRETS, type KubeObject } from '#operator/kube/resource';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';
import {
  ask,
  deletePod,
  makeAccount,
  makePod,
  reasonOf,
  startReplica,
  tokenOf,
  until,
  type Replica,
  type TestPod,
} from './scene.ts';

describe('who may have a bootstrap answer, by tokens of a real API server', function () {
  this.timeout(60_000);
  let server: ApiServer;
  let client: KubeClient;
  let replica: Replica;
  let pod: TestPod;
  const boot = (token?: string) => ask(replica, '/v1/bootstrap', { token });
  const reason = async (token?: string): Promise<string> => reasonOf(await boot(token));

  before(async function () {
    server = await requireApiServer(this);
    client = server.client();
    await server.installCrds();
    await server.createNamespaces('articdbm', 'shop', 'other');
    for (const [namespace, name] of [
      ['shop', 'app'],
      ['shop', 'job'],
      ['other', 'app'],
    ] as const)
      await makeAccount(client, namespace, name);
    pod = await makePod(client, 'shop', 'app', 'app-1');
    replica = await startReplica(client);
  });
  after(async () => {
    await replica.stop();
    await stopApiServers();
  });

  it('a pod gets the scope of its own ServiceAccount and its own uid, whatever it might like', async () => {
    const { status, json } = await boot(await tokenOf(client, pod));
    expect(status).to.equal(200);
    expect(json).to.include({ scope: 'shop/app', podUid: pod.uid });
  });

  it('a pod of another ServiceAccount, of another namespace, gets another scope and other keys', async () => {
    const own = await boot(await tokenOf(client, pod));
    for (const [namespace, account] of [
      ['shop', 'job'],
      ['other', 'app'],
    ] as const) {
      const stranger = await makePod(client, namespace, account, `stranger-${account}`);
      const { json } = await boot(await tokenOf(client, stranger));
      expect(json).to.include({ scope: `${namespace}/${account}`, podUid: stranger.uid });
      const seals = [own.json, json].map(({ keys }) => (keys as { seal: string }[]).map(({ seal }) => seal));
      expect(seals[0]).to.not.deep.equal(seals[1]);
      expect(json.mock).to.not.equal(own.json.mock);
    }
  });

  it("another pod's token says that other pod: the heartbeat key is of its uid", async () => {
    const second = await makePod(client, 'shop', 'app', 'app-2');
    const [one, other] = await Promise.all([boot(await tokenOf(client, pod)), boot(await tokenOf(client, second))]);
    expect([one.json.podUid, other.json.podUid]).to.deep.equal([pod.uid, second.uid]);
    const macs = [one, other].map(({ json }) => (json.keys as { mac: string }[])[0]?.mac);
    expect(macs[0]).to.not.equal(macs[1]);
  });

  it('a token that is bound to no pod is refused', async () => {
    expect(await reason(await tokenOf(client, pod, { boundTo: null }))).to.equal('403 NotBoundToAPod');
  });

  it('a token that is bound to a Secret is refused', async () => {
    const secret = await client.create<KubeObject>(SECRETS, { metadata: { namespace: 'shop', name: 'bound' } });
    const boundTo = { kind: 'Secret', name: 'bound', uid: secret.metadata.uid ?? '' };
    expect(await reason(await tokenOf(client, pod, { boundTo }))).to.equal('403 NotBoundToAPod');
  });

  for (const audience of ['https://kubernetes.default.svc', 'vault', 'articdbm.io.evil']) {
    it(`a pod's token for ${audience} is refused`, async () => {
      expect(await reason(await tokenOf(client, pod, { audience }))).to.equal('401 TokenRefused');
    });
  }

  it('no token, no bearer, and what is no token at all are refused without asking', async () => {
    expect(await reason()).to.equal('401 NoToken');
    for (const authorization of [
      'Basic YTpi',
      'Bearer',
      'Bearer a.b',
      'Bearer a.b.c d',
      `Bearer ${'a'.repeat(9_000)}.b.c`,
    ]) {
      const reply = await ask(replica, '/v1/bootstrap', { headers: { authorization } });
      expect(reasonOf(reply), authorization.slice(0, 12)).to.equal('401 NoToken');
    }
  });

  it('an administrator of the cluster is no pod', async () => {
    expect(await reason(server.token)).to.equal('401 NoToken');
  });

  it('an altered token is refused: other claims, another signature, none', async () => {
    const [header = '', claims = '', signature = ''] = (await tokenOf(client, pod)).split('.');
    const parsed = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
    const other = Buffer.from(JSON.stringify({ ...parsed, sub: 'system:serviceaccount:other:app' })).toString(
      'base64url',
    );
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    for (const token of [`${header}.${other}.${signature}`, `${header}.${claims}.${flipped}`, `${none}.${claims}.AA`])
      expect(await reason(token)).to.equal('401 TokenRefused');
  });

  it('a token with all the right claims that somebody else has signed is refused', async () => {
    const [header = '', claims = ''] = (await tokenOf(client, pod)).split('.');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const signature = sign('sha256', Buffer.from(`${header}.${claims}`), pem).toString('base64url');
    expect(await reason(`${header}.${claims}.${signature}`)).to.equal('401 TokenRefused');
  });

  it("a deleted pod's token is refused within seconds, and so is one of a pod made anew under its name", async () => {
    const short = await makePod(client, 'shop', 'app', 'short');
    const token = await tokenOf(client, short);
    expect((await boot(token)).status).to.equal(200);
    await deletePod(client, short);
    const deleted = Date.now();
    await makePod(client, 'shop', 'app', 'short');
    await until(async () => (await reason(token)) === '401 TokenRefused');
    const took = Date.now() - deleted;
    console.log(`      refused ${String(took)} ms after the pod was deleted`);
    expect(took).to.be.lessThan(15_000); // the API server itself believes a token for 10 s
  });

  it("a deleted ServiceAccount's token is refused", async () => {
    await makeAccount(client, 'shop', 'gone');
    const orphan = await makePod(client, 'shop', 'gone', 'orphan');
    const token = await tokenOf(client, orphan);
    await client.request({ method: 'DELETE', path: '/api/v1/namespaces/shop/serviceaccounts/gone' });
    await until(async () => (await reason(token)) === '401 TokenRefused');
  });

  it('an API server that is away is no reason to believe anybody', async () => {
    const through = await startReplica(server.client('through'));
    const token = await tokenOf(client, pod);
    expect((await ask(through, '/v1/bootstrap', { token })).status).to.equal(200);
    server.proxy.freeze();
    const reply = await ask(through, '/v1/bootstrap', { token });
    server.proxy.thaw();
    expect(reasonOf(reply)).to.equal('503 ApiServerAway');
    expect(reply.headers['retry-after']).to.equal('5');
    await through.stop();
  });

  it('nothing that was answered, counted or thrown in all that holds a token', async () => {
    const token = await tokenOf(client, pod, { audience: 'vault' });
    const reply = await boot(token);
    const said = JSON.stringify([reply.json, replica.answered, replica.errors.map(String)]);
    expect(said).to.not.contain('eyJ');
    expect(replica.answered).to.include('bootstrap TokenRefused').and.include('bootstrap ok');
  });
});
