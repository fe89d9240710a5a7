import type { Redis } from 'ioredis';
import type { KubeClient } from '#operator/kube/client';
import { requireRedis, type RedisServer } from '#test/harness/redis-server';
import { requireApiServer, stopApiServers, type ApiServer, type ApiServerOptions } from '../harness/api-server.ts';
import { clear, NAMESPACES, Operator, OPERATOR_USERS, type OperatorOptions } from './scene.ts';

/** What each of these suites has: servers of its own, and operators that end with the test. */
export interface Suite {
  readonly api: ApiServer;
  readonly redisServer: RedisServer;
  readonly redis: Redis;
  readonly client: KubeClient;
  operator(options?: OperatorOptions): Promise<Operator>;
}

/** To be called in a describe: what it returns is filled before the first test. */
export function suite(context: Mocha.Suite, options: ApiServerOptions = {}): Suite {
  context.timeout(120_000);
  const made = {} as { -readonly [K in keyof Suite]: Suite[K] };
  const operators: Operator[] = [];
  before(async function () {
    made.redisServer = await requireRedis(this);
    made.api = await requireApiServer(this, { users: OPERATOR_USERS, ...options });
    made.redis = made.redisServer.client();
    made.client = made.api.client();
    await made.api.installCrds();
    await made.api.createNamespaces(...NAMESPACES);
    await made.api.letAll('operator');
  });
  made.operator = async (how = {}) => {
    const operator = new Operator(made.api, made.redisServer.url, how);
    operators.push(operator);
    return operator.start();
  };
  afterEach(async () => {
    for (const operator of operators.splice(0)) await operator.stop();
    await clear(made.client, made.redis);
  });
  after(async () => {
    await (made.redisServer as RedisServer | undefined)?.stop();
    await stopApiServers();
  });
  return made;
}
