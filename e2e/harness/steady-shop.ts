import { expect } from 'chai';
import type { Cluster } from './cluster.ts';
import { eventually } from './eventually.ts';
import type { Kubectl } from './kubectl.ts';
import { OPERATOR_NAMESPACE } from './release.ts';
import { account, backend, database, permission, pod, resourcesReady, user } from './resources.ts';
import { inForceAt, judge, outcomes, steadyClient } from './steady-client.ts';
import { note } from './story.ts';

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

export interface Allowance {
  /** Connections that may be lost; else none. */
  readonly lost?: boolean;
}

/** A shop with one client that asks all the time, while parts of the cluster are taken away. */
export class SteadyShop {
  readonly kubectl: Kubectl;
  readonly operators: Kubectl;
  readonly namespace: string;
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, namespace: string) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.kubectl = cluster.kubectl.in(namespace);
    this.operators = cluster.kubectl.in(OPERATOR_NAMESPACE);
  }

  async open(): Promise<void> {
    const { namespace, kubectl } = this;
    const server = database(namespace);
    await eventually(60, () => kubectl.run(['get', 'serviceaccount', 'default'])); // the API server may just have come back
    await this.#cluster.kubectl.apply(
      ...server.objects,
      ...backend(namespace, 'shop', server),
      account(namespace, 'app'),
      user(namespace, 'app', { serviceAccounts: ['app'] }),
      permission(namespace, 'orders', 'app', 'shop', { tables: ['orders'], actions: ['read'] }),
    );
    await resourcesReady(kubectl, 60);
    await kubectl.ready(60, 'pod/database');
    await kubectl.apply(steadyClient(namespace, 'client', 'app', 'shop'));
    await kubectl.ready(90, 'pod/client');
    const began = Date.now();
    await eventually(20, async () => expect((await outcomes(kubectl, 'client', began)).length).to.be.greaterThan(8));
  }

  /** A pod of the same account, labelled or not, with more in its spec. */
  newPod(name: string, labelled: boolean, spec = {}): ReturnType<Kubectl['try']> {
    const made = pod(this.namespace, name, { account: 'app', ...(labelled ? { backends: 'shop' } : {}), spec });
    return this.kubectl.try(['create', '-f', '-'], { input: JSON.stringify(made) });
  }

  async uidOf(name: string): Promise<string> {
    return this.kubectl.run(['get', 'pod', name, '-o', 'jsonpath={.metadata.uid}']);
  }

  /** Gives or takes the permission to read the names of customers; returns when kubectl had done so (epoch milliseconds). */
  async change(to: 'given' | 'taken'): Promise<number> {
    const sql = { tables: ['customers'], columns: ['name'], actions: ['read'] };
    if (to === 'given') await this.kubectl.apply(permission(this.namespace, 'names', 'app', 'shop', sql));
    else await this.kubectl.run(['delete', 'dbpermission', 'names', '--wait=false']);
    return Date.now();
  }

  /** Waits until what was changed is in force in every session, and says how long it took since `from`. */
  async inForce(to: 'given' | 'taken', from: number, within: number, since = 'kubectl'): Promise<void> {
    const sqlstate = to === 'given' ? '00000' : '42501';
    const at = await eventually(within, async () => {
      const found = inForceAt(await outcomes(this.kubectl, 'client', from), sqlstate);
      expect(found, `a permission that was ${to} is in force`).not.to.equal(undefined);
      return found ?? 0;
    });
    note(`a permission ${to} is in force ${seconds(at - from)} after ${since} (asked once a second)`);
  }

  /** Runs something and holds the client's log of that time against what should be: throws when a statement ended otherwise. */
  async during<T>(what: string, work: () => Promise<T>, { lost = false }: Allowance = {}): Promise<T> {
    const from = Date.now();
    const result = await work();
    const to = Date.now();
    await this.steady(what, from, to, lost);
    return result;
  }

  async steady(what: string, from: number, to: number, lost = false): Promise<void> {
    const seen = await outcomes(this.kubectl, 'client', from);
    const { allowed, denied, wrong, lost: gone, gap } = judge(seen, from, to);
    const text = `${what}, ${seconds(to - from)}: ${allowed} allowed and ${denied} denied statements as they should be`;
    note(`${text}, ${gone.length} connections lost, longest silence ${seconds(gap)}`);
    expect(wrong, what).to.deep.equal([]);
    if (!lost) expect(gone, what).to.deep.equal([]);
    const least = Math.floor((to - from) / 4000);
    expect(allowed, what).to.be.at.least(least);
    expect(denied, what).to.be.at.least(least);
  }

  /** Waits until connections are served again after a moment at which they were lost, and says how long it took. */
  async served(from: number, within: number): Promise<void> {
    const at = await eventually(within, async () => {
      const seen = (await outcomes(this.kubectl, 'client', from)).filter(({ statement }) => statement !== 'denied');
      const lost = seen.findLastIndex(({ statement }) => statement === undefined);
      const after = lost < 0 ? [] : seen.slice(lost + 1).filter(({ sqlstate }) => sqlstate === '00000');
      expect(after.length, 'statements after the last lost connection').to.be.greaterThan(3);
      return after[0]?.at ?? 0;
    });
    note(`served again after ${seconds(at - from)}`);
  }

  /** redis-cli with the operator's login, which may all there but what only an administrator may. */
  redis(...command: readonly string[]): Promise<string> {
    return this.redisAs('operator', ...command);
  }

  async redisAs(who: 'operator' | 'proxies', ...command: readonly string[]): Promise<string> {
    const path = `jsonpath={.data.${who}-password}`;
    const word = await this.operators.run(['get', 'secret', 'articdbm-evaluation', '-o', path]);
    const script = 'read -r REDISCLI_AUTH; export REDISCLI_AUTH; exec redis-cli --no-auth-warning --raw --user "$@"';
    const args = [
      'deployment/articdbm-evaluation-redis',
      '--',
      'sh',
      '-c',
      script,
      'sh',
      `articdbm-${who}`,
      ...command,
    ];
    return (
      await this.operators.run(['exec', '-i', ...args], { input: `${Buffer.from(word, 'base64').toString()}\n` })
    ).trim();
  }

  /** Whatever a failed case left away is there for the next story. */
  async restore(): Promise<void> {
    for (const part of ['redis', 'postgresql']) {
      await this.operators.run(['scale', `deployment/articdbm-evaluation-${part}`, '--replicas=1']);
    }
    await this.scaleOperator(2);
  }

  async scaleOperator(replicas: number): Promise<void> {
    await this.operators.run(['scale', 'deployment/articdbm-operator', `--replicas=${replicas}`]);
    const selector = ['-l', 'app.kubernetes.io/component=operator'];
    if (replicas === 0) {
      // A controller-manager whose API server was away comes back in its own time.
      await eventually(150, async () => {
        const pods = await this.operators.run(['get', 'pods', '-o', 'name', ...selector]);
        expect(pods.includes('articdbm-operator'), pods).to.equal(false);
      });
    } else
      await this.operators.run(['rollout', 'status', 'deployment/articdbm-operator', '--timeout=90s'], {
        seconds: 100,
      });
  }
}
