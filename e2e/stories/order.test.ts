import { expect } from 'chai';
import { randomInt } from 'node:crypto';
import { eventually } from '../harness/eventually.ts';
import { listOf } from '../harness/kubectl.ts';
import type { Manifest } from '../harness/kubectl.ts';
import { psql } from '../harness/psql.ts';
import { account, backend, database, permission, podTemplate, resourcesReady, user } from '../harness/resources.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-order';
const ROUNDS = Number(process.env.ROUNDS ?? 2);
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));

/** mulberry32: the same seed, the same orders. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function shuffled<T>(items: readonly T[], next: () => number): T[] {
  const left = [...items];
  return items.map(() => {
    const [taken] = left.splice(Math.floor(next() * left.length), 1);
    return taken as T;
  });
}

const named = (object: Manifest): string =>
  `${String(object.kind)}/${(object.metadata as { readonly name: string }).name}`;

story('in any order', [HERE], (scene) => {
  const server = database(HERE);
  const labels = { app: 'client' };
  const objects = [
    ...backend(HERE, 'shop', server),
    account(HERE, 'reporting'),
    user(HERE, 'reporting', { serviceAccounts: ['reporting'] }),
    permission(HERE, 'orders', 'reporting', 'shop', { tables: ['orders'], actions: ['read'] }),
    permission(HERE, 'customers', 'reporting', 'shop', {
      tables: ['customers'],
      columns: ['id', 'name'],
      actions: ['read'],
    }),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'client', namespace: HERE },
      spec: {
        selector: { matchLabels: labels },
        template: podTemplate({ account: 'reporting', backends: 'shop', labels }),
      },
    },
  ];
  const next = random(SEED);

  before('a database', async () => {
    const { cluster, kubectl } = scene();
    note(`SEED=${SEED} ROUNDS=${ROUNDS}`);
    await cluster.kubectl.apply(...server.objects);
    await kubectl.ready(60, 'pod/database');
  });

  for (let round = 1; round <= ROUNDS; round++) {
    it(`all YAML applied in one command comes to the same (${round})`, async () => {
      const { cluster, kubectl } = scene();
      const order = shuffled(objects, next);
      note(order.map(named).join(' '));
      await cluster.kubectl.run(['apply', '-f', '-'], { input: listOf(order) });
      await resourcesReady(kubectl);
      await kubectl.run(['rollout', 'status', 'deployment/client', '--timeout=60s'], { seconds: 70 });
      const pod = (await kubectl.run(['get', 'pods', '-l', 'app=client', '-o', 'name'])).trim().replace('pod/', '');
      expect((await psql(kubectl, pod, 'select name from customers')).text).to.equal('Ada');
      expect((await psql(kubectl, pod, 'select count(*) from orders')).text).to.equal('3');
      expect((await psql(kubectl, pod, 'select email from customers')).sqlstate).to.equal('42501');
    });

    it(`and deleted in one command leaves nothing (${round})`, async () => {
      const { cluster, kubectl } = scene();
      const order = shuffled(objects, next);
      note(order.map(named).join(' '));
      await cluster.kubectl.run(['delete', '-f', '-', '--timeout=60s'], { input: listOf(order), seconds: 70 });
      await kubectl.run(['wait', '--for=delete', 'pod', '-l', 'app=client', '--timeout=30s'], { seconds: 40 });
      const left = await kubectl.run(['get', 'dbbackends,dbusers,dbpermissions,deployments', '-o', 'name']);
      expect(left).to.equal('');
    });
  }

  it('a permission without its user is not Ready, says why, and is as soon as the user comes', async () => {
    const { cluster, kubectl } = scene();
    const [first, ...others] = objects.filter(({ kind }) => kind === 'DbPermission');
    expect(others).to.have.length(1);
    await cluster.kubectl.apply(...backend(HERE, 'shop', server), first ?? {});
    const ready = (field: string): Promise<string> =>
      kubectl.run([
        'get',
        'dbpermission',
        'orders',
        '-o',
        `jsonpath={.status.conditions[?(@.type=="Ready")].${field}}`,
      ]);
    await eventually(10, async () => expect(await ready('reason')).to.equal('UserNotFound'));
    expect(await ready('status')).to.equal('False');
    const { status } = await kubectl.try(['wait', 'dbpermission/orders', '--for=condition=Ready', '--timeout=1s']);
    expect(status).to.equal(1);
    await cluster.kubectl.apply(user(HERE, 'reporting', { serviceAccounts: ['reporting'] }));
    await resourcesReady(kubectl, 10);
  });
});
