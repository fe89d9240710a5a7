import { expect } from 'chai';
import { seeded } from '#operator/runtime/testing';
import { stopApiServers } from '../harness/api-server.ts';
import { killOperators, type OperatorProcess } from '../harness/operator.ts';
import { eventually } from '../publish/proxies.ts';
import { backend, ClusterScene, permission, secret, tablesOf, user, type Applied } from './cluster-scene.ts';

const ACCOUNTS = ['one', 'two'];
const GATEWAY = 'prod/gateway';

/** Whatever there may be, so that each part refers to others of it. */
const STORY: readonly Applied[] = [
  secret('prod/orders-login', { username: 'articdbm', password: 'x' }),
  secret('shop/one-password', { password: 'one' }),
  backend('prod/orders', {
    gateways: ['gateway'],
    sharedLogin: 'Allow',
    consumers: [{ namespace: 'shop', ceiling: [{ sql: { tables: ['*'], actions: ['read'] } }] }],
  }),
  user('shop/one', { serviceAccounts: ['one'], passwordSecretRef: { name: 'one-password' } }),
  user('shop/two', { serviceAccounts: ['two'] }),
  permission('shop/one-t1', 'one', 'prod/orders', ['t1']),
  permission('shop/one-t2', 'one', 'prod/orders', ['t2']),
  permission('shop/two-t3', 'two', 'prod/orders', ['t3']),
];

const keyOf = ({ object: { metadata } }: Applied): string => `${String(metadata.namespace)}/${metadata.name}`;

/** By the rules, written anew: tables in force for a scope when these are there. A login is no part of policy, so its Secret isn't. */
function expected(there: ReadonlySet<Applied>, scope: string): readonly string[] {
  const has = (plural: string, key: string): boolean =>
    [...there].some((one) => one.resource.plural === plural && keyOf(one) === key);
  if (!has('dbbackends', 'prod/orders')) return [];
  return [...there]
    .filter(({ resource }) => resource.plural === 'dbpermissions')
    .map(keyOf)
    .filter((key) => {
      const name = key.slice('shop/'.length).split('-')[0] ?? '';
      return has('dbusers', `shop/${name}`) && (scope === GATEWAY || scope === `shop/${name}`);
    })
    .map((key) => key.split('-')[1] ?? '')
    .sort();
}

describe('resources that come and go in any order', function () {
  this.timeout(240_000);
  let scene: ClusterScene;
  before(async function () {
    scene = await ClusterScene.open(this);
  });
  afterEach(killOperators);
  after(async () => {
    await (scene as ClusterScene | undefined)?.close();
    await stopApiServers();
  });

  const scopes = [GATEWAY, ...ACCOUNTS.map((account) => `shop/${account}`)];

  async function settles(there: ReadonlySet<Applied>, what: string): Promise<void> {
    for (const scope of scopes) {
      const wanted = String(expected(there, scope));
      let now = '';
      const is = async (): Promise<boolean> => (now = String(tablesOf(await scene.inForce(scope)))) === wanted;
      await eventually(is, scope, 90_000).catch(() => expect(now, `${what}: ${scope}`).to.equal(wanted));
    }
  }

  const leader = async (): Promise<OperatorProcess> => {
    const operator = await scene.operator({ seams: {} });
    await operator.ready();
    await operator.leads();
    return operator;
  };

  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  it(`end as the last of it says, and all become Ready, with the operator killed in between (SEED=${String(seed)})`, async () => {
    const random = seeded(seed);
    const shuffled = (all: readonly Applied[]): Applied[] =>
      all
        .map((one) => [random(), one] as const)
        .sort(([a], [b]) => a - b)
        .map(([, one]) => one);
    const there = new Set<Applied>();
    let operator = await leader();
    for (let round = 0; round < 4; round++) {
      for (const one of shuffled([...STORY, ...STORY])) {
        if (there.has(one) && random() < 0.6) {
          there.delete(one);
          await scene.remove(one);
        } else {
          there.add(one);
          await scene.apply(one);
        }
        if (random() < 0.04) {
          await operator.kill();
          operator = await leader();
        }
      }
      await settles(there, `round ${String(round)}`);
    }
    for (const one of shuffled(STORY)) await scene.apply(one);
    await settles(new Set(STORY), 'all of it');
    for (const one of STORY.filter(({ resource }) => resource.group !== '')) {
      const ready = async (): Promise<boolean> => (await scene.readyCondition(one)).startsWith('True');
      await eventually(ready, keyOf(one), 90_000).catch(async () =>
        expect(await scene.readyCondition(one), keyOf(one)).to.match(/^True/),
      );
    }
    for (const one of shuffled(STORY)) await scene.remove(one);
    await settles(new Set(), 'none of it');
    expect(operator.running).to.equal(true);
  });
});
