import type { Redis } from 'ioredis';
import type { KeyRing } from '#contract/snapshot/keys';
import type { RedisAddress } from '#contract/snapshot/redis';
import type { Snapshot, SnapshotUser } from '#contract/snapshot/types';
import type { Publisher } from '#operator/publish/publisher';
import { requirePostgres, type PostgresServer } from '#test/harness/postgres-server';
import { RawClient, ServerError, type LoginOptions } from '#test/harness/raw-client';
import { requireRedis, type RedisServer } from '#test/harness/redis-server';
import { testSnapshot, type TestUser } from '#test/harness/snapshot';
import { addressOf, Leaders, RING } from '../../../operator/test/publish/scene.ts';
import { MockOperator } from './mock-operator.ts';
import { ProxyPod, type PodOptions } from './proxy-process.ts';

export const SCOPE = 'shop/app';
export const BACKEND = 'prod/orders';
export const TOKEN = 'token.of.shop-app';

/** Who may read the table `open`. */
export const READS: Pick<TestUser, 'rules'> = { rules: [{ tables: ['open'], actions: ['select'] }] };

export interface Policy {
  readonly bound?: readonly TestUser[];
  readonly others?: readonly TestUser[];
}

/** A Redis, a leader that publishes, a PostgreSQL, and pods. */
export class Cluster {
  readonly redis: RedisServer;
  readonly postgres: PostgresServer;
  readonly client: Redis;
  readonly operator: MockOperator;
  readonly #leaders: Leaders;
  readonly #pods: ProxyPod[] = [];
  leader!: Publisher;
  ring: KeyRing = RING;
  /** Where bootstrap says that Redis is. */
  address: RedisAddress;
  /** Milliseconds that the operator's clock is ahead. */
  ahead = 0;

  private constructor(redis: RedisServer, postgres: PostgresServer) {
    this.redis = redis;
    this.postgres = postgres;
    this.client = redis.client();
    this.address = addressOf(redis.url);
    this.#leaders = new Leaders(redis.url);
    this.operator = new MockOperator({
      ring: () => this.ring,
      redis: () => this.address,
      publisher: () => this.leader,
      ahead: () => this.ahead,
    });
  }

  static async make(context: Mocha.Context): Promise<Cluster> {
    context.timeout(60_000);
    const redis = await requireRedis(context);
    const postgres = await requirePostgres(context, { major: 18 });
    const cluster = new Cluster(redis, postgres);
    const setup = await RawClient.login(postgres);
    await setup.query('create table open (id int); insert into open values (1); create table closed (id int)');
    await setup.close();
    await cluster.operator.start();
    return cluster;
  }

  /** As at the beginning, with nothing published. */
  async reset(): Promise<void> {
    this.ring = RING;
    this.ahead = 0;
    this.address = addressOf(this.redis.url);
    await this.client.flushall();
    this.operator.reply = undefined;
    this.operator.asked.length = 0;
    this.operator.pods.clear();
    this.operator.pods.set(TOKEN, { scope: SCOPE, podUid: 'pod-1' });
    this.giveLogins('anna', 'bert', 'boss');
    this.leader = await this.newLeader();
  }

  async newLeader(): Promise<Publisher> {
    const leader = await this.#leaders.make({ keys: () => this.ring, now: () => Date.now() + this.ahead });
    await leader.takeOffice();
    return leader;
  }

  giveLogins(...users: readonly string[]): void {
    const { user: username, password } = this.postgres;
    this.operator.logins =
      users.length === 0 ? [] : [{ backend: BACKEND, users: users.map((name) => `uid-${name}`), username, password }];
  }

  policy({ bound = [], others = [] }: Policy, scope = SCOPE): Snapshot {
    const { host, port } = this.postgres;
    const [backend] = testSnapshot({ id: BACKEND, host, port, users: [...bound, ...others] }).backends;
    if (backend === undefined) throw new Error('no backend');
    const names = new Set(bound.map(({ name }) => name));
    const users: SnapshotUser[] = backend.users.map((user) => (names.has(user.name) ? { ...user, bound: true } : user));
    return { format: 1, scope, backends: [{ ...backend, users }] };
  }

  async publish(policy: Policy | Snapshot): Promise<void> {
    const snapshot = 'format' in policy ? policy : this.policy(policy);
    await this.leader.publish({ snapshot, who: 'tester', why: 'a test' });
  }

  pod(options: Partial<PodOptions> = {}): ProxyPod {
    const pod = new ProxyPod({
      operator: this.operator.url,
      ca: this.operator.certificate.ca,
      token: TOKEN,
      mode: 'sidecar',
      backend: BACKEND,
      ...options,
    });
    this.#pods.push(pod);
    return pod;
  }

  async removePods(): Promise<string> {
    const output = this.#pods.map((pod) => pod.output).join('');
    await Promise.all(this.#pods.splice(0).map((pod) => pod.remove()));
    return output;
  }

  async stop(): Promise<void> {
    await this.removePods();
    this.#leaders.close();
    await this.operator.stop();
    await this.redis.stop();
    await this.postgres.stop();
  }
}

export const login = (pod: ProxyPod, options: Partial<LoginOptions> = {}): Promise<RawClient> =>
  RawClient.login({ port: pod.port, user: 'articdbm', ...options });

/** SQLSTATE and message of a login that is refused; ok: it is not. */
export async function refusal(pod: ProxyPod, options: Partial<LoginOptions> = {}): Promise<readonly string[]> {
  try {
    const client = await login(pod, options);
    await client.close();
    return ['ok'];
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    const { C = '', M = '', H = '' } = error.fields;
    return [C, M, H];
  }
}
