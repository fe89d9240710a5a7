import { expect } from 'chai';
import { requireRedis, type RedisServer } from '#test/harness/redis-server';
import { eventually, Proxies } from './proxies.ts';
import { inForce, Leaders, snapshotOf, userOf } from './scene.ts';

const SCOPE = 'shop/app';
const change = (user: string): { snapshot: ReturnType<typeof snapshotOf>; who: string; why: string } => ({
  snapshot: snapshotOf(SCOPE, user),
  who: 'tester',
  why: 'a test',
});

describe('behind Sentinel', () => {
  const servers: RedisServer[] = [];
  let leaders: Leaders | undefined;
  let proxies: Proxies | undefined;

  after(async () => {
    proxies?.close();
    leaders?.close();
    for (const server of servers.reverse()) await server.stop();
  });

  it('leader and proxies follow the master over a failover, and nothing goes back', async function () {
    this.timeout(60_000);
    const first = await requireRedis(this);
    const second = await requireRedis(this, { replicaOf: first });
    await eventually(async () => (await second.client().info('replication')).includes('link_status:up'), 'replication');
    const sentinel = await requireRedis(this, { watches: first });
    servers.push(first, second, sentinel);
    const control = sentinel.client();
    await eventually(
      async () => ((await control.call('SENTINEL', 'REPLICAS', 'main')) as unknown[]).length === 1,
      'the Sentinel knows the replica',
      20_000,
    );

    const url = `redis+sentinel://127.0.0.1:${String(sentinel.port)}/main`;
    leaders = new Leaders(url);
    proxies = new Proxies(url);
    const leader = await leaders.make();
    await leader.takeOffice();
    await leader.publish(change('anna'));
    const feed = await proxies.start(SCOPE);
    await feed.until('anna');

    await eventually(async () => (await inForce(second.client(), SCOPE)) !== undefined, 'it is replicated');
    await first.kill();
    await eventually(
      async () => (await control.call('SENTINEL', 'FAILOVER', 'main').catch(() => '')) === 'OK',
      'the failover begins',
      20_000,
    );
    await eventually(async () => (await leader.beat()).failed.size === 0, 'a beat comes through', 20_000);
    expect(feed.user()).to.equal('anna');
    await leader.publish(change('bert'));
    await eventually(() => feed.user() === 'bert', 'the change is in force', 20_000);
    expect(userOf((await inForce(second.client(), SCOPE))?.snapshot)).to.equal('bert');
  });
});
