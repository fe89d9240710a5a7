import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { writeHeartbeat } from '#contract/snapshot/heartbeat';
import { currentKey, macKey } from '#contract/snapshot/keys';
import { redisNames, TERM_KEY } from '#contract/snapshot/redis';
import type { Redis } from 'ioredis';
import { DB_USERS } from '#operator/kube/resource';
import { RING } from '../publish/scene.ts';
import {
  apply,
  condition,
  makePod,
  policy,
  read,
  remove,
  setPhase,
  STORY,
  until,
  user,
  usersIn,
  waitReady,
  type Operator,
  type Resource,
} from './scene.ts';
import { suite } from './suite.ts';

const [ORDERS, LOGIN, REPORTING, , PERMISSION] = STORY as [Resource, Resource, Resource, Resource, Resource];
const OURS = [ORDERS, REPORTING, PERMISSION];

/** As the proxy of that pod would report. */
async function beat(redis: Redis, scope: string, podUid: string, revision: number): Promise<void> {
  const key = currentKey(RING);
  const heartbeat = { term: 1, revision, time: Date.now(), formats: [1], counters: {}, key: key.id };
  await redis.hset(redisNames(scope).proxies, podUid, writeHeartbeat(heartbeat, scope, podUid, macKey(key, podUid)));
}

/** Redis' own record of what changes it, but scripts' looks. */
async function monitored(redis: Redis, work: () => Promise<void>): Promise<string[]> {
  const written: string[] = [];
  const watch = await redis.monitor();
  watch.on('monitor', (_: string, [command = '', ...values]: string[]) => {
    if (/^(set|del|expire|publish|hset|hdel)$/i.test(command)) written.push([command, values[0]].join(' '));
  });
  await work();
  await sleep(50);
  watch.disconnect();
  return written;
}

