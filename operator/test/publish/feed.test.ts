import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { signHead, type Head } from '#contract/snapshot/head';
import { addKey, firstRing, useKey } from '#contract/snapshot/keys-rotation';
import { parseScopeKeys, scopeKeysFor } from '#contract/snapshot/keys-scope';
import { currentKey, makeKey, PAIR_BYTES } from '#contract/snapshot/keys';
import { redisNames } from '#contract/snapshot/redis';
import { sealDocument } from '#contract/snapshot/seal';
import { serialiseSnapshot } from '#contract/snapshot/serialise';
import { isInSync, readProxies } from '#operator/publish/heartbeats';
import type { Publisher } from '#operator/publish/publisher';
import { keepPolicyIn } from '#proxy/snapshot/feed-kept';
import type { OperatorAnswer } from '#proxy/snapshot/feed';
import { requireRedis, type RedisServer } from '#test/harness/redis-server';
import { eventually, Proxies, type TestFeed } from './proxies.ts';
import { addressOf, Leaders, RING, snapshotOf } from './scene.ts';

const SCOPE = 'shop/app';
const NAMES = redisNames(SCOPE);
const KEY = currentKey(RING);
const OTHER = makeKey(KEY.madeAt, Buffer.alloc(PAIR_BYTES, 66)); // under the same id
const NEXT = makeKey(KEY.madeAt + 3_600_000, Buffer.alloc(PAIR_BYTES, 7));

const change = (user: string, scope = SCOPE): Parameters<Publisher['publish']>[0] => ({
  snapshot: snapshotOf(scope, user),
  who: 'tester',
  why: 'a test',
});

