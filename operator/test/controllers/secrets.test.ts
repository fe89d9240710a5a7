import { expect } from 'chai';
import { addKey, useKey } from '#contract/snapshot/keys-rotation';
import { makeKey, PAIR_BYTES } from '#contract/snapshot/keys';
import type { KubeClient } from '#operator/kube/client';
import type { ResourceKind } from '#operator/kube/resource';
import { inForce, RING } from '../publish/scene.ts';
import {
  apply,
  condition,
  policy,
  read,
  remove,
  secret,
  STORY,
  TestKeys,
  until,
  waitReady,
  type Resource,
} from './scene.ts';
import { suite } from './suite.ts';

const [ORDERS, , REPORTING, PASSWORD, PERMISSION] = STORY as [Resource, Resource, Resource, Resource, Resource];

const rbac = (plural: string, kind: string, namespaced: boolean): ResourceKind => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
});

/** Everything that the operator needs but Secrets. */
async function letPoor(client: KubeClient): Promise<void> {
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'poor' }];
  const rules = [
    {
      apiGroups: ['articdbm.io'],
      resources: ['dbbackends', 'dbusers', 'dbpermissions'],
      verbs: ['get', 'list', 'watch'],
    },
    {
      apiGroups: ['articdbm.io'],
      resources: ['dbbackends/status', 'dbusers/status', 'dbpermissions/status'],
      verbs: ['patch'],
    },
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  ];
  await client.create(rbac('clusterroles', 'ClusterRole', false), { metadata: { name: 'poor' }, rules } as never);
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'poor' };
  const binding = { metadata: { name: 'poor' }, roleRef, subjects };
  await client.create(rbac('clusterrolebindings', 'ClusterRoleBinding', false), binding as never);
}

async function letGet(client: KubeClient, ...names: string[]): Promise<void> {
  const metadata = { namespace: 'prod', name: 'secrets' };
  const rules = [{ apiGroups: [''], resources: ['secrets'], resourceNames: names, verbs: ['get'] }];
  await client.create(rbac('roles', 'Role', true), { metadata, rules } as never);
  const binding = {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'secrets' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'poor' }],
  };
  await client.create(rbac('rolebindings', 'RoleBinding', true), binding as never);
}

describe('Secrets that resources name', function () {
  const scene = suite(this);
  const verifier = async (): Promise<string | undefined> =>
    (await policy(scene.redis, 'prod/gateway'))?.snapshot.backends[0]?.users[0]?.verifier;

  it('come after their users, go, and come back: the gateway takes the password when there is one', async () => {
    const { client } = scene;
    await scene.operator();
    for (const resource of STORY.filter((one) => one !== PASSWORD)) await apply(client, resource);
    await until(
      'SecretNotFound',
      async () => condition(await read(client, REPORTING), 'Ready') === 'False SecretNotFound',
    );
    expect(await verifier()).to.equal(undefined);
    await apply(client, PASSWORD);
    await waitReady(client, REPORTING);
    expect(await verifier()).to.match(/^SCRAM/);
  });

  it('make another verifier when they change under use, and the same one for the next leader', async () => {
    const { client } = scene;
    const first = await scene.operator();
    for (const resource of STORY) await apply(client, resource);
    await waitReady(client, REPORTING);
    const before = await until('a verifier', verifier);
    await first.stop();
    const second = await scene.operator();
    await second.idle();
    expect(await verifier()).to.equal(before);
    await apply(client, secret('prod', 'reporting', { password: 'another' }));
    await second.secrets.load([], AbortSignal.timeout(1_000));
    const after = await until(
      'another verifier',
      async () => {
        const now = await verifier();
        return now !== before && now;
      },
      75_000,
    );
    expect(after).to.match(/^SCRAM/);
  });

  it('that may not be read are told from missing ones, with what the operator lacks, and are found when it is given', async () => {
    const { client } = scene;
    await letPoor(client);
    await scene.operator({ user: 'poor' });
    for (const resource of STORY) await apply(client, resource);
    const found = await until('forbidden', async () => {
      const now = await read(client, REPORTING);
      return condition(now, 'Ready') === 'False SecretForbidden' && now;
    });
    expect(condition(found, 'Stalled')).to.equal('True SecretForbidden');
    expect(found.status?.conditions?.[0]?.message).to.match(/may not get Secret prod\/reporting.*RoleBinding/);
    expect(condition(await read(client, ORDERS), 'Ready')).to.equal('False SecretForbidden');
    await letGet(client, 'reporting', 'db-login');
    for (const resource of [ORDERS, REPORTING, PERMISSION]) await waitReady(client, resource);
  });

  it('whose key is named otherwise are read anew', async () => {
    const { client } = scene;
    await scene.operator();
    await apply(client, secret('prod', 'reporting', { password: 'one', other: 'two' }));
    for (const resource of STORY.filter((one) => one !== PASSWORD)) await apply(client, resource);
    await waitReady(client, REPORTING);
    const before = await verifier();
    const spec = { ...(REPORTING.spec as object), passwordSecretRef: { name: 'reporting', key: 'other' } };
    await apply(client, { ...REPORTING, spec });
    await until('another verifier', async () => (await verifier()) !== before);
    await waitReady(client, REPORTING);
  });

  it('give other verifiers under other keys of ours, and every scope is sealed anew', async () => {
    const { client, redis } = scene;
    const keys = new TestKeys();
    await scene.operator({ keys });
    for (const resource of STORY) await apply(client, resource);
    await waitReady(client, REPORTING);
    const before = await verifier();
    const now = Date.parse('2026-11-24T12:00:00Z');
    const key = makeKey(now, Buffer.alloc(PAIR_BYTES, 2));
    const ring = useKey(addKey(RING, key), key.id, now);
    keys.change(ring);
    for (const scope of ['prod/gateway', 'prod/reporting']) {
      await until(`${scope} under the new key`, async () => (await inForce(redis, scope, ring))?.head.key === key.id);
    }
    const after = (await inForce(redis, 'prod/gateway', ring))?.snapshot.backends[0]?.users[0]?.verifier;
    expect(after)
      .to.match(/^SCRAM/)
      .and.not.equal(before);
    await remove(client, PERMISSION);
  });
});
