import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { KubeClient } from '#operator/kube/client';
import { DATABASE_BACKENDS, DB_PERMISSIONS, DB_USERS } from '#operator/kube/resource';
import { apply, backend, isReady, permission, secret, user, type Resource } from './scene.ts';
import { suite } from './suite.ts';

const USERS = Number(process.env.COLD_USERS ?? 2_000);
const PER_BACKEND = 100;
/** Left to itself V8 lets the heap grow to a multiple of what lives in it. */
const FLAGS = '--expose-gc --max-semi-space-size=8 --max-old-space-size=128';

/** Each user bound to a ServiceAccount of its own, with a password of its own and two permissions; one gateway for all. */
function* resources(): Generator<Resource> {
  yield secret('prod', 'db-login', { username: 'x', password: 'y' });
  for (let index = 0; index < USERS / PER_BACKEND; index++)
    yield backend('prod', `b${String(index)}`, { sharedLogin: 'Allow' });
  for (let index = 0; index < USERS; index++) {
    const name = `user-${String(index)}`;
    yield secret('prod', name, { password: `password of ${name}` });
    yield user('prod', name, { serviceAccounts: [name], passwordSecretRef: { name } });
    const backendRef = { name: `b${String(Math.floor(index / PER_BACKEND))}` };
    for (const table of ['orders', 'customers'])
      yield permission('prod', `${name}-${table}`, {
        userRef: { name },
        backendRef,
        rules: [{ sql: { tables: [table], actions: ['read'] } }],
      });
  }
}

async function applyAll(client: KubeClient): Promise<void> {
  const left = resources();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const resource of left) await apply(client, resource);
    }),
  );
}

interface Measured {
  readonly tookMs: number;
  readonly syncedMs: number;
  readonly cpuMs: number;
  readonly peak: number;
  readonly stallMs: number;
  readonly requests: Readonly<Record<string, number>>;
  readonly errors: number;
}

describe(`${String(USERS)} users and ${String(2 * USERS)} permissions`, function () {
  if (process.env.LONG !== '1') return;
  const scene = suite(this);

  async function run(): Promise<Measured> {
    const { api, redisServer } = scene;
    const env = {
      ...process.env,
      ...{ COLD_URL: api.url, COLD_CA: api.ca, COLD_TOKEN: 'operator-token', COLD_REDIS: redisServer.url },
    };
    const child = path.join(import.meta.dirname, 'cold-child.ts');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...(process.env.COLD_FLAGS ?? FLAGS).split(' '), child],
      { env, timeout: 180_000 },
    );
    console.log(`      ${stdout.trim()}`);
    return JSON.parse(stdout) as Measured;
  }

  it('are all Ready within 60 s of a cold start, in 250 MiB, and a second start writes nothing', async function () {
    this.timeout(600_000);
    const { client } = scene;
    await applyAll(client);
    const { tookMs, peak, requests, errors } = await run();
    for (const kind of [DATABASE_BACKENDS, DB_USERS, DB_PERMISSIONS]) {
      const { items } = await client.list<Resource>(kind);
      expect(items.filter((one) => !isReady(one)).map(({ metadata }) => metadata.name)).to.deep.equal([]);
    }
    expect(errors).to.equal(0);
    const again = await run();
    expect(again.requests.PATCH ?? 0).to.equal(0);
    expect(tookMs).to.be.lessThan(60_000);
    expect(peak).to.be.lessThan(250 * 2 ** 20);
    expect(requests.PATCH).to.be.lessThan(1.2 * 3 * USERS);
  });
});
