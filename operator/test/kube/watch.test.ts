import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { KubeClient } from '#operator/kube/client';
import { isStatus } from '#operator/kube/errors';
import { DB_USERS, keyOf, type KubeObject } from '#operator/kube/resource';
import { ObjectStore } from '#operator/kube/store';
import { SYSTEM_CLOCK } from '#operator/kube/system-clock';
import { startWatch, type RunningWatch, type WatchNotice, type WatchTimes } from '#operator/kube/watch';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';

interface DbUser extends KubeObject {
  readonly spec: { readonly username: string; readonly enabled?: boolean };
}

const NAMESPACES = ['one', 'two'];
const TIMES = { idleMs: 1_500, watchMs: 4_000, relistMs: 8_000, firstDelayMs: 10, mostDelayMs: 500 };
/** Nothing happens by the clock, and no second attempt comes before an API server that starts can answer it. */
const SLOW = { idleMs: 60_000, watchMs: 60_000, relistMs: 60_000, firstDelayMs: 1_000, mostDelayMs: 1_000 };
/** No priority and fairness: then few requests at once are enough for a real 429. */
const THROTTLED = [
  '--enable-priority-and-fairness=false',
  '--max-requests-inflight=1',
  '--max-mutating-requests-inflight=50',
];

const SERVERS = [
  { situation: 'an API server with its watch cache', flags: [] },
  { situation: 'an API server that reads etcd itself', flags: ['--watch-cache=false'] },
];

for (const { situation, flags } of SERVERS) {
  describe(`a watch on ${situation}`, function () {
    this.timeout(120_000);
    let server: ApiServer;
    let writer: KubeClient;
    let scene: Scene | undefined;
    before(async function () {
      server = await requireApiServer(this, { users: ['watcher'], flags: [...THROTTLED, ...flags] });
      writer = server.client();
      await server.installCrds();
      await server.createNamespaces(...NAMESPACES);
      await server.letAll('watcher');
    });
    afterEach(async () => {
      await scene?.watch.stop();
      scene = undefined;
    });
    after(stopApiServers);

    it('holds what is there at the end, whatever befell its connections meanwhile', async () => {
      scene = watchThrough(server);
      await scene.watch.synced;
      const load = new Load(writer);
      const working = load.run();
      let cuts = await cutFor(server, 2_000);
      const [restarted] = await Promise.all([cutFor(server, 3_500), server.restart()]);
      cuts += restarted;
      await freezeFor(server, 2 * TIMES.idleMs);
      const { tally } = scene;
      cuts += await throttle(server, 20_000, () => tally().throttled > 0);
      await server.compact();
      await freezeFor(server, 2 * TIMES.idleMs);
      const [again] = await Promise.all([cutFor(server, 3_500), server.restart('SIGTERM')]);
      cuts += again + (await cutFor(server, 1_500));
      load.stop();
      await working;
      await settled(writer, scene);
      const { relists, expired, throttled, silent, opened } = tally();
      console.log(
        `      ${String(load.writes)} writes, ${String(cuts)} connections cut, ${String(opened)} watches opened, ${String(relists)} lists, 410 ${String(expired)} times, 429 ${String(throttled)} times, silence found ${String(silent)} times`,
      );
      expect(load.writes).to.be.greaterThan(200);
      expect(cuts).to.be.greaterThan(10);
      expect(throttled, '429').to.be.greaterThan(0);
      expect(silent, 'silence').to.be.greaterThan(0);
    });

    it('waits as long as a 429 asks, and then holds what is there', async () => {
      scene = watchThrough(server);
      await scene.watch.synced;
      const { tally } = scene;
      await throttle(server, 20_000, () => tally().throttled > 2);
      await writer.create(DB_USERS, user('one', 'after-429'));
      await settled(writer, scene);
      expect(scene.tally().throttled, '429').to.be.greaterThan(0);
    });

    it('lists anew when etcd and the API server have forgotten where it was: 410', async () => {
      scene = watchThrough(server, SLOW);
      await writer.create(DB_USERS, user('one', 'forgotten'));
      await settled(writer, scene);
      while (scene.tally().opened === 0) await sleep(20);
      server.proxy.freeze();
      await writer.delete(DB_USERS, { namespace: 'one', name: 'forgotten' });
      await writer.create(DB_USERS, user('one', 'made-meanwhile'));
      await server.compact();
      await server.restart();
      server.cut();
      server.proxy.thaw();
      await settled(writer, scene);
      expect(scene.tally().expired, `410, of ${JSON.stringify(scene.notices)}`).to.be.greaterThan(0);
    });

    it('finds a connection that is dead without a word, by its silence', async () => {
      scene = watchThrough(server);
      while (scene.tally().opened === 0) await sleep(20);
      server.proxy.freeze();
      await writer.create(DB_USERS, user('one', 'unheard'));
      await sleep(TIMES.idleMs + 500);
      expect(scene.tally().silent).to.be.greaterThan(0);
      expect(scene.store.get('one/unheard')).to.equal(undefined);
      server.proxy.thaw();
      await settled(writer, scene);
      expect(scene.store.get('one/unheard')).to.not.equal(undefined);
    });

    it('tells an object made anew under its name by its uid', async () => {
      scene = watchThrough(server);
      await scene.watch.synced;
      const first = await writer.create(DB_USERS, user('two', 'twice'));
      await settled(writer, scene);
      server.proxy.freeze();
      await writer.delete(DB_USERS, { namespace: 'two', name: 'twice' });
      await writer.create(DB_USERS, user('two', 'twice'));
      server.proxy.thaw();
      server.cut();
      await settled(writer, scene);
      const now = scene.store.get('two/twice');
      expect(now?.metadata.uid).to.be.a('string').and.not.equal(first.metadata.uid);
    });
  });
}

