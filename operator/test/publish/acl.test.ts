import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { readProxies } from '#operator/publish/heartbeats';
import { requireRedis, type RedisServer } from '#test/harness/redis-server';
import { eventually, Proxies } from './proxies.ts';
import { Leaders, RING, snapshotOf } from './scene.ts';

/** The two Redis users, as whoever runs Redis makes them; docs/operations.md shows the same. */
const OPERATOR =
  'on >operator-pw ~articdbm:* &articdbm:* +@connection +@scripting +@read +@write +publish +info +cluster';
const PROXIES =
  'on >proxies-pw %R~articdbm:{*}:head %R~articdbm:{*}:doc:* ~articdbm:{*}:proxies &articdbm:{*} ' +
  '+getrange +hset +expire +subscribe +info +@connection';

describe('with the two Redis users', () => {
  let server: RedisServer;
  let admin: Redis;
  let leaders: Leaders;
  let proxies: Proxies;
  const as = (login: string): string => `redis://${login}@127.0.0.1:${String(server.port)}`;

  before(async function () {
    server = await requireRedis(this);
    admin = server.client();
    await admin.call('ACL', 'SETUSER', 'articdbm-operator', ...OPERATOR.split(' '));
    await admin.call('ACL', 'SETUSER', 'articdbm-proxies', ...PROXIES.split(' '));
    leaders = new Leaders(as('articdbm-operator:operator-pw'));
    proxies = new Proxies(as('articdbm-proxies:proxies-pw'));
  });
  after(async () => {
    (proxies as Proxies | undefined)?.close();
    (leaders as Leaders | undefined)?.close();
    await (server as RedisServer | undefined)?.stop();
  });

  it('policy goes out and heartbeats come back', async () => {
    const leader = await leaders.make();
    await leader.takeOffice();
    await leader.publish({ snapshot: snapshotOf('shop/app', 'anna'), who: 'tester', why: 'a test' });
    const feed = await proxies.start('shop/app', { podUid: 'pod-1' });
    await feed.until('anna');
    await leader.publish({ snapshot: snapshotOf('shop/app', 'bert'), who: 'tester', why: 'a test' });
    await feed.until('bert');
    expect((await leader.beat()).confirmed).to.equal(1);
    const client = await leaders.client();
    await eventually(
      async () => (await readProxies(client, 'shop/app', { keys: RING, now: Date.now() })).proxies.has('pod-1'),
      'the heartbeat',
    );
    expect(feed.troubles).to.deep.equal([]);
  });

  it('a proxy can write no head, no document, no term, no message, and run no script', async () => {
    const client = server.client();
    await client.auth('articdbm-proxies', 'proxies-pw');
    for (const attempt of [
      client.set('articdbm:{shop/app}:head', 'x'),
      client.set('articdbm:{shop/app}:doc:ab', 'x'),
      client.set('articdbm:term', '9'),
      client.expire('articdbm:{shop/app}:head', 1),
      client.publish('articdbm:{shop/app}', 'x'),
      client.eval('return 1', 0),
      client.keys('*'),
      client.flushall(),
    ]) {
      const failure: unknown = await attempt.then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(String(failure)).to.contain('NOPERM');
    }
  });
});
