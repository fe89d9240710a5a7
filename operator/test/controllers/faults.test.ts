import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { compile } from '#contract/compile/compile';
import type { DatabaseBackend, DbPermission, DbUser } from '#contract/resources/types.gen';
import { serialiseSnapshot } from '#contract/snapshot/serialise';
import type { Snapshot } from '#contract/snapshot/types';
import type { KubeClient } from '#operator/kube/client';
import { DATABASE_BACKENDS, DB_PERMISSIONS, DB_USERS, SECRETS, type KubeObject } from '#operator/kube/resource';
import { seeded } from '#operator/runtime/testing';
import {
  apply,
  backend,
  isReady,
  NAMESPACES,
  permission,
  policy,
  remove,
  secret,
  until,
  user,
  type Operator,
  type Resource,
} from './scene.ts';
import { suite, type Suite } from './suite.ts';

const LONG = process.env.LONG === '1';
const SECONDS = LONG ? 60 : 12;
const NAMES = ['a', 'b', 'c', 'd'];
const ACCOUNTS = ['one', 'two'];
const SCOPES = NAMESPACES.flatMap((namespace) => [...ACCOUNTS, 'gateway'].map((account) => `${namespace}/${account}`));

/** Random applies and deletions of few names, so that much refers to what is not there, or to somebody else's. */
class Load {
  readonly #client: KubeClient;
  readonly #random: () => number;
  #goesOn = true;
  writes = 0;

  constructor(client: KubeClient, seed: number) {
    this.#client = client;
    this.#random = seeded(seed);
  }

