import { expect } from 'chai';
import { isDeepStrictEqual } from 'node:util';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { KEYS_SECRET, TLS_SECRET } from '#contract/names';
import { SECRETS, type KubeObject } from '#operator/kube/resource';
import { stopApiServers } from '../harness/api-server.ts';
import { killOperators, OPERATOR_NAMESPACE } from '../harness/operator.ts';
import { eventually } from '../publish/proxies.ts';
import { ClusterScene, GATEWAY, PASSWORDS, SHOP, SIDECAR, tablesOf, user } from './cluster-scene.ts';

describe('the operator as a process', function () {
  this.timeout(120_000);
  let scene: ClusterScene;
  before(async function () {
    scene = await ClusterScene.open(this);
  });
  afterEach(killOperators);
  after(async () => {
    await (scene as ClusterScene | undefined)?.close();
    await stopApiServers();
  });

  it('brings what is applied to Redis, says so in the status, and tells no secret', async () => {
    const operator = await scene.operator({ flags: ['--log-level=debug'] });
    await operator.ready();
    await operator.leads();
    await scene.apply(...Object.values(SHOP));
    const sidecar = await scene.until(SIDECAR, (now) => isDeepStrictEqual(tablesOf(now), ['orders']));
    const gateway = await scene.until(GATEWAY, (now) => isDeepStrictEqual(tablesOf(now), ['orders']));
    expect(sidecar.snapshot.backends[0]?.users[0]).to.include({ ref: 'shop/app', bound: true });
    expect(gateway.snapshot.backends[0]?.users[0]?.verifier).to.match(/^SCRAM-SHA-256\$/);
    for (const one of [SHOP.backend, SHOP.user, SHOP.permission])
      await eventually(async () => (await scene.readyCondition(one)).startsWith('True '), 'Ready', 10_000);
    const { body } = await operator.get('/metrics');
    expect(body).to.match(/articdbm_operator_publish_seconds_count\{outcome="published"\} [1-9]/);
    expect(body).to.match(/articdbm_operator_reconcile_seconds_count\{kind="Scope",outcome="done"\} [1-9]/);
    expect(body).to.match(/articdbm_operator_certificate_end_seconds \d{10}/);
    expect(await operator.metric('articdbm_operator_keys')).to.equal(1);
    expect(await operator.metric('articdbm_operator_revision')).to.be.greaterThan(Date.now() - 60_000);
    const told = operator.output() + body;
    for (const secret of [...PASSWORDS, ...(await ownSecrets())]) expect(told).not.to.include(secret);
    expect(await operator.stop()).to.equal(0);
    expect(operator.log.at(-1)).to.include({ msg: 'stopped' });
  });

  async function ownSecrets(): Promise<readonly string[]> {
    type Secret = KubeObject & { readonly data: Readonly<Record<string, string>> };
    const all = await Promise.all(
      [KEYS_SECRET, TLS_SECRET].map((name) =>
        scene.client.get<Secret>(SECRETS, { namespace: OPERATOR_NAMESPACE, name }),
      ),
    );
    return all
      .flatMap((one) => Object.entries(one?.data ?? {}))
      .filter(([name]) => name.startsWith('master.') || name.startsWith('sign.') || name.endsWith('.key'))
      .map(([, value]) => value.slice(0, 40));
  }

  it('asked to stop while it starts, it stops', async () => {
    scene.apiServer.proxy.freeze();
    const operator = await scene.operator({ way: 'through' });
    await eventually(async () => (await operator.get('/healthz')).status === 200, 'it answers', 15_000);
    expect(await operator.stop()).to.equal(0);
    scene.apiServer.proxy.thaw();
  });

  it('answers on after the signal for as long as it is told, and a second signal ends it at once', async () => {
    const operator = await scene.operator({ flags: ['--shutdown-delay=60s', '--shutdown-timeout=90s'] });
    await operator.ready();
    operator.signal('SIGTERM');
    await eventually(async () => (await operator.get('/readyz')).body === 'shutting down\n', 'not ready');
    const socketOpen = (): Promise<Response> => fetch(`https://127.0.0.1:${String(operator.https)}/`);
    const failed: unknown = await socketOpen().catch((error: unknown) => (error as Error).cause);
    expect((failed as { code?: string }).code, 'it listens: its certificate is what is wrong').to.match(/CERT|SIGN/);
    const before = performance.now();
    await operator.stop();
    expect(performance.now() - before).to.be.lessThan(5_000);
  });

  it('a port that is taken is said, with exit code 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    for (const flag of ['listen', 'admin']) {
      const operator = await scene.operator({ flags: [`--${flag}=127.0.0.1:${String(port)}`] });
      await eventually(() => !operator.running, 'it ends', 15_000);
      expect(operator.output()).to.include(`--${flag}: 127.0.0.1:${String(port)} can not be opened (EADDRINUSE)`);
      expect(await operator.stop()).to.equal(1);
    }
    server.close();
  });

  it('a key Secret that somebody broke ends it, is left alone, and is not quoted', async () => {
    const ref = { namespace: OPERATOR_NAMESPACE, name: KEYS_SECRET };
    const secret = await scene.client.get<KubeObject & { data: object }>(SECRETS, ref);
    if (secret === undefined) throw new Error('there is no key Secret');
    const data = { ...secret.data, current: Buffer.from('hunter2').toString('base64') };
    const broken = await scene.client.update(SECRETS, { ...secret, data } as KubeObject);
    const operator = await scene.operator();
    await eventually(() => !operator.running, 'it ends', 20_000);
    expect(await operator.stop()).to.equal(1);
    expect(operator.output()).to.include('is not as the operator writes it').and.not.to.include('hunter2');
    const now = await scene.client.get(SECRETS, ref);
    expect(now?.metadata.resourceVersion).to.equal(broken.metadata.resourceVersion);
    await scene.client.update(SECRETS, { ...secret, metadata: now?.metadata ?? secret.metadata });
  });

  it('of namespaces that it is not told to watch it sees nothing', async () => {
    const hidden = user('default/hidden', { serviceAccounts: ['hidden'] });
    await scene.apply(...Object.values(SHOP), hidden);
    const operator = await scene.operator({ seams: {}, flags: ['--watch-namespaces=shop', '--watch-namespaces=prod'] });
    await operator.ready();
    await operator.leads();
    await scene.until(SIDECAR, (now) => isDeepStrictEqual(tablesOf(now), ['orders']));
    await eventually(async () => (await scene.readyCondition(SHOP.user)).startsWith('True '), 'Ready', 10_000);
    expect(await operator.metric('articdbm_operator_objects{resource="dbusers"}')).to.equal(1);
    expect(await scene.headOf('default/hidden')).to.equal(null);
    expect(await scene.status(hidden)).to.equal(undefined);
    await scene.remove(hidden);
  });

  it('a file whose URL is another now is read again, without a restart', async () => {
    const operator = await scene.operator({ seams: {}, redis: 'redis://127.0.0.1:1' });
    await operator.ready();
    await operator.leads();
    expect((await operator.get('/readyz')).body).to.include('Redis can not be reached');
    writeFileSync(operator.files.redis, scene.redisServer.url);
    await eventually(async () => (await operator.get('/readyz')).body === 'ok\n', 'in order again', 30_000);
    await operator.leads();
    expect(operator.log.some(({ flag }) => flag === 'redis-url-file')).to.equal(true);
  });
});
