import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { KEYS_SECRET, TLS_SECRET } from '#contract/names';
import { addKey, dropKey, useKey } from '#contract/snapshot/keys-rotation';
import { encodeKeyRing, makeKey, PAIR_BYTES, type KeyRing } from '#contract/snapshot/keys';
import { parseScopeKeys, scopeKeysFor } from '#contract/snapshot/keys-scope';
import { SECRETS, type KubeObject } from '#operator/kube/resource';
import { startFeed, type SnapshotFeed } from '#proxy/snapshot/feed';
import { freePort } from '#test/harness/ports';
import { stopApiServers } from '../harness/api-server.ts';
import { killOperators, OPERATOR_NAMESPACE, type OperatorProcess } from '../harness/operator.ts';
import { eventually } from '../publish/proxies.ts';
import { addressOf } from '../publish/scene.ts';
import { ClusterScene, permission, SHOP, SIDECAR, tablesOf } from './cluster-scene.ts';

/** What proxies wait for is seconds here, by `pace`; the operator's own times are as always. */
const PATIENCE = 60_000;

describe('an operator whose neighbours are away', function () {
  this.timeout(240_000);
  let scene: ClusterScene;
  let tables = ['orders'];
  let number = 0;
  const feeds: SnapshotFeed[] = [];
  before(async function () {
    scene = await ClusterScene.open(this);
    await scene.apply(...Object.values(SHOP));
  });
  afterEach(async () => {
    for (const feed of feeds.splice(0)) feed.close();
    await killOperators();
  });
  after(async () => {
    await (scene as ClusterScene | undefined)?.close();
    await stopApiServers();
  });

  const replica = async (options = {}): Promise<OperatorProcess> => {
    const operator = await scene.operator({ seams: {}, ...options });
    await operator.ready();
    return operator;
  };
  const leader = async (options = {}): Promise<OperatorProcess> => {
    const operator = await replica(options);
    await operator.leads();
    await inForce();
    return operator;
  };

  async function change(): Promise<void> {
    tables = [`t${String(++number)}`];
    await scene.apply(permission('shop/app-reads', 'app', 'prod/orders', tables));
  }
  const inForce = () => scene.until(SIDECAR, (now) => String(tablesOf(now)) === String(tables), PATIENCE);

  /** A proxy as it is in pods, but that it is told its keys instead of asking for them. */
  async function proxy(keys: () => KeyRing, refreshKeys = () => Promise.resolve()) {
    const podUid = 'pod-1';
    const feed = await startFeed({
      ...{ scope: SIDECAR, podUid, redis: addressOf(scene.redisServer.url), refreshKeys },
      keys: () => parseScopeKeys(scopeKeysFor(keys(), SIDECAR, podUid)),
      askOperator: () => Promise.resolve(undefined),
      refuseAfter: 86_400_000,
      environment: { now: () => Date.now(), monotonic: () => performance.now(), randomBytes },
      counters: () => ({}),
      trouble: () => undefined,
      pace: (milliseconds) => milliseconds / 100,
    });
    feeds.push(feed);
    const seen = (): string => {
      const snapshot = feed.current()?.snapshot;
      return String(
        (snapshot?.backends ?? []).flatMap(({ users }) =>
          users.flatMap(({ rules }) => rules.flatMap(({ sql }) => sql.tables ?? [])),
        ),
      );
    };
    const until = () =>
      eventually(() => seen() === String(tables), `${String(tables)} in force, not ${seen()}`, PATIENCE);
    return { feed, seen, until };
  }

  it('Redis emptied: all is there again, under the same revision', async () => {
    await leader();
    const { head } = await inForce();
    const ring = await scene.ring();
    const { until } = await proxy(() => ring);
    await until();
    await scene.redis.flushall();
    const again = await inForce();
    expect(again.head.revision).to.equal(head.revision);
    await change();
    await inForce();
    await until();
  });

  it('Redis restored from an old dump: no proxy goes back, and what is in force is the new', async () => {
    await leader();
    const dump = await scene.redisServer.dump();
    await change();
    const { head } = await inForce();
    const ring = await scene.ring();
    const { until, feed } = await proxy(() => ring);
    await until();
    await scene.redisServer.kill();
    await scene.redisServer.start(dump);
    const again = await inForce();
    expect(again.head.revision).to.equal(head.revision);
    await until();
    await change();
    await until();
    expect(feed.current()?.revision).to.be.greaterThan(head.revision);
  });

  it('Redis away while something is revoked: it is in force when Redis is back', async () => {
    const operator = await leader();
    const ring = await scene.ring();
    const { until } = await proxy(() => ring);
    await until();
    await scene.redisServer.kill();
    await change();
    await eventually(
      async () => (await operator.get('/readyz')).body.includes('Redis can not be reached'),
      'it is told',
    );
    expect((await operator.get('/readyz')).status, 'no reason to be asked less').to.equal(200);
    await eventually(
      async () => (await scene.readyCondition(SHOP.permission)).startsWith('False'),
      'not Ready',
      30_000,
    );
    await scene.redisServer.start();
    await inForce();
    await until();
    await eventually(async () => (await scene.readyCondition(SHOP.permission)).startsWith('True'), 'Ready', 30_000);
    expect((await operator.get('/readyz')).body).to.equal('ok\n');
  });

  it('the store restored from an old backup: revisions go on rising', async () => {
    await leader();
    await change();
    const { head } = await inForce();
    await scene.store.query('delete from articdbm.revisions');
    await scene.store.query('update articdbm.office set term = 1');
    await change();
    const now = await inForce();
    expect(now.head.revision).to.be.greaterThan(head.revision);
    await eventually(async () => (await scene.rows(SIDECAR)).length === 1, 'history goes on');
  });

  it('the store away: nothing waits for it, the status says so, and history is complete afterwards', async () => {
    await killOperators();
    const port = await freePort();
    const operator = await leader({ store: `postgres://nobody:nothing@127.0.0.1:${String(port)}/none` });
    await change();
    const { head } = await inForce();
    await eventually(
      async () => (await operator.get('/readyz')).body.includes('the store can not be reached'),
      'it is told',
    );
    await eventually(async () => ((await operator.metric('articdbm_operator_history_waiting')) ?? 0) > 0, 'it waits');
    const conditions = async () => (await scene.status(SHOP.backend))?.conditions?.map(({ type }) => type) ?? [];
    await eventually(async () => (await conditions()).includes('HistoryDelayed'), 'HistoryDelayed', 20_000);
    // The password is rotated: the file says so, and nobody restarts anything.
    writeFileSync(operator.files.store, scene.storeUrl);
    await eventually(
      async () => (await scene.rows(SIDECAR)).some(({ revision }) => revision === head.revision),
      'history has it',
      40_000,
    );
    expect(operator.running).to.equal(true);
  });

  it('the API server restarted: what is applied afterwards is in force', async () => {
    const operator = await leader();
    await scene.apiServer.restart();
    await change();
    await inForce();
    await operator.leads();
    await eventually(async () => (await scene.readyCondition(SHOP.permission)).startsWith('True'), 'Ready', 30_000);
  });

  it('keys rotated while one replica knows the old ones only, and then leads', async () => {
    const one = await leader();
    const other = await replica();
    let ring = await scene.ring();
    const { until } = await proxy(
      () => ring,
      async () => {
        ring = await scene.ring();
      },
    );
    await until();
    const stale = await scene.ring();
    const next = makeKey(Date.now() + 1_000, randomBytes(PAIR_BYTES));
    await putRing(useKey(addKey(stale, next), next.id, Date.now()));
    await one.kill(); // before the other reads the Secret again, which it does each minute
    await other.leads();
    await change();
    await until();
    await eventually(async () => (await inForce()).head.key === next.id, 'signed by the new key', 90_000);
    await putRing(dropKey(await scene.ring(), stale.current));
    await change();
    await inForce();
    await until();
  });

  async function putRing(ring: KeyRing): Promise<void> {
    const ref = { namespace: OPERATOR_NAMESPACE, name: KEYS_SECRET };
    const secret = await scene.client.get<KubeObject>(SECRETS, ref);
    if (secret === undefined) throw new Error('there is no key Secret');
    const data = Object.entries(encodeKeyRing(ring)).map(([key, value]) => [key, value.toString('base64')]);
    await scene.client.update(SECRETS, { ...secret, data: Object.fromEntries(data) as object } as KubeObject);
  }

  it('comes up with neither Redis, store nor API server, and says what is missing', async () => {
    await scene.redisServer.kill();
    scene.apiServer.proxy.freeze();
    const store = `postgres://nobody@127.0.0.1:${String(await freePort())}/none`;
    const operator = await scene.operator({ seams: {}, way: 'through', store });
    await eventually(
      async () => (await operator.get('/readyz')).body.includes('dbusers are not listed'),
      'it says so',
      15_000,
    );
    expect(await operator.get('/readyz')).to.have.property('status', 503);
    expect((await operator.get('/readyz')).body).to.include('HTTPS is not served yet');
    expect(await operator.get('/healthz')).to.deep.equal({ status: 200, body: 'ok\n' });
    scene.apiServer.proxy.thaw();
    scene.apiServer.cut();
    await operator.ready();
    await operator.leads(60_000);
    await scene.redisServer.start();
    await inForce();
    expect(await scene.client.get(SECRETS, { namespace: OPERATOR_NAMESPACE, name: TLS_SECRET })).not.to.equal(
      undefined,
    );
  });
});
