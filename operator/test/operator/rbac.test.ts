import { expect } from 'chai';
import https from 'node:https';
import { BOOTSTRAP_PATH } from '#contract/bootstrap/answer';
import { KEYS_SECRET, OPERATOR_LEASE, TLS_SECRET } from '#contract/names';
import { EVENTS, LEASES, SECRETS, type KubeObject, type ResourceKind } from '#operator/kube/resource';
import { MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS, WEBHOOKS_NAME } from '#operator/serving/webhook-bundles';
import { kindNamed } from '../chart/cluster.ts';
import { requireHelm, URLS, type Manifest } from '../chart/helm.ts';
import { stopApiServers } from '../harness/api-server.ts';
import { killOperators, OPERATOR_NAMESPACE, type OperatorProcess } from '../harness/operator.ts';
import { eventually } from '../publish/proxies.ts';
import { ClusterScene, pause, permission, SHOP, SIDECAR, tablesOf, user } from './cluster-scene.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
type Role = Manifest & { readonly rules: readonly Rule[] };

const OPERATOR = `system:serviceaccount:${OPERATOR_NAMESPACE}:articdbm-operator`;
const ROLES = ['Role articdbm-operator', 'ClusterRole articdbm-operator', 'ClusterRole articdbm-operator-watched'];
const LOST = user('shop/lost', { passwordSecretRef: { name: 'nowhere' } });