  async run(): Promise<void> {
    while (this.#goesOn) {
      const resource = this.#resource();
      const change = this.#random() < 0.25 ? remove(this.#client, resource) : apply(this.#client, resource);
      await change.then(
        () => this.writes++,
        (error: unknown) => {
          if (!(error instanceof Error && 'code' in error)) throw error;
        },
      );
      await sleep(this.#random() * 20);
    }
  }

  stop(): void {
    this.#goesOn = false;
  }

  #one<T>(of: readonly T[]): T {
    return of[Math.floor(this.#random() * of.length)]!;
  }

  #some<T>(of: readonly T[]): T[] {
    return of.filter(() => this.#random() < 0.6);
  }

  #resource(): Resource {
    const namespace = this.#one(NAMESPACES);
    const name = this.#one(NAMES);
    const kind = this.#one(['backend', 'user', 'user', 'permission', 'permission']);
    if (kind === 'backend') {
      const sql = { schemas: [this.#one(['public', 'crm'])], tables: ['*'], actions: ['read'] };
      return backend(namespace, name, {
        gateways: this.#some(['gateway', 'two']),
        consumers: this.#some(NAMESPACES.filter((other) => other !== namespace)).map((other) => ({
          namespace: other,
          ceiling: [{ sql }],
        })),
        sharedLogin: this.#one(['Allow', 'Forbid']),
      });
    }
    if (kind === 'user') {
      return user(namespace, name, {
        username: ['u', 'v', 'w'][(NAMESPACES.indexOf(namespace) + NAMES.indexOf(name)) % 3], // which stays for ever
        serviceAccounts: this.#some(ACCOUNTS),
        ...(this.#random() < 0.7 ? { passwordSecretRef: { name: this.#one(['pw', 'none']) } } : {}),
      });
    }
    return permission(namespace, name, {
      userRef: { name: this.#one(NAMES) },
      backendRef: { name: this.#one(NAMES), namespace: this.#one(NAMESPACES) },
      rules: [{ sql: { tables: [this.#one(['t', 'u', '*'])], actions: ['read'] } }],
    });
  }
}

/** What compile makes of all that the API server holds, looked at whole; but for verifiers, which are not here to be made. */
async function expected(client: KubeClient, scope: string): Promise<Snapshot> {
  const items = async <T>(kind: typeof DB_USERS): Promise<readonly T[]> =>
    (await client.list(kind)).items as unknown as readonly T[];
  const secrets = await items<KubeObject & { readonly data?: Readonly<Record<string, string>> }>(SECRETS);
  return compile({
    scope,
    backends: await items<DatabaseBackend>(DATABASE_BACKENDS),
    users: await items<DbUser>(DB_USERS),
    permissions: await items<DbPermission>(DB_PERMISSIONS),
    secret: (namespace, name, key) => {
      const found = secrets.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
      const value = found?.data?.[key];
      return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
    },
    verifier: () => 'made',
  }).snapshot;
}

/** With `made` for every verifier that is there. */
function comparable(snapshot: Snapshot): string {
  const backends = snapshot.backends.map((one) => ({
    ...one,
    users: one.users.map((each) => (each.verifier === undefined ? each : { ...each, verifier: 'made' })),
  }));
  return serialiseSnapshot({ ...snapshot, backends });
}

async function settled({ client, redis }: Suite): Promise<void> {
  for (const scope of SCOPES) {
    const wanted = comparable(await expected(client, scope));
    const empty = comparable({ format: 1, scope, backends: [] });
    await until(`${scope} as compiled`, async () => {
      const found = (await policy(redis, scope))?.snapshot;
      return (found === undefined ? empty : comparable(found)) === wanted;
    }).catch(async (error: unknown) => {
      const found = (await policy(redis, scope))?.snapshot;
      expect(found === undefined ? empty : comparable(found), scope).to.equal(wanted);
      throw error;
    });
  }
}

/** Every status speaks of what is there, and is Ready, or says what it is waiting for. */
async function said(client: KubeClient): Promise<{ ready: number; not: number }> {
  let [ready, not] = [0, 0];
  for (const kind of [DATABASE_BACKENDS, DB_USERS, DB_PERMISSIONS])
    for (const { metadata } of (await client.list<Resource>(kind)).items) {
      const resource = await until(`the status of ${kind.kind} ${metadata.name}`, async () => {
        const now = await client.get<Resource>(kind, metadata);
        return now?.status?.observedGeneration === now?.metadata.generation && now;
      });
      expect(resource.status?.conditions?.some(({ reason }) => /NotPublished|RedisAway/.test(reason))).to.equal(false);
      if (isReady(resource)) ready++;
      else not++;
    }
  return { ready, not };
}

describe('random applies', function () {
  const scene = suite(this, { flags: ['--watch-cache=false'] });

  async function befall(operator: Operator, load: Load): Promise<number> {
    const { api } = scene;
    let cuts = 0;
    const end = Date.now() + SECONDS * 1000;
    for (let round = 0; Date.now() < end; round++) {
      for (let cut = 0; cut < 5; cut++) {
        await sleep(200 + Math.random() * 300);
        cuts += api.cut();
      }
      if (round % 3 === 0) {
        // Longer than a watch waits in silence, while its place is forgotten: 410.
        api.proxy.freeze();
        await api.compact();
        await sleep(2_500);
        api.proxy.thaw();
      }
      if (round % 3 === 1) await api.restart(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
      if (round % 3 === 2) await restartRedis();
    }
    load.stop();
    expect(operator.requests.counts.get('WATCH'), 'watches begun anew').to.be.greaterThan(20);
    return cuts;
  }

  async function restartRedis(): Promise<void> {
    const { redisServer } = scene;
    await redisServer.kill();
    await sleep(500);
    await redisServer.start();
  }

  for (const seed of LONG ? [1, 2, 3, 4] : [Date.now() % 1_000_000]) {
    it(`under cuts, compaction, restarts of the API server and a Redis that loses all end as compile says (seed ${String(seed)})`, async function () {
      this.timeout(SECONDS * 1000 + 90_000);
      const { client, redis } = scene;
      for (const namespace of NAMESPACES) {
        await apply(client, secret(namespace, 'db-login', { username: 'x', password: 'y' }));
        await apply(client, secret(namespace, 'pw', { password: 'z' }));
      }
      const operator = await scene.operator({ way: 'through', times: { beatMs: 1_000, proxiesMs: 1_000 } });
      const load = new Load(client, seed);
      const [, cuts] = await Promise.all([load.run(), befall(operator, load)]);
      await operator.idle();
      await settled(scene);
      const { ready, not } = await said(client);
      console.log(
        `      ${String(load.writes)} writes, ${String(cuts)} connections cut, ${String(operator.errors.length)} reconciles tried again, ${String(await redis.dbsize())} keys; ${String(ready)} resources Ready, ${String(not)} not`,
      );
      expect(load.writes).to.be.greaterThan(100);
      expect(cuts).to.be.greaterThan(20);
      expect(ready).to.be.greaterThan(0);
    });
  }
});
