import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { parse } from 'yaml';
import { EVENTS, type KubeObject, type ResourceKind } from '#operator/kube/resource';
import { verdictOf, type Verdict } from './kstatus.ts';
import {
  apply,
  backend,
  condition,
  permission,
  policy,
  read,
  remove,
  secret,
  STORY,
  until,
  user,
  usersIn,
  waitReady,
  type Resource,
} from './scene.ts';
import { suite } from './suite.ts';

interface State {
  readonly situation: string;
  readonly resources: readonly Resource[];
  /** What is looked at. */
  readonly of: Pick<Resource, 'kind' | 'metadata'>;
  readonly verdict: Verdict;
  readonly conditions: Readonly<Record<string, string>>;
  readonly message: RegExp;
}

const at = (kind: string, namespace: string, name: string): State['of'] => ({ kind, metadata: { namespace, name } });
const [ORDERS, LOGIN, REPORTING, PASSWORD, PERMISSION] = STORY as [Resource, Resource, Resource, Resource, Resource];
const waits = (reason: string) => ({ Ready: `False ${reason}`, Reconciling: `True ${reason}` });
const stuck = (reason: string) => ({ Ready: `False ${reason}`, Stalled: `True ${reason}` });

const STATES: readonly State[] = [
  {
    situation: 'a user that is in order',
    resources: STORY,
    of: REPORTING,
    verdict: 'Current',
    conditions: { Ready: 'True InForce' },
    message: /^in force$/,
  },
  {
    situation: 'a permission whose backend is not there yet',
    resources: [REPORTING, PASSWORD, PERMISSION],
    of: PERMISSION,
    verdict: 'InProgress',
    conditions: waits('BackendNotFound'),
    message: /DatabaseBackend prod\/orders is not there: create it/,
  },
  {
    situation: 'a permission whose user is not there yet',
    resources: [ORDERS, LOGIN, PERMISSION],
    of: PERMISSION,
    verdict: 'InProgress',
    conditions: waits('UserNotFound'),
    message: /DbUser prod\/reporting is not there/,
  },
  {
    situation: 'a user whose Secret is not there yet',
    resources: [ORDERS, LOGIN, REPORTING, PERMISSION],
    of: REPORTING,
    verdict: 'InProgress',
    conditions: waits('SecretNotFound'),
    message: /no Secret prod\/reporting with a key password: create it/,
  },
  {
    situation: 'a user whose Secret has other keys',
    resources: [ORDERS, LOGIN, REPORTING, secret('prod', 'reporting', { pass: 'x' }), PERMISSION],
    of: REPORTING,
    verdict: 'InProgress',
    conditions: waits('SecretNotFound'),
    message: /no Secret prod\/reporting with a key password/,
  },
  {
    situation: 'a user whose password is empty',
    resources: [ORDERS, LOGIN, REPORTING, secret('prod', 'reporting', { password: '' }), PERMISSION],
    of: REPORTING,
    verdict: 'Failed',
    conditions: stuck('SecretEmpty'),
    message: /key password of Secret prod\/reporting is empty: put a value there/,
  },
  {
    situation: "a permission to another namespace's backend that does not consent",
    resources: [
      ORDERS,
      LOGIN,
      user('shop', 'cart', { serviceAccounts: ['cart'] }),
      permission('shop', 'cart', { backendRef: { name: 'orders', namespace: 'prod' } }),
    ],
    of: at('DbPermission', 'shop', 'cart'),
    verdict: 'Failed',
    conditions: stuck('NoConsent'),
    message: /does not name namespace shop in spec.consumers: ask its owner to/,
  },
  {
    situation: 'a user whose name another one has',
    resources: [
      backend('prod', 'orders', { consumers: [{ namespace: 'shop', ceiling: [{ sql: { actions: ['admin'] } }] }] }),
      LOGIN,
      REPORTING,
      PASSWORD,
      PERMISSION,
      user('shop', 'second', { username: 'reporting', passwordSecretRef: { name: 'second' } }),
      secret('shop', 'second', { password: 'x' }),
      permission('shop', 'second', { backendRef: { name: 'orders', namespace: 'prod' } }),
    ],
    of: at('DbUser', 'shop', 'second'),
    verdict: 'Failed',
    conditions: stuck('Conflict'),
    message: /DbUser prod\/reporting has this user name on DatabaseBackend prod\/orders: choose another username/,
  },
  {
    situation: 'and the permission of that user',
    resources: [
      backend('prod', 'orders', { consumers: [{ namespace: 'shop', ceiling: [{ sql: { actions: ['admin'] } }] }] }),
      LOGIN,
      REPORTING,
      PASSWORD,
      PERMISSION,
      user('shop', 'second', { username: 'reporting', passwordSecretRef: { name: 'second' } }),
      secret('shop', 'second', { password: 'x' }),
      permission('shop', 'second', { backendRef: { name: 'orders', namespace: 'prod' } }),
    ],
    of: at('DbPermission', 'shop', 'second'),
    verdict: 'InProgress',
    conditions: waits('UserNotUsable'),
    message: /DbPermission shop\/second is without effect.*choose another username/,
  },
  {
    situation: 'a user whose sidecars get no login, which works at the gateway',
    resources: [backend('prod', 'orders'), LOGIN, REPORTING, PASSWORD, PERMISSION],
    of: REPORTING,
    verdict: 'Current',
    conditions: { Ready: 'True InForce', Warning: 'True SharedLoginForbidden' },
    message: /^in force$/,
  },
  {
    situation: 'a backend whose login is not there yet',
    resources: [ORDERS],
    of: ORDERS,
    verdict: 'InProgress',
    conditions: waits('SecretNotFound'),
    message: /no Secret prod\/db-login with a key (username|password)/,
  },
  {
    situation: 'what has names as long as can be, and a user name of other letters',
    resources: [
      backend('prod', 'b'.repeat(253), {
        gateways: ['g'.repeat(253)],
        credentialsSecretRef: { name: 's'.repeat(253) },
      }),
      secret('prod', 's'.repeat(253), { username: 'x', password: 'y' }),
      user('prod', 'u'.repeat(253), { username: 'Ünï código 数据库 😀', serviceAccounts: ['a'.repeat(253)] }),
      permission('prod', 'p'.repeat(253), {
        userRef: { name: 'u'.repeat(253) },
        backendRef: { name: 'b'.repeat(253) },
        rules: [{ sql: { tables: ['таблица', '表*'], actions: ['read'] } }],
      }),
    ],
    of: at('DbPermission', 'prod', 'p'.repeat(253)),
    verdict: 'Current',
    conditions: { Ready: 'True InForce', Warning: 'True SharedLoginForbidden' },
    message: /^in force$/,
  },
];

