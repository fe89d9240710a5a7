import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { DB_USERS } from '#operator/kube/resource';
import { apply, condition, policy, read, remove, STORY, until, usersIn, waitReady, type Resource } from './scene.ts';
import { suite } from './suite.ts';

const OURS = STORY.filter(({ kind }) => kind !== 'Secret');

/** Every order would be 120; these differ in what comes before what. */
function orders(): (readonly Resource[])[] {
  const shuffled = [...STORY];
  return Array.from({ length: 4 }, () => {
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = Math.floor(Math.random() * (index + 1));
      [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
    }
    return [...shuffled];
  });
}

describe('resources that are applied', function () {
  const scene = suite(this);

  it('in whatever order become Ready, and deleted in whatever order leave empty policies', async () => {
    const { client, redis } = scene;
    const operator = await scene.operator();
    for (const order of [STORY, [...STORY].reverse(), ...orders()]) {
      const names = order.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ');
      for (const resource of order) await apply(client, resource);
      for (const resource of OURS) {
        const ready = await waitReady(client, resource);
        expect(
          ready.status?.conditions?.map(({ type }) => type),
          names,
        ).to.deep.equal(['Ready']);
        expect(ready.status?.observedGeneration).to.equal(ready.metadata.generation);
      }
      const gateway = await policy(redis, 'prod/gateway');
      const sidecar = await policy(redis, 'prod/reporting');
      expect(usersIn(gateway), names).to.deep.equal({ 'prod/orders': ['reporting'] });
      expect(usersIn(sidecar), names).to.deep.equal({ 'prod/orders': ['reporting'] });
      expect(gateway?.snapshot.backends[0]?.users[0]?.verifier).to.match(/^SCRAM-SHA-256\$4096:/);
      expect(sidecar?.snapshot.backends[0]?.users[0])
        .to.deep.include({ bound: true })
        .and.not.have.property('verifier');

      for (const resource of order.toReversed()) await remove(client, resource);
      await until(`empty policies after ${names}`, async () => {
        const left = [await policy(redis, 'prod/gateway'), await policy(redis, 'prod/reporting')].map(usersIn);
        return JSON.stringify(left) === '[{},{}]';
      });
    }
    expect(operator.errors.map(String).filter((text) => !text.includes('Conflict'))).to.deep.equal([]);
  });

  it('say who changed what in the history', async () => {
    const { client, redis } = scene;
    const operator = await scene.operator();
    for (const resource of STORY) await apply(client, resource);
    for (const resource of OURS) await waitReady(client, resource);
    const changed = { ...STORY[2]!, spec: { ...(STORY[2]!.spec as object), limits: { connectionsPerProxy: 3 } } };
    await sleep(1_100); // managers are told apart by seconds
    await client.apply(DB_USERS, changed, { fieldManager: 'argocd-controller', force: true });
    await until('the change is in force', async () => {
      const now = await policy(redis, 'prod/gateway');
      return now?.snapshot.backends[0]?.users[0]?.limits.connections === 3;
    });
    const record = operator.history.records.findLast(({ scope }) => scope === 'prod/gateway');
    expect(record).to.deep.include({ who: 'argocd-controller', why: 'DbUser prod/reporting changed' });
    expect(JSON.stringify(operator.history.records)).to.not.match(/SCRAM|user-pw|login-pw/);
  });

  it('refuse what was permitted within a moment of the permission being deleted', async () => {
    const { client, redis } = scene;
    await scene.operator();
    for (const resource of STORY) await apply(client, resource);
    for (const resource of OURS) await waitReady(client, resource);
    const began = performance.now();
    await remove(client, STORY[4]!);
    await until('the policy is empty', async () => {
      const left = usersIn(await policy(redis, 'prod/reporting'));
      return JSON.stringify(left) === '{}';
    });
    console.log(`      ${(performance.now() - began).toFixed(0)} ms from the deletion to Redis`);
    expect(performance.now() - began).to.be.lessThan(1_000);
  });

  it('hold no password in Redis, statuses, Events or errors', async () => {
    const { client, redis } = scene;
    const operator = await scene.operator();
    for (const resource of STORY) await apply(client, resource);
    for (const resource of OURS) await waitReady(client, resource);
    const secretTexts = ['user-pw', 'login-pw', 'SCRAM-SHA-256'];
    const keys = await redis.keys('*');
    const values = await Promise.all(
      keys.map(async (key) => ((await redis.type(key)) === 'string' ? ((await redis.getBuffer(key)) ?? '') : '')),
    );
    const texts = [
      ...values.map((value) => value.toString('latin1')),
      ...(await Promise.all(OURS.map(async (resource) => JSON.stringify((await read(client, resource)).status)))),
      JSON.stringify(operator.errors.map(String)),
    ];
    for (const text of secretTexts) for (const held of texts) expect(held).to.not.include(text);
    expect(condition(await read(client, OURS[0]!), 'Ready')).to.equal('True InForce');
  });
});