describe('a leader', function () {
  const scene = suite(this);

  async function settled(operator: Operator): Promise<void> {
    for (const resource of STORY) await apply(scene.client, resource);
    for (const resource of OURS) await waitReady(scene.client, resource);
    await operator.idle();
  }

  it('that finds nothing changed writes nothing but its term', async () => {
    const { client, redis } = scene;
    const first = await scene.operator();
    await settled(first);
    await first.stop();
    const versions = async (): Promise<unknown[]> =>
      Promise.all(STORY.map(async (one) => (await read(client, one)).metadata.resourceVersion));
    const before = await versions();
    const recorded = first.history.records.length;
    let second: Operator | undefined;
    const written = await monitored(redis, async () => {
      second = await scene.operator({ times: { proxiesMs: 100 }, history: first.history });
      await second.idle();
      await sleep(500);
    });
    expect(written).to.deep.equal([`SET ${TERM_KEY}`]);
    expect(second?.requests.writes()).to.equal(0);
    expect(first.history.records).to.have.length(recorded);
    expect(await versions()).to.deep.equal(before);
  });

  it('looks at a resource again when its status comes back, and writes nothing for that', async () => {
    const operator = await scene.operator();
    await settled(operator);
    // One write each, and one more where something was not there yet.
    expect(operator.requests.counts.get('PATCH')).to.be.lessThan(9);
    const before = operator.requests.writes();
    await scene.client.mergePatch(DB_USERS, REPORTING.metadata, {
      metadata: { labels: { team: 'x' } },
    });
    await operator.idle();
    expect(operator.requests.writes()).to.equal(before);
  });

  it('counts the proxies that run and those in sync, by the revision that holds this very user', async () => {
    const { client, redis } = scene;
    const operator = await scene.operator({ times: { proxiesMs: 100 } });
    await settled(operator);
    const summary = async (): Promise<string | undefined> => (await read(client, REPORTING)).status?.proxies?.summary;
    expect(await summary()).to.equal('0/0');
    const pods = [
      await makePod(client, 'prod', 'app', 'reporting'),
      await makePod(client, 'prod', 'gw', 'gateway'),
      await makePod(client, 'prod', 'other', 'else'),
    ];
    await sleep(300);
    expect(await summary(), 'pending pods do not run').to.equal('0/0');
    for (const pod of pods) await setPhase(client, pod, 'Running');
    await until('two run', async () => (await summary()) === '0/2');
    const [app, gateway] = pods.map(({ metadata }) => metadata.uid ?? '') as [string, string];
    const revision = async (scope: string): Promise<number> => (await policy(redis, scope))?.head.revision ?? NaN;
    await beat(redis, 'prod/reporting', app, await revision('prod/reporting'));
    await until('one in sync', async () => (await summary()) === '1/2');
    await beat(redis, 'prod/gateway', gateway, (await revision('prod/gateway')) - 1);
    await sleep(300);
    expect(await summary(), 'an older revision is not in sync').to.equal('1/2');
    await beat(redis, 'prod/gateway', gateway, await revision('prod/gateway'));
    await until('both in sync', async () => (await summary()) === '2/2');

    await redis.hset(redisNames('prod/gateway').proxies, gateway, 'forged.forged');
    await until('a forged one does not count', async () => (await summary()) === '1/2');
    await beat(redis, 'prod/gateway', gateway, await revision('prod/gateway'));
    await until('both in sync', async () => (await summary()) === '2/2');

    const writes = operator.requests.writes();
    await sleep(500);
    expect(operator.requests.writes(), 'nothing is written while nothing changes').to.equal(writes);

    await apply(client, user('prod', 'reporting', { ...(REPORTING.spec as object), enabled: false }));
    await until('nobody has the change yet', async () => (await summary()) === '0/2');
    await remove(client, { ...REPORTING, kind: 'Pod', metadata: { namespace: 'prod', name: 'gw' } });
    await until('a pod is gone', async () => (await summary()) === '0/1');
    await scene.redisServer.kill();
    await until('nobody knows', async () => (await summary()) === '?/1');
    expect((await read(client, REPORTING)).status?.proxies).to.not.have.property('inSync');
    await scene.redisServer.start();
    await until('known again', async () => (await summary()) === '0/1');
  });

  it("moves nobody's count by others' changes", async () => {
    const { client, redis } = scene;
    const operator = await scene.operator({ times: { proxiesMs: 100 } });
    await settled(operator);
    const pod = await makePod(client, 'prod', 'gw', 'gateway');
    await setPhase(client, pod, 'Running');
    const revision = (await policy(redis, 'prod/gateway'))?.head.revision ?? NaN;
    await beat(redis, 'prod/gateway', pod.metadata.uid ?? '', revision);
    await until('in sync', async () => (await read(client, REPORTING)).status?.proxies?.summary === '1/1');
    const version = (await read(client, REPORTING)).metadata.resourceVersion;
    await apply(client, user('prod', 'other'));
    await apply(client, {
      ...PERMISSION,
      metadata: { namespace: 'prod', name: 'other' },
      spec: { ...(PERMISSION.spec as object), userRef: { name: 'other' } },
    });
    await until('the other is in the policy', async () => {
      const users = usersIn(await policy(redis, 'prod/gateway'));
      return users?.['prod/orders']?.includes('other');
    });
    await sleep(400);
    expect((await read(client, REPORTING)).metadata.resourceVersion).to.equal(version);
    expect((await read(client, user('prod', 'other'))).status?.proxies?.summary).to.equal('0/1');
  });

  it('answers the second feed for any scope, with what was applied just before', async () => {
    const operator = await scene.operator();
    await settled(operator);
    const signal = AbortSignal.timeout(10_000);
    expect(await operator.controllers.policyOf('prod/nobody', signal)).to.not.equal(undefined);
    expect(usersIn(await policy(scene.redis, 'prod/nobody'))).to.deep.equal({});
    const answers = await Promise.all([1, 2, 3].map(() => operator.controllers.policyOf('prod/reporting', signal)));
    for (const answer of answers) expect(answer?.document.subarray(0, 4).toString()).to.equal('ADB1');
  });

  it('publishes empty policies for scopes that only Redis knows, and retires them when nobody needs them for long', async () => {
    const { client, redis } = scene;
    const first = await scene.operator();
    await settled(first);
    await first.stop();
    for (const resource of [PERMISSION, REPORTING, ORDERS, LOGIN]) await remove(client, resource);
    expect(usersIn(await policy(redis, 'prod/reporting'))).to.deep.equal({ 'prod/orders': ['reporting'] });
    const second = await scene.operator({ times: { retireMs: 300, proxiesMs: 50, beatMs: 100 } });
    await until('empty', async () => JSON.stringify(usersIn(await policy(redis, 'prod/reporting'))) === '{}');
    await until('retired', () => second.publisher.answer('prod/reporting') === undefined);
    const { issuedAt } = (await policy(redis, 'prod/reporting'))!.head;
    await sleep(300);
    expect((await policy(redis, 'prod/reporting'))?.head.issuedAt, 'it is not dated any more').to.equal(issuedAt);
    expect(
      await second.controllers.policyOf('prod/reporting', AbortSignal.timeout(5_000)),
      'until asked for',
    ).to.not.equal(undefined);
  });

  it('that is deposed stops, writes no more, and says so', async () => {
    const { client, redis } = scene;
    const operator = await scene.operator({ times: { beatMs: 100 } });
    await settled(operator);
    await redis.set(TERM_KEY, String(Date.now() + 60_000));
    await operator.controllers.ended;
    const before = operator.requests.writes();
    await apply(client, user('prod', 'late'));
    await sleep(500);
    expect(operator.requests.writes()).to.equal(before);
    expect((await read(client, user('prod', 'late'))).status).to.equal(undefined);
  });

  it('that lost the lead stops', async () => {
    const operator = await scene.operator();
    await settled(operator);
    operator.leading.abort();
    await operator.controllers.ended;
    await apply(scene.client, user('prod', 'late'));
    await sleep(300);
    expect(condition(await read(scene.client, user('prod', 'late')), 'Ready')).to.equal(undefined);
  });
});