interface Scene {
  readonly store: ObjectStore<DbUser>;
  readonly watch: RunningWatch;
  readonly notices: WatchNotice[];
  /** What a listener made of the changes that it was told. */
  readonly told: Map<string, string | undefined>;
  readonly tally: () => Record<'relists' | 'expired' | 'throttled' | 'silent' | 'opened', number>;
}

function watchThrough(server: ApiServer, times: Partial<WatchTimes> = TIMES): Scene {
  const store = new ObjectStore<DbUser>();
  const told = new Map<string, string | undefined>();
  store.onChange((key, now) => {
    if (now === undefined) told.delete(key);
    else told.set(key, now.metadata.resourceVersion);
  });
  const notices: WatchNotice[] = [];
  let throttled = 0;
  const client = server.client('through', 'watcher-token', (_, status) => {
    if (status === 429) throttled++;
  });
  const watch = startWatch<DbUser>({
    client,
    kind: DB_USERS,
    store,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    times,
    onNotice: (notice) => notices.push(notice),
  });
  const count = (which: (notice: WatchNotice) => boolean): number => notices.filter(which).length;
  const failed = (status: number) => count((notice) => notice.kind === 'error' && isStatus(notice.error, status));
  const isSilence = (notice: WatchNotice): boolean =>
    notice.kind === 'error' && notice.error instanceof Error && String(notice.error.cause).includes('is silent');
  const tally = () => ({
    relists: count(({ kind }) => kind === 'listed'),
    opened: count(({ kind }) => kind === 'opened'),
    expired: failed(410),
    throttled,
    silent: count(isSilence),
  });
  return { store, watch, notices, told, tally };
}

const user = (namespace: string, name: string): DbUser => ({ metadata: { namespace, name }, spec: { username: 'u' } });

/** Random creates, updates and deletes, until stopped. What failed is simply not known to have happened. */
class Load {
  writes = 0;
  readonly #client: KubeClient;
  #stopped = false;

  constructor(client: KubeClient) {
    this.#client = client;
  }

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    await Promise.all([0, 1, 2].map((worker) => this.#work(worker)));
  }

  async #work(worker: number): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#write(worker);
        this.writes++;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
        await sleep(50);
      }
      await sleep(10 * Math.random());
    }
  }

  /** One of the last few names, which move on: one that is deleted late is seldom made again, and a lost change stays lost. */
  #name(worker: number): string {
    return `u-${String(worker)}-${String(Math.floor(this.writes / 60 + Math.random() * 12))}`;
  }

  async #write(worker: number): Promise<void> {
    const namespace = NAMESPACES[Math.floor(Math.random() * 2)] ?? '';
    const ref = { namespace, name: this.#name(worker) };
    const signal = AbortSignal.timeout(3_000);
    const there = await this.#client.get<DbUser>(DB_USERS, ref, signal);
    if (there === undefined) await this.#client.create(DB_USERS, user(namespace, ref.name), signal);
    else if (Math.random() < 0.4) await this.#client.delete(DB_USERS, ref, undefined, signal);
    else
      await this.#client.update(DB_USERS, { ...there, spec: { ...there.spec, enabled: !there.spec.enabled } }, signal);
  }
}

/** Every few hundred milliseconds. */
async function cutFor(server: ApiServer, milliseconds: number): Promise<number> {
  const end = Date.now() + milliseconds;
  let cuts = 0;
  while (Date.now() < end) {
    await sleep(300 * (0.5 + Math.random()));
    cuts += server.cut();
  }
  return cuts;
}

/** Nothing goes through for longer than the watch bears. */
async function freezeFor(server: ApiServer, milliseconds: number): Promise<void> {
  server.proxy.freeze();
  await sleep(milliseconds);
  server.proxy.thaw();
}

/** More requests than the API server does at once, and connections that have to be opened meanwhile. */
async function throttle(server: ApiServer, milliseconds: number, enough = (): boolean => false): Promise<number> {
  const end = Date.now() + milliseconds;
  const client = server.client('direct', 'watcher-token');
  const noise = Array.from({ length: 32 }, async () => {
    while (Date.now() < end && !enough()) await request(client);
  });
  let cuts = 0;
  while (Date.now() < end && !enough()) {
    cuts += server.cut();
    await sleep(50);
  }
  await Promise.all(noise);
  return cuts;
}

/** Gives up rather than wait out its own 429. */
async function request(client: KubeClient): Promise<void> {
  try {
    await client.list(DB_USERS, {}, AbortSignal.timeout(150));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

/** Waits until store and listener agree with the API server, and says where they do not. */
async function settled(client: KubeClient, { store, told }: Scene): Promise<void> {
  const truth = async () => {
    const { items } = await client.list<DbUser>(DB_USERS);
    return Object.fromEntries(items.map(({ metadata }) => [keyOf(metadata), metadata.resourceVersion] as const));
  };
  const held = () =>
    Object.fromEntries([...store.values()].map(({ metadata }) => [keyOf(metadata), metadata.resourceVersion] as const));
  const end = Date.now() + 10_000;
  const wanted = await truth();
  while (Date.now() < end && !same(held(), wanted)) await sleep(50);
  expect(held()).to.deep.equal(wanted);
  expect(Object.fromEntries(told)).to.deep.equal(wanted);
}

const same = (one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): boolean =>
  Object.keys(one).length === Object.keys(other).length && Object.entries(one).every(([key, v]) => other[key] === v);
