import { KEYS_SECRET, TLS_SECRET } from '#contract/names';
import { SECRETS, type KubeObject } from '#operator/kube/resource';
import { stopApiServers } from '../test/harness/api-server.ts';
import { OPERATOR_NAMESPACE } from '../test/harness/operator.ts';
import { ClusterScene } from '../test/operator/cluster-scene.ts';
import { PodOperator } from './pod-operator.ts';

/** The harness is made for mocha's hooks: whatever it would skip ends a bench. */
const INSTEAD_OF_MOCHA = {
  timeout: () => undefined,
  skip() {
    throw new Error('what was just said to be absent is needed: make servers, and Go for the API server');
  },
} as unknown as Mocha.Context;

/** Of the operator: one that the API server counts and throttles as it does others. */
const OPERATOR_USER = 'operator';

/** API server with etcd, Redis and PostgreSQL, and operators as their image runs them. */
export class BenchCluster {
  readonly scene: ClusterScene;
  readonly #operators: PodOperator[] = [];

  static async open(): Promise<BenchCluster> {
    const scene = await ClusterScene.open(INSTEAD_OF_MOCHA, { users: [OPERATOR_USER] });
    await scene.apiServer.letAll(OPERATOR_USER);
    return new BenchCluster(scene);
  }

  private constructor(scene: ClusterScene) {
    this.scene = scene;
  }

  /** One that runs; not yet ready. nodeFlags: for profiles. */
  async operator(nodeFlags: readonly string[] = []): Promise<PodOperator> {
    const { apiServer, redisServer, storeUrl } = this.scene;
    const operator = await PodOperator.start({
      apiServer: { port: apiServer.port, ca: apiServer.ca, token: `${OPERATOR_USER}-token` },
      namespace: OPERATOR_NAMESPACE,
      redis: redisServer.url,
      store: storeUrl,
      nodeFlags,
    });
    this.#operators.push(operator);
    return operator;
  }

  /** PEM. */
  async operatorCa(): Promise<string> {
    return (await this.#secret(TLS_SECRET))['ca.crt']?.toString() ?? '';
  }

  async keyData(): Promise<Readonly<Record<string, Buffer>>> {
    return this.#secret(KEYS_SECRET);
  }

  async close(): Promise<void> {
    for (const operator of this.#operators) await operator.stop();
    await this.scene.close();
    await stopApiServers();
  }

  async #secret(name: string): Promise<Record<string, Buffer>> {
    const ref = { namespace: OPERATOR_NAMESPACE, name };
    const secret = await this.scene.client.get<KubeObject & { readonly data?: Record<string, string> }>(SECRETS, ref);
    const entries = Object.entries(secret?.data ?? {});
    return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64')]));
  }
}