const conditionsOf = (resource: Resource): Record<string, string | undefined> =>
  Object.fromEntries((resource.status?.conditions ?? []).map(({ type }) => [type, condition(resource, type)]));

describe('the status', function () {
  const scene = suite(this);

  for (const { situation, resources, of, verdict, conditions, message } of STATES) {
    it(`of ${situation}: kstatus says ${verdict}`, async () => {
      const { client } = scene;
      await scene.operator();
      for (const resource of resources) await apply(client, resource);
      const found = await until(JSON.stringify(conditions), async () => {
        const now = await read(client, of);
        return JSON.stringify(conditionsOf(now)) === JSON.stringify(conditions) && now;
      }).catch(async () => read(client, of));
      expect(conditionsOf(found), JSON.stringify(found.status)).to.deep.equal(conditions);
      expect(verdictOf(found)).to.equal(verdict);
      expect(found.status?.conditions?.[0]?.message).to.match(message);
      expect(found.status?.observedGeneration).to.equal(found.metadata.generation);
      for (const one of found.status?.conditions ?? [])
        expect(one.observedGeneration).to.equal(found.metadata.generation);
    });
  }

  it('moves on with the generation when what is asked for fails as before', async () => {
    const { client } = scene;
    await scene.operator();
    await apply(client, PERMISSION);
    const first = await until('a status', async () => {
      const now = await read(client, PERMISSION);
      return now.status?.observedGeneration === now.metadata.generation && now;
    });
    await apply(client, permission('prod', 'reporting', { rules: [{ sql: { tables: ['t'], actions: ['read'] } }] }));
    const second = await until('the next generation', async () => {
      const now = await read(client, PERMISSION);
      return now.status?.observedGeneration === (first.metadata.generation ?? 0) + 1 && now;
    });
    expect(condition(second, 'Ready')).to.equal(condition(first, 'Ready'));
  });

  it('says Redis is away while it is, and in force when it is back', async () => {
    const { client, redisServer, redis } = scene;
    const operator = await scene.operator();
    for (const resource of STORY) await apply(client, resource);
    await waitReady(client, PERMISSION);
    await redisServer.kill();
    const limited = user('prod', 'reporting', { ...(REPORTING.spec as object), enabled: false });
    await apply(client, limited);
    const away = await until('Redis is away', async () => {
      const now = await read(client, REPORTING);
      return condition(now, 'Ready') === 'False RedisAway' && now;
    });
    expect(verdictOf(away)).to.equal('InProgress');
    const answer = await operator.controllers.policyOf('prod/reporting', AbortSignal.timeout(5_000));
    expect(answer, 'the second feed has it all the same').to.not.equal(undefined);
    await redisServer.start();
    await waitReady(client, REPORTING);
    await until('the policy', async () => {
      const now = await policy(redis, 'prod/reporting').catch(() => undefined);
      return now?.snapshot.backends[0]?.users[0]?.enabled === false;
    });
  });

  it('says of backends that history is delayed, and no more when it is written', async () => {
    const { client } = scene;
    const operator = await scene.operator();
    for (const resource of STORY) await apply(client, resource);
    await waitReady(client, ORDERS);
    operator.historyState.delayed(3);
    const delayed = await until('delayed', async () => {
      const now = await read(client, ORDERS);
      return condition(now, 'HistoryDelayed') === 'True StoreAway' && now;
    });
    expect(verdictOf(delayed)).to.equal('Current');
    operator.historyState.delayed(0);
    await until('in order', async () => condition(await read(client, ORDERS), 'HistoryDelayed') === undefined);
  });

  it('of one that is deleted and made anew at once is about the new one', async () => {
    const { client } = scene;
    const operator = await scene.operator();
    for (const resource of STORY) await apply(client, resource);
    for (let round = 0; round < 10; round++) {
      await remove(client, REPORTING);
      await apply(client, REPORTING);
      await sleep(Math.random() * 30);
    }
    const { metadata, status } = await waitReady(client, REPORTING);
    expect(status?.observedGeneration).to.equal(metadata.generation);
    const now = await policy(scene.redis, 'prod/reporting');
    expect(now?.snapshot.backends[0]?.users[0]?.uid).to.equal(metadata.uid);
    await operator.idle();
  });

  it('that somebody else wrote to is put right', async () => {
    const { client } = scene;
    await scene.operator();
    for (const resource of STORY) await apply(client, resource);
    await waitReady(client, REPORTING);
    await client.request({
      method: 'PATCH',
      path: '/apis/articdbm.io/v1alpha1/namespaces/prod/dbusers/reporting/status',
      contentType: 'application/merge-patch+json',
      body: { status: { proxies: { running: 7, inSync: 7, summary: '7/7' } } },
    });
    await until('put right', async () => (await read(client, REPORTING)).status?.proxies?.summary === '0/0');
  });

  it('turns are told as Events: once when it fails, once when it is mended', async () => {
    const { client } = scene;
    const operator = await scene.operator();
    for (const resource of STORY.filter((one) => one !== PASSWORD)) await apply(client, resource);
    await until(
      'SecretNotFound',
      async () => condition(await read(client, REPORTING), 'Ready') === 'False SecretNotFound',
    );
    await apply(client, PASSWORD);
    const { uid } = (await waitReady(client, REPORTING)).metadata;
    await operator.idle();
    const events = await until('two Events', async () => {
      const { items } = await client.list<KubeObject & Record<string, unknown>>(EVENTS, { namespace: 'prod' });
      const about = items.filter(({ regarding }) => (regarding as { uid?: string }).uid === uid);
      return about.length >= 2 && about;
    });
    const said = events.map(({ type, reason }) => `${String(type)} ${String(reason)}`).sort();
    expect(said).to.deep.equal(['Normal InForce', 'Normal SecretNotFound']);
  });
});