describe("with the chart's RBAC and no more", function () {
  this.timeout(240_000);
  let scene: ClusterScene;
  let roles: readonly Role[];
  let number = 0;
  let tables: readonly string[] = ['orders'];

  before(async function () {
    const rendered = requireHelm(this).render(URLS);
    roles = rendered.filter((one): one is Role => ROLES.includes(`${one.kind} ${one.metadata.name}`));
    expect(roles.length).to.equal(ROLES.length);
    scene = await ClusterScene.open(this, { users: [OPERATOR] });
    for (const one of rendered) {
      const isOurs = one.kind.endsWith('RoleBinding') && one.metadata.name.startsWith('articdbm-operator');
      if (isOurs) await scene.client.create(kindNamed(one.kind), one);
    }
    await scene.apply(...Object.values(SHOP));
  });
  beforeEach(async () => {
    await write(roles);
    for (const name of [KEYS_SECRET, TLS_SECRET])
      await put(SECRETS, { metadata: { namespace: OPERATOR_NAMESPACE, name } });
    for (const kind of [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS]) await put(kind, webhooks());
  });
  afterEach(killOperators);
  after(async () => {
    await (scene as ClusterScene | undefined)?.close();
    await stopApiServers();
  });

  /** Made, or put back as it is in the chart. */
  async function put(kind: ResourceKind, object: KubeObject): Promise<void> {
    const old = await scene.client.get(kind, object.metadata);
    if (old === undefined) await scene.client.create(kind, object);
    else await scene.client.update(kind, { ...object, metadata: { ...old.metadata, ...object.metadata } });
  }

  async function write(all: readonly Role[]): Promise<void> {
    for (const role of all) await put(kindNamed(role.kind), role);
    await pause(500); // the API server looks at what changed by a watch of its own
  }

  /** All but the rule for that resource of that role; with verbs, for exactly these. */
  const without = (role: string, resource: string, verbs?: string): readonly Role[] => {
    let taken = 0;
    const left = roles.map((one) => {
      if (`${one.kind} ${one.metadata.name}` !== role) return one;
      const rules = one.rules.filter((rule) => {
        const gone = rule.resources.includes(resource) && (verbs === undefined || String(rule.verbs) === verbs);
        if (gone) taken++;
        return !gone;
      });
      return { ...one, rules };
    });
    expect(taken, 'one rule is taken away').to.equal(1);
    return left;
  };

  const start = (): Promise<OperatorProcess> => scene.operator({ token: `${OPERATOR}-token`, seams: {} });
  const says = (operator: OperatorProcess, text: string): Promise<void> =>
    eventually(async () => (await operator.get('/readyz')).body.includes(text), text, 20_000);
  const warns = (operator: OperatorProcess, part: string): Promise<void> =>
    eventually(() => operator.log.some((line) => line.part === part && line.level === 'warn'), part, 20_000);
  async function leader(): Promise<OperatorProcess> {
    const operator = await start();
    await operator.ready();
    await operator.leads();
    return operator;
  }

  async function change(): Promise<void> {
    tables = [`t${String(++number)}`];
    await scene.apply(permission('shop/app-reads', 'app', 'prod/orders', tables));
    await scene.until(SIDECAR, (now) => String(tablesOf(now)) === String(tables), 20_000);
  }

  const observed = async (): Promise<boolean> => {
    const now = await scene.client.get<KubeObject & { readonly status?: { readonly observedGeneration?: number } }>(
      SHOP.permission.resource,
      SHOP.permission.object.metadata,
    );
    return now?.status?.observedGeneration === now?.metadata.generation;
  };
  const eventsOf = async (name: string): Promise<number> => {
    type Event = KubeObject & { readonly regarding: { readonly name: string } };
    const { items } = await scene.client.list<Event>(EVENTS, { namespace: 'shop' });
    return items.filter(({ regarding }) => regarding.name === name).length;
  };
  const bundles = async (): Promise<readonly (string | undefined)[]> => {
    type Configuration = KubeObject & {
      readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
    };
    const all = await Promise.all(
      [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS].map((kind) =>
        scene.client.get<Configuration>(kind, { name: WEBHOOKS_NAME }),
      ),
    );
    return all.map((one) => one?.webhooks[0]?.clientConfig.caBundle);
  };

  it('all of it works: leads, publishes, writes status, events and the CA, and answers proxies', async () => {
    const operator = await leader();
    await change();
    await eventually(observed, 'the status', 20_000);
    await scene.apply(LOST);
    await eventually(async () => (await eventsOf('lost')) > 0, 'an event', 20_000);
    await eventually(async () => (await bundles()).every((one) => (one ?? '') !== ''), 'the CA', 20_000);
    expect(await bootstrap(operator)).to.equal(401);
    const denied = await operator.get('/metrics');
    expect(denied.body).not.to.match(/api_requests_total\{[^}]*status="403"/);
    await scene.remove(LOST);
  });

  it('without its own Secrets it is not ready', async () => {
    await write(without('Role articdbm-operator', 'secrets'));
    await says(await start(), 'HTTPS is not served yet');
  });

  it('without the Lease nobody leads', async () => {
    await write(without('Role articdbm-operator', 'leases', 'get,update'));
    const operator = await start();
    await operator.ready();
    await warns(operator, 'election');
    expect(await operator.metric('articdbm_operator_leader')).to.equal(0);
  });

  it('without making Leases nobody leads where there is none', async () => {
    await write(without('Role articdbm-operator', 'leases', 'create'));
    await scene.client.delete(LEASES, { namespace: OPERATOR_NAMESPACE, name: OPERATOR_LEASE });
    const operator = await start();
    await operator.ready();
    await warns(operator, 'election');
    expect(await operator.metric('articdbm_operator_leader')).to.equal(0);
  });

  it('without TokenReviews no proxy is answered', async () => {
    await write(without('ClusterRole articdbm-operator', 'tokenreviews'));
    const operator = await start();
    await operator.ready();
    expect(await bootstrap(operator)).to.equal(503);
    await warns(operator, 'review');
  });

  it('without the webhook configurations the API server never learns of the CA', async () => {
    await write(without('ClusterRole articdbm-operator', 'mutatingwebhookconfigurations'));
    await warns(await leader(), 'webhooks');
    expect(await bundles()).to.deep.equal([undefined, undefined]);
  });

  it('without our kinds it is not ready', async () => {
    await write(without('ClusterRole articdbm-operator-watched', 'dbusers'));
    await says(await start(), 'dbusers are not listed yet');
  });

  it('without their status policy is in force, and nobody is told', async () => {
    const before = await leader();
    await change();
    await eventually(observed, 'the status', 20_000);
    await before.stop();
    await write(without('ClusterRole articdbm-operator-watched', 'dbusers/status'));
    const operator = await leader();
    await change();
    await warns(operator, 'reconcile');
    expect(await observed()).to.equal(false);
  });

  it('without Secrets what names one is not in force', async () => {
    await write(without('ClusterRole articdbm-operator-watched', 'secrets'));
    await leader();
    const ready = async (): Promise<string> => scene.readyCondition(SHOP.backend);
    await eventually(async () => (await ready()).startsWith('False'), `it says so, not ${await ready()}`, 30_000);
  });

  it('without pods it is not ready', async () => {
    await write(without('ClusterRole articdbm-operator-watched', 'pods'));
    await says(await start(), 'pods are not listed yet');
  });

  it('without events the status alone says why', async () => {
    await write(without('ClusterRole articdbm-operator-watched', 'events'));
    const operator = await leader();
    const before = await eventsOf('lost');
    await scene.apply(LOST);
    await eventually(async () => (await scene.readyCondition(LOST)).startsWith('False'), 'the status', 20_000);
    await warns(operator, 'events');
    expect(await eventsOf('lost')).to.equal(before);
    await scene.remove(LOST);
  });

  /** Status of the answer to a token that nobody issued. */
  function bootstrap(operator: OperatorProcess): Promise<number> {
    const headers = { authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.AAAA' };
    const target = { host: '127.0.0.1', port: operator.https, path: BOOTSTRAP_PATH, method: 'POST', headers };
    return new Promise((resolve, reject) => {
      const request = https.request({ ...target, rejectUnauthorized: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.once('error', reject);
      request.end();
    });
  }
});

/** As the chart's, but of nothing that is ever made here. */
function webhooks(): KubeObject {
  const clientConfig = { url: 'https://127.0.0.1:1/none' };
  const rules = [{ apiGroups: ['none.test'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nothing'] }];
  const webhook = {
    name: 'pods.articdbm.io',
    clientConfig,
    rules,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  return { metadata: { name: WEBHOOKS_NAME }, webhooks: [webhook] } as KubeObject;
}