describe('a proxy’s feed', () => {
  let server: RedisServer;
  let redis: Redis;
  let leaders: Leaders;
  let leader: Publisher;
  let proxies: Proxies;
  /** What the leader's clock is ahead. */
  let ahead = 0;

  before(async function () {
    server = await requireRedis(this);
    redis = server.client();
    leaders = new Leaders(server.url);
  });
  beforeEach(async () => {
    ahead = 0;
    await redis.flushall();
    leader = await leaders.make({ now: () => Date.now() + ahead });
    await leader.takeOffice();
    proxies = new Proxies(server.url);
  });
  afterEach(() => {
    proxies.close();
    leaders.close();
  });
  after(async () => {
    await (server as RedisServer | undefined)?.stop();
  });

  const second = (): Promise<OperatorAnswer | undefined> => Promise.resolve(leader.answer(SCOPE));

  it('takes what Redis has, hears of changes, and tells who listens in the same turn', async () => {
    await leader.publish(change('anna'));
    const feed = await proxies.start(SCOPE);
    await feed.until('anna');
    const heard: unknown[] = [];
    feed.onSwap((current) => heard.push(current === feed.current() && feed.user()));
    const { head } = await leader.publish(change('bert'));
    await feed.until('bert');
    expect(heard).to.deep.equal(['bert']);
    expect(feed.current()?.revision).to.equal(head.revision);
    expect(feed.troubles).to.deep.equal([]);
    expect(feed.asked()).to.equal(0);
  });

  it('without any head asks the operator at once, Redis up or down', async () => {
    await leader.publish(change('anna'));
    await redis.flushall();
    const up = await proxies.start(SCOPE, { askOperator: second });
    await up.until('anna');
    await server.kill();
    try {
      const down = await proxies.start(SCOPE, { askOperator: second });
      await down.until('anna');
      expect(down.troubles).to.include('redis-away');
    } finally {
      await server.start();
    }
  });

  it('without any head and with nobody to ask waits, and has policy soon after it is published', async () => {
    const feed = await proxies.start(SCOPE);
    await sleep(100);
    expect(feed.status()).to.deep.equal({ state: 'waiting', head: undefined, age: undefined });
    expect(feed.current()).to.equal(undefined);
    await leader.publish(change('anna'));
    await feed.until('anna');
  });

  it('keeps serving while Redis is down, and has what changed meanwhile once it is back', async () => {
    await leader.publish(change('anna'));
    const feed = await proxies.start(SCOPE);
    await feed.until('anna');
    await server.kill();
    try {
      await leader.publish(change('bert')).catch(() => undefined);
      await sleep(200);
      expect(feed.user()).to.equal('anna');
    } finally {
      await server.start();
    }
    await eventually(async () => (await leader.beat()).failed.size === 0, 'a beat comes through');
    await feed.until('bert');
  });

  it('has a change from the operator when Redis stays down and its head is 90 s old', async () => {
    await leader.publish(change('anna'));
    const feed = await proxies.start(SCOPE, { askOperator: second });
    await feed.until('anna');
    await server.kill();
    try {
      await leader.publish(change('bert')).catch(() => undefined);
      proxies.ahead = ahead = 91_000;
      await feed.until('bert');
    } finally {
      await server.start();
    }
  });

  it('does not ask the operator while Redis has a head younger than 90 s', async () => {
    await leader.publish(change('anna'));
    const feed = await proxies.start(SCOPE, { askOperator: second });
    await feed.until('anna');
    proxies.ahead = 80_000;
    await sleep(1500); // a pull every 100 to 200 ms
    expect(feed.asked()).to.equal(0);
  });

  it('goes to another Redis when bootstrap names one', async () => {
    await leader.publish(change('anna'));
    const feed = await proxies.start(SCOPE, { redis: addressOf('redis://127.0.0.1:1') });
    await sleep(50);
    expect(feed.current()).to.equal(undefined);
    feed.useRedis(addressOf(server.url));
    await feed.until('anna');
    await leader.publish(change('bert'));
    await feed.until('bert');
  });

  it('keeps its policy when Redis is emptied', async () => {
    await leader.publish(change('anna'));
    const feed = await proxies.start(SCOPE);
    await feed.until('anna');
    await redis.flushall();
    await sleep(1000);
    expect(feed.user()).to.equal('anna');
    await leader.beat();
    await leader.publish(change('bert'));
    await feed.until('bert');
  });

  it('never goes back when Redis is restored from an old dump; nor does one that starts then, for longer than it asks', async () => {
    await leader.publish(change('anna'));
    const dump = await server.dump();
    await leader.publish(change('bert'));
    const feed = await proxies.start(SCOPE);
    await feed.until('bert');
    const users = new Set<string | undefined>();
    feed.onSwap(() => users.add(feed.user()));
    await server.kill();
    await server.start(dump);
    await eventually(() => feed.troubles.includes('older-head'), 'the old head is seen');
    expect(feed.user()).to.equal('bert');
    proxies.ahead = ahead = 95_000; // the head of the dump is older than 90 s now
    const seen = new Set<string | undefined>();
    const fresh = await proxies.start(SCOPE, { askOperator: second });
    fresh.onSwap(() => seen.add(fresh.user()));
    await fresh.until('bert');
    expect([...seen], 'the old policy was never in force').to.deep.equal(['bert']);
    await eventually(async () => (await leader.beat()).failed.size === 0, 'a beat comes through');
    expect([...users]).to.deep.equal([]);
  });

  describe('believes nobody who writes Redis:', () => {
    let feed: TestFeed;
    let head: Head;

    beforeEach(async () => {
      await leader.publish(change('old'));
      ({ head } = await leader.publish(change('anna')));
      feed = await proxies.start(SCOPE);
      await feed.until('anna');
    });

    const forge = (key = KEY, user = 'mallory', scope = SCOPE): { bytes: Buffer; text: string; digest: string } => {
      const { bytes, digest } = sealDocument(serialiseSnapshot(snapshotOf(scope, user)), scope, key);
      const later = { ...head, scope, revision: head.revision + 1, issuedAt: Date.now(), digest };
      return { bytes, digest, text: signHead(later, key) };
    };
    const offer = async (text: string): Promise<void> => {
      await redis.set(NAMES.head, text);
      await redis.publish(NAMES.channel, text);
    };

    const attacks: readonly (readonly [situation: string, trouble: string, attack: () => Promise<unknown>])[] = [
      [
        'a head and document by keys of their own',
        'forged-head',
        async () => {
          const { bytes, text, digest } = forge(OTHER);
          await redis.set(NAMES.doc(digest), bytes);
          await offer(text);
        },
      ],
      ['a head that is noise', 'forged-head', () => offer('x'.repeat(100_000))],
      [
        'a head of another scope',
        'forged-head',
        async () => {
          const { bytes, text, digest } = forge(KEY, 'mallory', 'shop/other');
          await redis.set(NAMES.doc(digest), bytes);
          await offer(text);
        },
      ],
      [
        'an old head, which was ours once',
        'older-head',
        () => offer(signHead({ ...head, revision: head.revision - 1 }, KEY)),
      ],
      [
        'a document in the place of another',
        'forged-document',
        async () => {
          const { text, digest } = forge();
          await redis.set(NAMES.doc(digest), forge(OTHER).bytes);
          await offer(text);
        },
      ],
      ['a head whose document is missing', 'document-missing', () => offer(forge().text)],
    ];
    for (const [situation, trouble, attack] of attacks) {
      it(situation, async () => {
        await attack();
        await eventually(() => feed.troubles.some((what) => what === trouble), trouble);
        await sleep(50);
        expect(feed.user()).to.equal('anna');
        await leader.publish(change('bert'));
        await feed.until('bert');
      });
    }

    it('nor a leader who signs two documents under one revision', async () => {
      const { bytes, digest } = sealDocument(serialiseSnapshot(snapshotOf(SCOPE, 'mallory')), SCOPE, KEY);
      await redis.set(NAMES.doc(digest), bytes);
      await offer(signHead({ ...head, digest, issuedAt: Date.now() + 5 }, KEY));
      await eventually(() => feed.troubles.includes('contradicting-head'), 'contradiction');
      expect(feed.user()).to.equal('anna');
    });

    for (const [situation, plaintext] of [
      ['of a format that it does not know', '{"format":2,"scope":"shop/app","backends":[]}'],
      ['about another scope', serialiseSnapshot(snapshotOf('shop/other', 'mallory'))],
      ['that is no JSON', 'x'],
    ] as const) {
      it(`nor takes a document ${situation}, though we sealed it`, async () => {
        const { bytes, digest } = sealDocument(plaintext, SCOPE, KEY);
        await redis.set(NAMES.doc(digest), bytes);
        await offer(signHead({ ...head, revision: head.revision + 1, digest }, KEY));
        await eventually(() => feed.troubles.includes('invalid-document'), 'refused');
        expect(feed.user()).to.equal('anna');
      });
    }
  });

  it('warns after 15 minutes, refuses after refuseAfter, and goes on with the next head', async () => {
    await leader.publish(change('anna'));
    const feed = await proxies.start(SCOPE);
    await feed.until('anna');
    const heard: unknown[] = [];
    feed.onSwap((current) => heard.push(current?.revision));
    proxies.ahead = 901_000;
    await eventually(() => feed.troubles.includes('policy-stale'), 'a warning');
    expect(feed.user()).to.equal('anna');
    proxies.ahead = 86_400_000;
    expect(feed.current(), 'without waiting for a timer').to.equal(undefined);
    await eventually(() => heard.length === 1, 'listeners hear of it');
    expect(feed.status().state).to.equal('refusing');
    ahead = proxies.ahead;
    await leader.beat();
    await feed.until('anna');
    await eventually(() => heard.length === 2, 'listeners hear of that too');
    expect(heard).to.deep.equal([undefined, feed.current()?.revision]);
  });

  it('asks bootstrap again when a key is not known, and goes on by the new one', async () => {
    let ring = RING;
    let known = RING;
    const rotating = await leaders.make({ keys: () => ring });
    await rotating.takeOffice();
    await rotating.publish(change('anna'));
    let refreshed = 0;
    const feed = await proxies.start(SCOPE, {
      keys: () => parseScopeKeys(scopeKeysFor(known, SCOPE, 'pod')),
      refreshKeys: () => {
        refreshed++;
        known = ring;
        return Promise.resolve();
      },
    });
    await feed.until('anna');
    const next = makeKey(Date.now(), Buffer.alloc(PAIR_BYTES, 5));
    ring = useKey(addKey(ring, next), next.id, Date.now());
    await rotating.publish(change('bert'));
    await feed.until('bert');
    expect(refreshed).to.equal(1);
  });

  it('is not held by a head that somebody signed who had the keys, once these are replaced', async () => {
    await leader.publish(change('anna'));
    let ring = RING;
    const feed = await proxies.start(SCOPE, { keys: () => parseScopeKeys(scopeKeysFor(ring, SCOPE, 'pod')) });
    await feed.until('anna');
    const { bytes, digest } = sealDocument(serialiseSnapshot(snapshotOf(SCOPE, 'mallory')), SCOPE, KEY);
    const last = { scope: SCOPE, revision: Number.MAX_SAFE_INTEGER, term: Number.MAX_SAFE_INTEGER, digest };
    const text = signHead({ ...last, issuedAt: Date.now() }, KEY);
    await redis.set(NAMES.doc(digest), bytes);
    await redis.publish(NAMES.channel, text);
    await feed.until('mallory'); // that is what it means to have the keys

    ring = firstRing(makeKey(Date.now(), Buffer.alloc(PAIR_BYTES, 5)));
    const next = await leaders.make({ keys: () => ring });
    await next.takeOffice();
    await next.publish(change('bert'));
    await feed.until('bert');
    await redis.publish(NAMES.channel, text);
    await sleep(50);
    expect(feed.user()).to.equal('bert');
  });

  it('holds to what it has when it is told of older keys only, as by a replica that has not read the new ones', async () => {
    await leader.publish(change('anna'));
    const old = signHead((await leader.publish(change('bert'))).head, KEY);
    let ring = useKey(addKey(RING, NEXT), NEXT.id, Date.now());
    const rotated = await leaders.make({ keys: () => ring });
    await rotated.takeOffice();
    await rotated.publish(change('carl'));
    const feed = await proxies.start(SCOPE, { keys: () => parseScopeKeys(scopeKeysFor(ring, SCOPE, 'pod')) });
    await feed.until('carl');
    ring = RING;
    await redis.publish(NAMES.channel, old);
    await eventually(() => feed.troubles.includes('older-head'), 'it is told');
    expect(feed.user()).to.equal('carl');
  });

  it('does not run to bootstrap for every head that names a key of nobody', async () => {
    await leader.publish(change('anna'));
    let refreshed = 0;
    const feed = await proxies.start(SCOPE, { refreshKeys: () => (refreshed++, Promise.resolve()) });
    await feed.until('anna');
    const stranger = makeKey(Date.now(), Buffer.alloc(PAIR_BYTES, 5));
    for (let times = 0; times < 20; times++) {
      await redis.publish(NAMES.channel, signHead({ ...feed.status().head!, revision: 1 }, stranger));
      await sleep(5);
    }
    expect(refreshed).to.equal(1);
  });

  describe('restarted in its pod', () => {
    let folder: string;
    let file: string;
    beforeEach(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'articdbm-state-'));
      file = path.join(folder, 'document');
    });
    afterEach(() => rm(folder, { recursive: true }));

    it('needs nobody, and does not go back to less than it had', async () => {
      await leader.publish(change('old'));
      const dump = await server.dump();
      await leader.publish(change('anna'));
      const first = await proxies.start(SCOPE, { keeper: keepPolicyIn(file) });
      await first.until('anna');
      await eventually(async () => (await readFile(file).catch(() => '')).length > 0, 'it is kept');
      first.close();
      await server.kill();
      const second = await proxies.start(SCOPE, { keeper: keepPolicyIn(file) });
      expect(second.user(), 'before anything is awaited').to.equal('anna');
      await server.start(dump);
      await eventually(() => second.troubles.includes('older-head'), 'the old head is seen');
      expect(second.user()).to.equal('anna');
    });

    it('does not believe its own volume more than anybody else', async () => {
      await leader.publish(change('anna'));
      const first = await proxies.start(SCOPE, { keeper: keepPolicyIn(file) });
      await first.until('anna');
      await eventually(async () => (await readFile(file).catch(() => '')).length > 0, 'it is kept');
      first.close();
      const bytes = await readFile(file);
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
      await writeFile(file, bytes);
      await server.kill();
      try {
        const second = await proxies.start(SCOPE, { keeper: keepPolicyIn(file) });
        expect(second.current()).to.equal(undefined);
        expect(second.troubles).to.include('forged-document');
      } finally {
        await server.start();
      }
    });
  });

  describe('reports', () => {
    it('which revision is in force, soon after each swap', async () => {
      const client = await leaders.client();
      await leader.publish(change('anna'));
      const feed = await proxies.start(SCOPE, { podUid: 'pod-7', counters: () => ({ denied: 3 }) });
      await feed.until('anna');
      const { head } = await leader.publish(change('bert'));
      await eventually(async () => {
        const beat = (await readProxies(client, SCOPE, { keys: RING, now: Date.now() })).proxies.get('pod-7');
        return beat !== undefined && isInSync(beat, head);
      }, 'the report');
      const { proxies: reported, forged } = await readProxies(client, SCOPE, { keys: RING, now: Date.now() });
      expect(reported.get('pod-7')).to.deep.include({ formats: [1], counters: { denied: 3 }, term: head.term });
      expect(forged).to.equal(0);
      expect(
        (await readProxies(client, SCOPE, { keys: RING, now: Date.now() + 31_000 })).proxies.size,
        'older than 30 s',
      ).to.equal(0);
      expect(await redis.ttl(NAMES.proxies)).to.be.within(1, 600);
    });

    it('that another pod made up do not count, and are cleared away', async () => {
      const client = await leaders.client();
      await leader.publish(change('anna'));
      const feed = await proxies.start(SCOPE, { podUid: 'pod-7' });
      await feed.until('anna');
      await eventually(async () => (await redis.hlen(NAMES.proxies)) === 1, 'the report');
      await redis.hset(NAMES.proxies, 'pod-8', (await redis.hget(NAMES.proxies, 'pod-7')) ?? '', 'pod-9', 'noise');
      const { proxies: reported, forged } = await readProxies(client, SCOPE, { keys: RING, now: Date.now() });
      expect([...reported.keys()]).to.deep.equal(['pod-7']);
      expect(forged).to.equal(2);
      expect(await redis.hkeys(NAMES.proxies)).to.deep.equal(['pod-7']);
    });

    it('that are many or huge don’t reach the operator, and leave the right ones', async () => {
      const client = await leaders.client();
      await leader.publish(change('anna'));
      await (await proxies.start(SCOPE, { podUid: 'pod-7' })).until('anna');
      await eventually(async () => (await redis.hlen(NAMES.proxies)) === 1, 'the report');
      const read = () => readProxies(client, SCOPE, { keys: RING, now: Date.now(), running: ['pod-7', 'pod-8'] });
      await redis.hset(NAMES.proxies, 'pod-8', 'x'.repeat(10_000), 'y'.repeat(10_000), 'noise');
      const huge = await read();
      expect([[...huge.proxies.keys()], huge.forged]).to.deep.equal([['pod-7'], 2]);
      expect(await redis.hkeys(NAMES.proxies)).to.deep.equal(['pod-7']);

      const noise = Array.from({ length: 1_000 }, (_, index) => [`pod-${String(index + 10)}`, 'noise']).flat();
      await redis.hset(NAMES.proxies, 'pod-8', 'noise', ...noise);
      const many = await read();
      expect([[...many.proxies.keys()], many.forged]).to.deep.equal([['pod-7'], 2]);
      expect(await redis.hkeys(NAMES.proxies)).to.deep.equal(['pod-7']);
      expect(await redis.ttl(NAMES.proxies)).to.be.within(1, 600);
    });
  });
});