const CRDS: ResourceKind = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

describe('resources stored before validation existed', function () {
  const scene = suite(this);

  it('are told so by a condition, and break no others', async () => {
    const { client, api, redis } = scene;
    const files = globSync(path.join(import.meta.dirname, '../../../crds/*.yaml'));
    for (const file of files) await client.apply(CRDS, loosened(file), { fieldManager: 'test', force: true });
    const broken = [
      user('prod', 'no-name', { username: 'pg_evil', serviceAccounts: ['reporting'] }),
      user('prod', 'no-list', { serviceAccounts: 'reporting' }),
      user('prod', 'no-spec', {}),
      permission('prod', 'no-rules', { userRef: { name: 'reporting' }, rules: 7 }),
      permission('prod', 'no-ref', { userRef: null }),
      backend('prod', 'no-port', { endpoints: [{ name: 'primary', host: 'x', port: -1 }] }),
      backend('prod', 'no-status', { gateways: [7, 'gateway'] }),
      permission('prod', 'on-no-port', { userRef: { name: 'reporting' }, backendRef: { name: 'no-port' } }),
    ].map((one) => (one.metadata.name === 'no-spec' ? { ...one, spec: 'nothing' } : one));
    for (const resource of broken) await until(`${resource.metadata.name} stored`, async () => apply(client, resource));
    await api.installCrds();
    await scene.operator();
    for (const resource of STORY) await apply(client, resource);
    for (const resource of [ORDERS, REPORTING, PERMISSION]) await waitReady(client, resource);
    expect(usersIn(await policy(redis, 'prod/reporting'))).to.deep.equal({ 'prod/orders': ['reporting'] });
    expect(usersIn(await policy(redis, 'prod/gateway'))).to.deep.equal({ 'prod/orders': ['reporting'] });
    const said = new Map<string, string | undefined>();
    for (const resource of broken.filter(({ metadata }) => metadata.name !== 'no-status')) {
      const { name } = resource.metadata;
      const found = await until(`a status of ${name}`, async () => {
        const now = await read(client, resource);
        return now.status?.conditions !== undefined && now;
      }).catch(() => undefined);
      said.set(name, found && condition(found, 'Ready'));
    }
    expect(Object.fromEntries(said)).to.deep.equal({
      'no-name': 'False Invalid',
      'no-list': 'False Invalid',
      'no-spec': 'False Invalid',
      'no-rules': 'False Invalid',
      'no-ref': 'False Invalid',
      'no-port': 'False Invalid',
      'on-no-port': 'False BackendNotUsable',
    });
    await until('an Event about the one for which the API server takes no status', async () => {
      const { items } = await client.list<KubeObject & Record<string, unknown>>(EVENTS, { namespace: 'prod' });
      return items.some(
        ({ regarding, reason, note }) =>
          (regarding as { name: string }).name === 'no-status' &&
          reason === 'Invalid' &&
          String(note).includes('gateways'),
      );
    });
  });
});

/** The CRD of the file as it might have been before anybody thought of rules. */
function loosened(file: string): KubeObject {
  const crd = parse(readFileSync(file, 'utf8'), { merge: true }) as KubeObject & {
    spec: { versions: { schema: unknown }[] };
  };
  const loose = { 'x-kubernetes-preserve-unknown-fields': true };
  for (const version of crd.spec.versions)
    version.schema = {
      openAPIV3Schema: { type: 'object', properties: { spec: loose, status: { type: 'object', ...loose } } },
    };
  return crd;
}
