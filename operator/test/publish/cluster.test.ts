import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { redisNames, TERM_KEY } from '#contract/snapshot/redis';
import { DeposedError } from '#operator/publish/publisher';
import { readProxies } from '#operator/publish/heartbeats';
import { requireRedisCluster, type RedisServer } from '#test/harness/redis-server';
import { eventually, Proxies } from './proxies.ts';
import { Leaders, RING, snapshotOf } from './scene.ts';

describe('on a Redis Cluster', () => {
  let nodes: readonly RedisServer[] = [];
  let clients: readonly Redis[] = [];
  let leaders: Leaders;
  let proxies: Proxies;

  before(async function () {
    this.timeout(60_000);
    nodes = await requireRedisCluster(this);
    clients = nodes.map((node) => node.client());
    const url = `redis+cluster://${nodes.map(({ host, port }) => `${host}:${String(port)}`).join(',')}`;
    leaders = new Leaders(url);
    proxies = new Proxies(url);
  });
  afterEach(async () => {
    proxies.close();
    leaders.close();
    for (const client of clients) await client.flushall();
  });
  after(async () => {
    for (const node of nodes) await node.stop();
  });

  const scopes = Array.from({ length: 12 }, (_, index) => `shop/app-${String(index)}`);
  const change = (
    scope: string,
    user: string,
  ): { snapshot: ReturnType<typeof snapshotOf>; who: string; why: string } => ({
    snapshot: snapshotOf(scope, user),
    who: 'tester',
    why: 'a test',
  });

  it('scopes live on all nodes, changes reach their proxies, heartbeats come back', async () => {
    const leader = await leaders.make();
    await leader.takeOffice();
    for (const scope of scopes) await leader.publish(change(scope, 'anna'));
    for (const client of clients) expect(await client.dbsize()).to.be.greaterThan(0);
    const feeds = await Promise.all(scopes.map((scope) => proxies.start(scope, { podUid: scope })));
    for (const feed of feeds) await feed.until('anna');
    for (const scope of scopes) await leader.publish(change(scope, 'bert'));
    for (const feed of feeds) await feed.until('bert');
    const client = await leaders.client();
    for (const scope of scopes) {
      await eventually(
        async () => (await readProxies(client, scope, { keys: RING, now: Date.now() })).proxies.has(scope),
        'a report',
      );
    }
    expect((await leader.beat()).confirmed).to.equal(scopes.length);
  });

  it('a new leader finds the scopes of all nodes, and an old one’s writes take no effect on any', async () => {
    const old = await leaders.make();
    await old.takeOffice();
    for (const scope of scopes) await old.publish(change(scope, 'anna'));
    const next = await leaders.make();
    expect([...(await next.takeOffice())].sort()).to.deep.equal([...scopes].sort());
    for (const scope of scopes) await next.publish(change(scope, 'anna'));
    for (const scope of scopes) {
      let failure: unknown;
      await old.publish(change(scope, 'mallory')).catch((error: unknown) => (failure = error));
      expect(failure).to.be.instanceOf(DeposedError);
    }
    let failure: unknown;
    await old.beat().catch((error: unknown) => (failure = error));
    expect(failure).to.be.instanceOf(DeposedError);
  });

  it('the fence of a scope is in its own slot', async () => {
    const leader = await leaders.make();
    await leader.takeOffice();
    await leader.publish(change('shop/app', 'anna'));
    const client = await leaders.client();
    expect(await client.get(redisNames('shop/app').term)).to.equal(String(leader.term));
    expect(await client.get(TERM_KEY)).to.equal(String(leader.term));
  });
});
