import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { addKey, dropKey, useKey } from '#contract/snapshot/keys-rotation';
import { makeKey, PAIR_BYTES } from '#contract/snapshot/keys';
import { redisNames, TERM_KEY } from '#contract/snapshot/redis';
import { DeposedError, type Publisher } from '#operator/publish/publisher';
import { RedisAwayError } from '#operator/publish/steps';
import { requireRedis, type RedisServer } from '#test/harness/redis-server';
import { inForce, Leaders, MemoryHistory, RING, snapshotOf, userOf } from './scene.ts';

const SCOPE = 'shop/app';
const NAMES = redisNames(SCOPE);
const change = (user: string, scope = SCOPE): Parameters<Publisher['publish']>[0] => ({
  snapshot: snapshotOf(scope, user),
  who: 'tester',
  why: 'a test',
});

async function rejected(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('publishing', () => {
  let server: RedisServer;
  let redis: Redis;
  let leaders: Leaders;

  before(async function () {
    server = await requireRedis(this);
    redis = server.client();
    leaders = new Leaders(server.url);
  });
  afterEach(async () => {
    leaders.close();
    await redis.flushall();
  });
  after(async () => {
    await (server as RedisServer | undefined)?.stop();
  });

  it('puts head, document and message out at once, and history before them', async () => {
    const subscriber = server.client();
    const heard: string[] = [];
    subscriber.on('message', (_, text) => heard.push(text));
    await subscriber.subscribe(NAMES.channel);
    const history = new MemoryHistory();
    const leader = await leaders.make({ history });
    await leader.takeOffice();

    const { kind, head } = await leader.publish(change('anna'));
    expect(kind).to.equal('published');
    const found = await inForce(redis, SCOPE);
    expect(found?.head).to.deep.equal(head);
    expect(found?.snapshot).to.deep.equal(snapshotOf(SCOPE, 'anna'));
    while (heard.length === 0) await sleep(5);
    expect(heard).to.deep.equal([await redis.get(NAMES.head)]);
    const [record] = history.records;
    expect(record).to.deep.include({ scope: SCOPE, revision: head.revision, who: 'tester', why: 'a test' });
    expect(JSON.stringify(record)).not.to.contain('SCRAM');
    expect(JSON.stringify(await redis.keys('*')), 'nothing readable').not.to.contain('anna');
  });

  it('writes nothing when nothing changed, nor does the next leader', async () => {
    const history = new MemoryHistory();
    const first = await leaders.make({ history });
    await first.takeOffice();
    await first.publish(change('anna'));
    const monitor: string[] = [];
    const before = await redis.get(NAMES.head);
    const watch = await redis.monitor();
    watch.on('monitor', (_: string, command: string[], source: string) =>
      monitor.push(`${source} ${command[0] ?? ''}`),
    );

    expect((await first.publish(change('anna'))).kind).to.equal('unchanged');
    const second = await leaders.make({ history });
    await second.takeOffice();
    expect((await second.publish(change('anna'))).kind).to.equal('unchanged');
    await sleep(50);
    watch.disconnect();
    expect(await redis.get(NAMES.head)).to.equal(before);
    expect(history.records).to.have.length(1);
    const written = monitor.filter((line) => /set|publish|del|expire/i.test(line));
    expect(written, 'but the term, by script').to.deep.equal(['lua SET']);
  });

  it('revisions only rise, over leaders and clocks that run behind', async () => {
    const first = await leaders.make({ now: () => Date.now() + 60_000 });
    await first.takeOffice();
    const one = await first.publish(change('anna'));
    const second = await leaders.make();
    await second.takeOffice();
    const two = await second.publish(change('bert'));
    expect(two.head.revision).to.equal(one.head.revision + 1);
    expect(two.head.term).to.be.greaterThan(one.head.term);
  });

  it('in doubt is dated no more and given to nobody, until a publish is done', async () => {
    const leader = await leaders.make();
    await leader.takeOffice();
    await leader.publish(change('anna'));
    const before = await redis.get(NAMES.head);
    leader.doubt(SCOPE);
    expect(await leader.beat()).to.deep.include({ confirmed: 0 });
    expect([await redis.get(NAMES.head), leader.answer(SCOPE), leader.doubted]).to.deep.equal([before, undefined, 1]);
    expect((await leader.publish(change('anna'))).kind).to.equal('unchanged');
    expect(await leader.beat()).to.deep.include({ confirmed: 1 });
    expect([leader.answer(SCOPE) === undefined, leader.doubted]).to.deep.equal([false, 0]);
    expect(await redis.get(NAMES.head)).not.to.equal(before);
  });

  it('of an old leader takes no effect, in no way', async () => {
    const old = await leaders.make();
    await old.takeOffice();
    await old.publish(change('anna'));
    const next = await leaders.make();
    await next.takeOffice();
    for (const work of [old.publish(change('bert')), old.beat(), old.publish(change('carl', 'shop/other'))]) {
      expect(await rejected(work)).to.be.instanceOf(DeposedError);
    }
    expect(old.answer(SCOPE), 'nor to who asks it directly').to.equal(undefined);
    expect(userOf((await inForce(redis, SCOPE))?.snapshot)).to.equal('anna');
    expect(await redis.exists(redisNames('shop/other').head)).to.equal(0);
    await next.publish(change('dora'));
    expect(userOf((await inForce(redis, SCOPE))?.snapshot)).to.equal('dora');
  });

  it('of an old leader takes no effect either when Redis has lost the term: it must be leader to put it back', async () => {
    let isLeader = true;
    const old = await leaders.make({ isLeader: () => Promise.resolve(isLeader) });
    await old.takeOffice();
    await old.publish(change('anna'));
    isLeader = false;
    await redis.flushall();
    expect(await rejected(old.publish(change('bert')))).to.be.instanceOf(DeposedError);
    expect(await rejected(old.beat())).to.be.instanceOf(DeposedError);
    expect(await redis.dbsize()).to.equal(0);
  });

  it('cannot be begun by who is no leader any more, though Redis was away at its election', async () => {
    let isLeader = true;
    const old = await leaders.make({ isLeader: () => Promise.resolve(isLeader) });
    const next = await leaders.make();
    await next.takeOffice();
    await next.publish(change('anna'));
    isLeader = false;
    for (const work of [old.takeOffice(), old.publish(change('bert'))]) {
      expect(await rejected(work)).to.be.instanceOf(DeposedError);
    }
    expect(old.answer(SCOPE)).to.equal(undefined);
    await next.publish(change('carl'));
  });

  it('by a leader that was stopped while it claimed its term gives way to the one elected meanwhile', async () => {
    let resume: (value: boolean) => void = () => undefined;
    const stopped = new Promise<boolean>((resolve) => (resume = resolve));
    let asked = 0;
    const old = await leaders.make({ isLeader: () => (asked++ === 0 ? stopped : Promise.resolve(false)) });
    const claiming = rejected(old.takeOffice());
    const next = await leaders.make();
    await next.takeOffice();
    resume(true); // as it was when it was asked
    expect(await claiming).to.be.instanceOf(DeposedError);
    expect(await redis.get(TERM_KEY)).to.equal(String(next.term));
  });

  for (const term of ['9007199254740991', '9007199254740993', '1e300', 'inf', 'nan', 'nonsense', '-5']) {
    it(`goes on when somebody has written the term ${term} into Redis`, async () => {
      const leader = await leaders.make();
      await leader.takeOffice();
      await leader.publish(change('anna'));
      await redis.set(TERM_KEY, term);
      const { head } = await leader.publish(change('bert'));
      expect(userOf((await inForce(redis, SCOPE))?.snapshot)).to.equal('bert');
      await redis.set(TERM_KEY, term);
      const next = await leaders.make();
      await next.takeOffice();
      expect(next.term).to.be.within(head.term, Date.now() + 1000);
      await next.publish(change('carl'));
      expect(userOf((await inForce(redis, SCOPE))?.snapshot)).to.equal('carl');
    });
  }

  it('is recorded by the next leader when history lacks what is in force', async () => {
    const first = await leaders.make();
    await first.takeOffice();
    const { head } = await first.publish(change('anna'));
    const history = new MemoryHistory();
    const second = await leaders.make({ history });
    await second.takeOffice();
    expect((await second.publish(change('anna'))).kind).to.equal('unchanged');
    await second.publish(change('anna'));
    expect(history.records.map(({ revision }) => revision)).to.deep.equal([head.revision]);
  });

  it('tells a new leader of scopes that no resource speaks of any more', async () => {
    const first = await leaders.make();
    await first.takeOffice();
    await first.publish(change('anna'));
    await first.publish(change('anna', 'shop/gone'));
    const second = await leaders.make();
    expect([...(await second.takeOffice())].sort()).to.deep.equal([SCOPE, 'shop/gone']);
  });

  it('under a new key is a new document, and the old key may go', async () => {
    let ring = RING;
    const leader = await leaders.make({ keys: () => ring });
    await leader.takeOffice();
    const one = await leader.publish(change('anna'));
    const next = makeKey(Date.now(), Buffer.alloc(PAIR_BYTES, 5));
    ring = useKey(addKey(ring, next), next.id, Date.now());
    const two = await leader.publish(change('anna'));
    expect(two.kind).to.equal('published');
    expect(two.head.revision).to.be.greaterThan(one.head.revision);
    ring = dropKey(ring, RING.current);
    expect((await inForce(redis, SCOPE, ring))?.head.revision).to.equal(two.head.revision);
  });

  it('leaves the document before it for those who have just read the head before it, not for ever', async () => {
    const leader = await leaders.make();
    await leader.takeOffice();
    const one = await leader.publish(change('anna'));
    await leader.publish(change('bert'));
    const left = await redis.ttl(NAMES.doc(one.head.digest));
    expect(left).to.be.within(590, 600);
  });

  describe('the beat', () => {
    it('dates heads anew and writes nothing else', async () => {
      let now = Date.now();
      const leader = await leaders.make({ now: () => now });
      await leader.takeOffice();
      const { head } = await leader.publish(change('anna'));
      now += 30_000;
      expect(await leader.beat()).to.deep.equal({ confirmed: 1, restored: [], failed: new Map() });
      expect((await inForce(redis, SCOPE))?.head).to.deep.equal({ ...head, issuedAt: now });
    });

    for (const [situation, spoil] of [
      ['is gone', (key: string) => redis.del(key)],
      ['was altered', (key: string) => redis.append(key, 'x')],
      ['was made a list', async (key: string) => (await redis.del(key), redis.lpush(key, 'x'))],
      ['is gone with everything else', () => redis.flushall()],
    ] as const) {
      it(`names a scope whose document ${situation}, and writes it again under its revision`, async () => {
        const leader = await leaders.make();
        await leader.takeOffice();
        const { head } = await leader.publish(change('anna'));
        await spoil(NAMES.doc(head.digest));
        expect((await leader.beat()).restored).to.deep.equal([SCOPE]);
        expect((await inForce(redis, SCOPE))?.head.revision).to.equal(head.revision);
      });
    }

    it('overwrites a head that an old dump brought back, and does not lead to an older revision', async () => {
      const leader = await leaders.make();
      await leader.takeOffice();
      await leader.publish(change('anna'));
      const old = await redis.get(NAMES.head);
      const term = await redis.get(TERM_KEY);
      const { head } = await leader.publish(change('bert'));
      await redis.set(NAMES.head, old ?? '');
      await redis.set(TERM_KEY, String(Number(term) - 5));
      await leader.beat();
      expect((await inForce(redis, SCOPE))?.head.revision).to.equal(head.revision);
      expect((await leader.publish(change('carl'))).head.revision).to.be.greaterThan(head.revision);
    });

    it('and a publish at once never put back what the publish replaced', async () => {
      const leader = await leaders.make();
      await leader.takeOffice();
      for (let round = 0; round < 30; round++) {
        await Promise.all([leader.publish(change(`u${String(round)}`)), leader.beat(), leader.beat()]);
        expect(userOf((await inForce(redis, SCOPE))?.snapshot)).to.equal(`u${String(round)}`);
      }
    });
  });

  describe('with Redis away', () => {
    it('keeps the change for the second feed, and the beat brings it into Redis', async () => {
      const leader = await leaders.make();
      await leader.takeOffice();
      const one = await leader.publish(change('anna'));
      await server.kill();
      try {
        expect(await rejected(leader.publish(change('bert')))).to.be.instanceOf(RedisAwayError);
        expect(await rejected(leader.publish(change('bert')))).to.be.instanceOf(RedisAwayError);
        const answer = leader.answer(SCOPE);
        expect(answer?.document.length).to.be.greaterThan(0);
      } finally {
        await server.start();
      }
      for (let tries = 0; (await leader.beat()).restored.length === 0; tries++) {
        if (tries > 50) throw new Error('the beat never came through');
        await sleep(100);
      }
      const found = await inForce(redis, SCOPE);
      expect(userOf(found?.snapshot)).to.equal('bert');
      expect(found?.head.revision).to.be.greaterThan(one.head.revision);
    });

    it('a new leader serves the second feed before it has its term', async () => {
      const leader = await leaders.make();
      await server.kill();
      try {
        expect(await rejected(leader.takeOffice())).to.be.instanceOf(Error);
        expect(await rejected(leader.publish(change('anna')))).to.be.instanceOf(RedisAwayError);
        expect(leader.answer(SCOPE)).not.to.equal(undefined);
      } finally {
        await server.start();
      }
    });
  });
});
