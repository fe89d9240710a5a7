import { copyFile, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { BOOTSTRAP_PATH } from '#contract/bootstrap/answer';
import { signHead } from '#contract/snapshot/head';
import { addKey, dropKey, useKey } from '#contract/snapshot/keys-rotation';
import { currentKey, makeKey, PAIR_BYTES } from '#contract/snapshot/keys';
import { redisNames } from '#contract/snapshot/redis';
import { sealDocument } from '#contract/snapshot/seal';
import { serialiseSnapshot } from '#contract/snapshot/serialise';
import { readProxies } from '#operator/publish/heartbeats';
import { query } from '#test/harness/frontend';
import { firstError, rows, type RawClient } from '#test/harness/raw-client';
import { requireRedis } from '#test/harness/redis-server';
import { eventually } from '../../../operator/test/publish/proxies.ts';
import { addressOf, inForce, Leaders, RING } from '../../../operator/test/publish/scene.ts';
import type { ProxyPod } from './proxy-process.ts';
import { Cluster, login, READS, refusal, SCOPE, TOKEN } from './scene.ts';

const ANNA = { name: 'anna', ...READS };
const BERT = { name: 'bert', ...READS };
const CARL = { name: 'carl', ...READS };
const NAMES = redisNames(SCOPE);

describe('a proxy in a cluster of which parts are away', () => {
  let cluster: Cluster;

  before(async function () {
    cluster = await Cluster.make(this);
  });
  beforeEach(async () => {
    await cluster.reset();
    await cluster.publish({ bound: [ANNA] });
  });
  afterEach(async () => {
    const output = await cluster.removePods();
    for (const secret of [TOKEN, cluster.postgres.password]) expect(output).not.to.include(secret);
    await cluster.operator.stop();
    await cluster.operator.start();
  });
  after(() => (cluster as Cluster | undefined)?.stop());

  async function start(...flags: string[]): Promise<ProxyPod> {
    const pod = await cluster.pod().start(...flags);
    await pod.ready();
    return pod;
  }

  async function works(pod: ProxyPod, user = 'articdbm'): Promise<void> {
    const client = await login(pod, { user });
    expect(rows(await client.query('select id from open'))).to.deep.equal([['1']]);
    await client.close();
  }

  const kept = async (pod: ProxyPod): Promise<void> =>
    eventually(async () => {
      const sizes = await Promise.all(
        ['bootstrap.json', 'document'].map((name) => readFile(path.join(pod.state, name)).catch(() => Buffer.alloc(0))),
      );
      return sizes.every(({ length }) => length > 0);
    }, 'answer and document are kept');

  const swapped = (pod: ProxyPod, user: string): Promise<void> =>
    eventually(async () => (await refusal(pod, { user }))[0] === 'ok', `${user} gets in`, 20_000);

  it('restarted without anybody goes on: operator, Redis and leader gone', async () => {
    const pod = await start();
    await kept(pod);
    await cluster.operator.stop();
    await cluster.redis.kill();
    try {
      for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
        await pod.end(signal);
        await pod.start();
        await pod.ready();
        await works(pod);
      }
      expect(await pod.metric('articdbm_proxy_policy_state{state="fresh"}')).to.equal(1);
    } finally {
      await cluster.redis.start();
    }
    await eventually(async () => (await cluster.leader.beat()).failed.size === 0, 'a beat comes through');
    await cluster.publish({ bound: [ANNA, BERT] });
    await swapped(pod, 'bert');
  });

  it('has what changed from the operator while Redis is away', async () => {
    await cluster.redis.kill();
    try {
      const pod = await start();
      await works(pod);
      expect(cluster.operator.times('/v1/policy')).to.be.at.least(1);
    } finally {
      await cluster.redis.start();
    }
  });

  it('keeps serving while Redis is down and after it was emptied, open sessions too', async () => {
    const pod = await start();
    const client = await login(pod);
    await cluster.redis.kill();
    await cluster.redis.start();
    expect(rows(await client.query('select id from open'))).to.deep.equal([['1']]);
    await works(pod);
    await eventually(async () => (await cluster.leader.beat()).failed.size === 0, 'a beat comes through');
    await cluster.publish({ bound: [BERT] });
    const error = firstError(await client.readToEnd());
    expect(error).to.have.property(
      'M',
      'terminating connection: user "anna" has been removed, or no DbPermission brings it to this backend any more',
    );
  });

  it('goes where a new answer says that Redis is', async () => {
    const pod = await start();
    const other = await requireRedis({ skip: () => undefined } as unknown as Mocha.Context);
    const leaders = new Leaders(other.url);
    try {
      rotate();
      cluster.address = addressOf(other.url);
      const there = await leaders.make({ keys: () => cluster.ring, now: () => Date.now() + 1 });
      await there.takeOffice();
      await there.publish({ snapshot: cluster.policy({ bound: [ANNA, BERT] }), who: 'tester', why: 'a test' });
      await cluster.publish({ bound: [ANNA, CARL] }); // by a key that is new: it asks, and hears of the other Redis
      await swapped(pod, 'bert');
      await eventually(async () => (await other.client().hlen(NAMES.proxies)) === 1, 'it reports there');
    } finally {
      leaders.close();
      await other.stop();
    }
  });

  function rotate(): void {
    const next = makeKey(Date.now(), Buffer.alloc(PAIR_BYTES, 7));
    cluster.ring = useKey(addKey(cluster.ring, next), next.id, Date.now());
  }

  it('follows a rotation of keys, asking once for each that is new', async () => {
    const pod = await start();
    rotate();
    await cluster.publish({ bound: [ANNA, BERT] });
    await swapped(pod, 'bert');
    expect(cluster.operator.times(BOOTSTRAP_PATH)).to.equal(2);
    cluster.ring = dropKey(cluster.ring, currentKey(RING).id);
    await cluster.publish({ bound: [BERT] });
    await eventually(async () => (await refusal(pod, { user: 'anna' }))[0] === '28000', 'anna is gone');
    expect(cluster.operator.times(BOOTSTRAP_PATH)).to.equal(2);
    await kept(pod);
    await cluster.operator.stop();
    await pod.end();
    await pod.start();
    await pod.ready();
    await works(pod, 'bert');
  });

  it('reports which revision it has, under its pod’s uid', async () => {
    await start();
    const head = (await inForce(cluster.client, SCOPE))?.head;
    const reported = async (): Promise<number | undefined> =>
      (await readProxies(cluster.client, SCOPE, { keys: RING, now: Date.now() })).proxies.get('pod-1')?.revision;
    await eventually(async () => (await reported()) === head?.revision, 'a heartbeat');
  });

  describe('believes nobody:', () => {
    let pod: ProxyPod;
    let client: RawClient;
    beforeEach(async () => {
      pod = await start();
      await kept(pod);
      client = await login(pod);
    });
    afterEach(() => client.close());

    const trouble = (what: string): Promise<void> =>
      eventually(
        async () => Number(await pod.metric(`articdbm_proxy_policy_troubles_total{what="${what}"}`)) > 0,
        `trouble ${what}: ${pod.output}`,
      );
    const offer = async (text: string): Promise<void> => {
      await cluster.client.set(NAMES.head, text);
      await cluster.client.publish(NAMES.channel, text);
    };
    async function unchanged(): Promise<void> {
      await sleep(100);
      expect(rows(await client.query('select id from open'))).to.deep.equal([['1']]);
      expect((await refusal(pod, { user: 'mallory' }))[0]).to.equal('28000');
      await cluster.publish({ bound: [ANNA, BERT] });
      await swapped(pod, 'bert');
    }

    it('a head by keys of its writer’s own', async () => {
      const key = makeKey(currentKey(RING).madeAt, Buffer.alloc(PAIR_BYTES, 66)); // under the same id
      const mine = cluster.policy({ bound: [{ name: 'mallory', ...READS }] });
      const { bytes, digest } = sealDocument(serialiseSnapshot(mine), SCOPE, key);
      await cluster.client.set(NAMES.doc(digest), bytes);
      await offer(
        signHead({ scope: SCOPE, revision: Date.now() + 1, term: Date.now() + 1, digest, issuedAt: Date.now() }, key),
      );
      await trouble('forged-head');
      await unchanged();
    });

    it('a head that was ours once, replayed with its document after a newer one', async () => {
      const [old, document] = await Promise.all([
        cluster.client.get(NAMES.head),
        inForce(cluster.client, SCOPE).then((held) => cluster.client.getBuffer(NAMES.doc(held?.head.digest ?? ''))),
      ]);
      const digest = (await inForce(cluster.client, SCOPE))?.head.digest ?? '';
      await cluster.publish({ bound: [ANNA, BERT] });
      await swapped(pod, 'bert');
      await cluster.publish({ bound: [ANNA] });
      await eventually(async () => (await refusal(pod, { user: 'bert' }))[0] === '28000', 'bert is out');
      await cluster.client.set(NAMES.doc(digest), document ?? '');
      await offer(old ?? '');
      await trouble('older-head');
      await unchanged();
    });

    it('a document of another scope, stolen with its head and put on its own volume', async () => {
      const other = 'shop/other';
      await cluster.publish(cluster.policy({ bound: [{ name: 'mallory', ...READS }] }, other));
      cluster.operator.pods.set('an.other.token', { scope: other, podUid: 'pod-2' });
      const victim = await cluster.pod({ token: 'an.other.token' }).start();
      await victim.says(/^(ok|waiting for a login)/);
      await kept(victim);
      await cluster.operator.stop();
      await pod.end();
      await copyFile(path.join(victim.state, 'document'), path.join(pod.state, 'document'));
      await cluster.redis.kill();
      try {
        await pod.start();
        await trouble('forged-head');
        expect((await refusal(pod, { user: 'mallory' }))[0]).to.equal('57P03');
        expect((await pod.readyz())?.status).to.equal(503);
      } finally {
        await cluster.redis.start();
      }
    });
  });

  it('another pod’s answer on its volume is given up when the operator says who it is', async () => {
    const other = 'shop/other';
    cluster.giveLogins('anna', 'mallory');
    await cluster.publish(cluster.policy({ bound: [{ name: 'mallory', ...READS }] }, other));
    cluster.operator.pods.set('an.other.token', { scope: other, podUid: 'pod-2' });
    const victim = await cluster.pod({ token: 'an.other.token' }).start();
    await victim.ready();
    await kept(victim);
    const pod = cluster.pod();
    for (const name of ['bootstrap.json', 'document']) {
      await copyFile(path.join(victim.state, name), path.join(pod.state, name));
    }
    await pod.start();
    await eventually(async () => (await refusal(pod, { user: 'anna' }))[0] === 'ok', 'anna is who it serves', 20_000);
    expect((await refusal(pod, { user: 'mallory' }))[0]).to.equal('28000');
  });

  for (const [situation, damage] of [
    ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['noise', () => Buffer.alloc(4096, 0xa5)],
    ['of another version', () => Buffer.from('{"format":2}')],
    [
      'with a key that is none',
      (bytes: Buffer) => Buffer.from(bytes.toString().replace(/"seal":"[^"]+"/, '"seal":"x"')),
    ],
  ] as const) {
    it(`passes over a kept answer that is ${situation}, says so, and asks`, async () => {
      const pod = await start();
      await kept(pod);
      await pod.end();
      const file = path.join(pod.state, 'bootstrap.json');
      await writeFile(file, damage(await readFile(file)));
      await pod.start();
      await pod.ready();
      await works(pod);
      expect(pod.output).to.include('what an earlier run kept is passed over: bootstrap.json is damaged');
    });
  }

  it('without a volume that it can write works, and says what a restart will need', async () => {
    const pod = cluster.pod({ flags: ['--log-level=warn'] });
    await writeFile(path.join(pod.folder, 'file'), '');
    await rm(pod.state, { recursive: true });
    await symlink(path.join(pod.folder, 'file'), pod.state);
    await pod.start();
    await pod.ready();
    await works(pod);
    expect(pod.output).to.include('(ENOTDIR)');
  });

  it('warns at 15 minutes and stays ready; at refuseAfter refuses truly, and goes on with the next head', async () => {
    const pod = await start('--refuse-after=2h');
    const client = await login(pod);
    const clockMovesTo = async (milliseconds: number): Promise<void> => {
      await kept(pod);
      cluster.ahead = milliseconds;
      // Somebody's head by a key that nobody knows makes the proxy ask, and so hear what time it is.
      const head = (await inForce(cluster.client, SCOPE))?.head;
      if (head === undefined) throw new Error('no head');
      const stranger = makeKey(Date.now() + milliseconds, Buffer.alloc(PAIR_BYTES, 5));
      const asked = cluster.operator.times(BOOTSTRAP_PATH);
      await eventually(
        async () => {
          await cluster.client.publish(NAMES.channel, signHead(head, stranger));
          return cluster.operator.times(BOOTSTRAP_PATH) > asked;
        },
        'it asks',
        15_000,
      );
    };
    cluster.leader = undefined as never; // nobody dates heads, and the operator has no policy to give
    await clockMovesTo(20 * 60_000);
    expect(await pod.says(/^ok, but the policy in force has not been confirmed for (19|20) minutes/)).to.match(/^ok/);
    expect((await pod.readyz())?.status).to.equal(200);
    await works(pod);
    await clockMovesTo(3 * 3_600_000);
    const error = firstError(await client.readToEnd(5_000));
    expect([error?.C, error?.M]).to.deep.equal([
      '57P03',
      'terminating connection: the policy that the proxy has is too old to be believed',
    ]);
    expect((await refusal(pod)).slice(0, 2)).to.deep.equal([
      '57P03',
      'the policy that the proxy has is too old to be believed: neither Redis nor the operator can be reached',
    ]);
    expect((await pod.readyz())?.status).to.equal(503);
    await pod.says(/^waiting for newer policy of shop\/app, the last being (2|3) hours old/);
    cluster.leader = await cluster.newLeader();
    await cluster.publish({ bound: [ANNA] });
    await cluster.leader.beat();
    await pod.says(/^ok$/, 30_000); // at the next pull
    await works(pod);
  }).timeout(120_000);

  it('on SIGTERM lets what is in flight end, takes nobody new, and ends with 0', async () => {
    const pod = await start('--drain-timeout=20s');
    const [idle, busy] = [await login(pod), await login(pod)];
    busy.send(query('select count(*) from open a, generate_series(1, 20000000) b'));
    await sleep(200);
    const ended = pod.end('SIGTERM');
    expect(firstError(await idle.readToEnd())).to.have.property('C', '57P01');
    expect(await login(pod).catch((error: unknown) => error)).to.have.property('code', 'ECONNREFUSED');
    expect((await pod.readyz())?.text).to.equal('shutting down');
    const messages = await busy.readToEnd();
    expect(rows(messages)).to.deep.equal([['20000000']]);
    expect(await ended).to.equal(0);
  });

  it('an operator that is away holds up no shutdown', async () => {
    await cluster.operator.stop();
    const pod = await cluster.pod().start();
    await pod.says(/ECONNREFUSED/);
    const began = performance.now();
    expect(await pod.end('SIGTERM')).to.equal(0);
    expect(performance.now() - began).to.be.below(3_000);
  });
});
