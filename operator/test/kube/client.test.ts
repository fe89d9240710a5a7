import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { KubeClient } from '#operator/kube/client';
import { findCluster, podAccess } from '#operator/kube/config';
import { nextConditions } from '#operator/kube/conditions';
import { ApiError, isStatus, UnreachableError } from '#operator/kube/errors';
import { EventRecorder } from '#operator/kube/events';
import { DB_USERS, EVENTS, SECRETS, type KubeObject } from '#operator/kube/resource';
import { applyStatus } from '#operator/kube/status';
import { SYSTEM_CLOCK } from '#operator/kube/system-clock';
import { NotLeadingError } from '#operator/runtime/election';
import { resource } from '#contract/resources/testing';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';

interface DbUser extends KubeObject {
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: ReturnType<typeof nextConditions> };
}

interface Event extends KubeObject {
  readonly note: string;
  readonly reason: string;
  readonly series?: { readonly count: number };
}

describe('requests to a real API server', function () {
  this.timeout(60_000);
  let server: ApiServer;
  let client: KubeClient;
  before(async function () {
    server = await requireApiServer(this, { users: ['nobody'] });
    client = server.client();
    await server.installCrds();
    await server.createNamespaces('prod');
  });
  after(stopApiServers);

  const make = (name: string): Promise<DbUser> =>
    client.create<DbUser>(DB_USERS, {
      ...(resource('DbUser') as unknown as DbUser),
      metadata: { name, namespace: 'prod' },
    });
  const read = async (name: string): Promise<DbUser> => {
    const user = await client.get<DbUser>(DB_USERS, { namespace: 'prod', name });
    if (user === undefined) throw new Error('it is gone');
    return user;
  };
  const ready = (object: DbUser, status: 'True' | 'False', now = Date.now()): NonNullable<DbUser['status']> => ({
    observedGeneration: object.metadata.generation ?? 0,
    conditions: nextConditions(
      object.status?.conditions,
      [{ type: 'Ready', status, reason: 'It', message: 'is so' }],
      object.metadata.generation,
      now,
    ),
  });
  const apply = (object: DbUser, status: object, check: () => void = () => undefined) =>
    applyStatus({ client, kind: DB_USERS, object, status, check });

  it('lists more than a page', async () => {
    const names = Array.from({ length: 1_030 }, (_, index) => `s${String(index)}`);
    const create = (name: string) => client.create(SECRETS, { metadata: { namespace: 'prod', name } });
    for (let at = 0; at < names.length; at += 50) await Promise.all(names.slice(at, at + 50).map(create));
    const { items } = await client.list(SECRETS, { namespace: 'prod' });
    expect(items.map(({ metadata }) => metadata.name)).to.have.members(names);
  });

  it('says what was refused, and not what was sent', async () => {
    const nobody = server.client('direct', 'nobody-token');
    const error = await nobody.get(SECRETS, { namespace: 'prod', name: 's1' }).catch((caught: unknown) => caught);
    expect(isStatus(error, 403)).to.equal(true);
    expect((error as ApiError).reason).to.equal('Forbidden');
    expect((error as ApiError).message).to.equal('GET /api/v1/namespaces/prod/secrets/s1: 403 Forbidden');
  });

  it('finds its way in a pod by two files and two variables', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'articdbm-account-'));
    for (const [name, text] of Object.entries({ token: `${server.token}\n`, 'ca.crt': server.ca, namespace: 'prod' })) {
      writeFileSync(path.join(folder, name), text);
    }
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
    Object.assign(process.env, { KUBERNETES_SERVICE_HOST: server.host, KUBERNETES_SERVICE_PORT: String(server.port) });
    const access = await podAccess(folder);
    for (const [name, value] of Object.entries({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port })) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    rmSync(folder, { recursive: true });
    const pod = new KubeClient(access);
    expect(await pod.get(SECRETS, { namespace: access.namespace, name: 's1' })).to.not.equal(undefined);
    pod.close();
  });

  it('finds its way by a kubeconfig', async () => {
    const access = await findCluster(server.kubeconfig());
    const user = new KubeClient(access);
    expect(await user.get(SECRETS, { namespace: 'prod', name: 's1' })).to.not.equal(undefined);
    user.close();
  });

  it('says that nobody answered', async () => {
    const far = server.client('through');
    server.proxy.freeze();
    const signal = AbortSignal.timeout(300);
    const error = await far.get(SECRETS, { namespace: 'prod', name: 's1' }, signal).catch((caught: unknown) => caught);
    server.proxy.thaw();
    expect(error).to.be.instanceOf(UnreachableError);
  });

  it('reads on after the API server has closed the kept connection', async () => {
    const far = server.client('through');
    for (let round = 0; round < 5; round++) {
      expect(await far.get(SECRETS, { namespace: 'prod', name: 's1' })).to.not.equal(undefined);
      server.cut();
    }
  });

  it('writes a status once: a second time there is nothing to send', async () => {
    await make('once');
    expect(await apply(await read('once'), ready(await read('once'), 'True'))).to.equal('written');
    const first = await read('once');
    expect(first.status?.conditions?.[0]?.status).to.equal('True');
    expect(await apply(first, ready(first, 'True', Date.now() + 60_000))).to.equal('same');
  });

  it('takes back from a status what it no longer says', async () => {
    const user = await make('less');
    await apply(user, ready(user, 'True'));
    await apply(await read('less'), { observedGeneration: 1 });
    expect((await read('less')).status).to.deep.equal({ observedGeneration: 1 });
  });

  it('writes no status over an object that has changed since it was read', async () => {
    const old = await make('changed');
    await client.mergePatch(DB_USERS, old.metadata, { spec: { enabled: false } });
    const error = await apply(old, ready(old, 'True')).catch((caught: unknown) => caught);
    expect(isStatus(error, 409)).to.equal(true);
  });

  it('writes no status onto an object made anew under the name, and makes none that is gone', async () => {
    const old = await make('gone');
    await client.delete(DB_USERS, old.metadata, old.metadata.uid);
    const gone = await apply(old, ready(old, 'True')).catch((caught: unknown) => caught);
    expect(isStatus(gone, 404, 409), String(gone)).to.equal(true);
    expect(await client.get(DB_USERS, old.metadata)).to.equal(undefined);
    await make('gone');
    const other = await apply(old, ready(old, 'True')).catch((caught: unknown) => caught);
    expect(isStatus(other, 409), String(other)).to.equal(true);
    expect((await read('gone')).status).to.equal(undefined);
  });

  it('writes no status when it leads no more', async () => {
    const user = await make('deposed');
    const check = (): void => {
      throw new NotLeadingError();
    };
    const error = await apply(user, ready(user, 'True'), check).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(NotLeadingError);
    expect((await read('deposed')).status).to.equal(undefined);
  });

  it('makes one Event with a count of what recurs, and keeps a long note to what is allowed', async () => {
    const regarding = await make('eventful');
    const errors: unknown[] = [];
    const recorder = new EventRecorder({
      client,
      clock: SYSTEM_CLOCK,
      wall: () => Date.now(),
      controller: 'articdbm.io/operator',
      instance: 'it',
      onError: (error) => errors.push(error),
    });
    const event = { kind: DB_USERS, regarding, type: 'Warning', action: 'Compile' } as const;
    for (let time = 0; time < 5; time++) recorder.record({ ...event, reason: 'Again', note: 'it failed' });
    recorder.record({ ...event, reason: 'Long', note: 'ö'.repeat(2_000) });
    await recorder.flush();
    const { items } = await client.list<Event>(EVENTS, { namespace: 'prod' });
    const again = items.filter(({ reason }) => reason === 'Again');
    expect(errors).to.deep.equal([]);
    expect(again.map(({ series }) => series?.count)).to.deep.equal([5]);
    expect(items.find(({ reason }) => reason === 'Long')?.note).to.match(/^ö{509}…$/);
  });
});
