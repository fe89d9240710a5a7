import { expect } from 'chai';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { KEYS_SECRET, OPERATOR_LEASE, TLS_SECRET, TOKEN_AUDIENCE } from '#contract/names';
import { EVENTS, LEASES, SECRETS, type KubeObject } from '#operator/kube/resource';
import { stopApiServers } from '../harness/api-server.ts';
import { killOperators, type OperatorProcess } from '../harness/operator.ts';
import { ClusterScene, SHOP, SIDECAR } from '../operator/cluster-scene.ts';
import { eventually } from '../publish/proxies.ts';
import type { InForce } from '../publish/scene.ts';
import { kindNamed } from './cluster.ts';
import { NAMESPACE, requireHelm, URLS, type Manifest } from './helm.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
type Role = Manifest & { readonly rules: readonly Rule[] };

const OPERATOR = `system:serviceaccount:${NAMESPACE}:articdbm-operator`;
const QUICK = { election: { leaseMs: 3_000, actMs: 2_000, retryMs: 300 } };

interface Configuration extends KubeObject {
  readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

/** Each rule of the chart taken away alone, and what is then seen. docs/rbac.md says the same to people. */
describe('an operator with what the chart gives it', function () {
  this.timeout(120_000);
  let scene: ClusterScene;
  let roles: readonly Role[];

  before(async function () {
    const manifests = requireHelm(this).render(URLS);
    roles = manifests.filter((manifest): manifest is Role => manifest.kind.endsWith('Role'));
    scene = await ClusterScene.open(this, { users: [OPERATOR] });
    for (const manifest of manifests) {
      if (/Role$|Binding$|WebhookConfiguration$|^ServiceAccount$|^Secret$/.test(manifest.kind)) {
        await scene.client.create(kindNamed(manifest.kind), manifest);
      }
    }
    // The webhooks' Service leads nowhere here.
    await weaken('MutatingWebhookConfiguration');
    await weaken('ValidatingWebhookConfiguration');
    await scene.apply(...Object.values(SHOP));
  });
  afterEach(async () => {
    await killOperators();
    for (const role of roles)
      await scene.client.apply(kindNamed(role.kind), role, { fieldManager: 'chart', force: true });
  });
  after(async () => {
    await (scene as ClusterScene | undefined)?.close();
    await stopApiServers();
  });

  const weaken = async (kind: string, forget = false): Promise<void> => {
    const found = await scene.client.get<Configuration>(kindNamed(kind), { name: 'articdbm' });
    const webhooks = found?.webhooks.map(({ clientConfig, ...webhook }) => {
      const { caBundle, ...service } = clientConfig;
      const bundle = forget || caBundle === undefined ? {} : { caBundle };
      return { ...webhook, failurePolicy: 'Ignore', clientConfig: { ...service, ...bundle } };
    });
    await scene.client.mergePatch(kindNamed(kind), { name: 'articdbm' }, { webhooks });
  };
  const start = (): Promise<OperatorProcess> => scene.operator({ token: `${OPERATOR}-token`, seams: QUICK });

  /** The roles without the one rule that is about that resource (or, with a verb, that gives that verb for it). */
  const takeAway = async (
    role: `${'Role' | 'ClusterRole'} ${string}`,
    resource: string,
    verb?: string,
  ): Promise<void> => {
    const found = roles.find(({ kind, metadata }) => `${kind} ${metadata.name}` === role);
    if (found === undefined) throw new Error(`there is no ${role}`);
    const gone = ({ resources, verbs }: Rule): boolean =>
      resources.includes(resource) && (verb === undefined || verbs.includes(verb));
    expect(found.rules.filter(gone).length, 'rules that are taken away').to.equal(1);
    const rules = found.rules.filter((rule) => !gone(rule));
    await scene.client.mergePatch(kindNamed(found.kind), found.metadata, { rules });
    const index = found.rules.findIndex(gone);
    const { apiGroups, resourceNames } = found.rules[index] ?? { apiGroups: [], resourceNames: undefined };
    const question = {
      verb: verb ?? found.rules[index]?.verbs[0],
      group: apiGroups[0],
      resource,
      name: resourceNames?.[0],
    };
    await eventually(async () => !(await may(question)), 'the rule is gone');
  };
  const may = async (attributes: object): Promise<boolean> => {
    const spec = { user: OPERATOR, resourceAttributes: { ...attributes, namespace: NAMESPACE } };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
    return (
      await scene.client.request<{ readonly status: { readonly allowed: boolean } }>({ method: 'POST', path, body })
    ).status.allowed;
  };
  const refused = (operator: OperatorProcess, what: string): Promise<void> =>
    eventually(() => new RegExp(`${what}[^"]*: 403`).test(operator.output()), `a refusal of ${what}`, 20_000).catch(
      () => {
        throw new Error(`nothing was refused: ${operator.output().slice(-3_000)}`);
      },
    );
  const inForce = (): Promise<unknown> => scene.until(SIDECAR, (now) => (now?.snapshot.backends.length ?? 0) > 0);
  const begin = async (): Promise<OperatorProcess> => {
    const operator = await start();
    await operator.ready();
    await operator.leads();
    return operator;
  };
  const bundles = async (): Promise<readonly (string | undefined)[]> => {
    const found = await scene.client.get<Configuration>(kindNamed('MutatingWebhookConfiguration'), {
      name: 'articdbm',
    });
    return found?.webhooks.map(({ clientConfig }) => clientConfig.caBundle) ?? [];
  };
  const refusedPod = {
    metadata: { name: 'app', labels: { 'articdbm.io/inject': 'true' } },
    spec: { containers: [{ name: 'app' }] },
  };
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'shop',
      operation: 'CREATE',
      object: refusedPod,
      oldObject: null,
    },
  };
  /** Which is what the API server says of it, if asked. */
  const tokenOfNoPod = async (): Promise<string> => {
    const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/articdbm-operator/token`;
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [TOKEN_AUDIENCE] },
    };
    const made = await scene.client.request<{ readonly status: { readonly token: string } }>({
      method: 'POST',
      path,
      body,
    });
    return made.status.token;
  };
  const events = async (): Promise<readonly KubeObject[]> =>
    (await scene.client.list(EVENTS, { namespace: 'shop' })).items;

  it('does all that it is there for, and is refused nothing', async () => {
    const operator = await begin();
    await inForce();
    await eventually(async () => (await scene.readyCondition(SHOP.user)).startsWith('True'), 'the status');
    await eventually(async () => (await bundles()).every((bundle) => bundle !== undefined), 'the caBundle');
    const { status, text } = await post(operator, '/v1/bootstrap', await tokenOfNoPod());
    expect(status, text).to.equal(403);
    expect(text).to.contain('NotBoundToAPod');
    await post(operator, '/mutate', undefined, review);
    await eventually(async () => (await events()).length > 0, 'an event');
    expect(operator.output()).not.to.match(/: 403/);
  });

  it('without its own Secrets no replica becomes ready', async () => {
    await takeAway('Role articdbm-operator', 'secrets', 'update');
    for (const name of [KEYS_SECRET, TLS_SECRET]) {
      await scene.client.delete(SECRETS, { namespace: NAMESPACE, name });
      await scene.client.create(SECRETS, { metadata: { namespace: NAMESPACE, name } });
    }
    const operator = await start();
    await refused(operator, `PUT /api/v1/namespaces/${NAMESPACE}/secrets/${KEYS_SECRET}`);
    expect(await operator.get('/readyz')).to.deep.include({ status: 503 });
  });

  it('without its Lease nobody leads', async () => {
    await takeAway('Role articdbm-operator', 'leases', 'update');
    const operator = await start();
    await operator.ready();
    await refused(operator, `leases/${OPERATOR_LEASE}`);
    expect(await operator.metric('articdbm_operator_leader')).to.equal(0);
  });

  it('without creating Leases nobody leads where there is none', async () => {
    await takeAway('Role articdbm-operator', 'leases', 'create');
    await scene.client.delete(LEASES, { namespace: NAMESPACE, name: OPERATOR_LEASE });
    const operator = await start();
    await operator.ready();
    await refused(operator, `POST [^ ]*/namespaces/${NAMESPACE}/leases`);
    expect(await operator.metric('articdbm_operator_leader')).to.equal(0);
  });

  it('without TokenReviews no proxy gets keys', async () => {
    await takeAway('ClusterRole articdbm-operator', 'tokenreviews');
    const operator = await begin();
    const { status } = await post(operator, '/v1/bootstrap', await tokenOfNoPod());
    expect(status).to.equal(503);
  });

  it('without the webhook configurations they name no caBundle', async () => {
    for (const kind of ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']) await weaken(kind, true);
    await takeAway('ClusterRole articdbm-operator', 'mutatingwebhookconfigurations');
    const operator = await begin();
    await refused(operator, 'mutatingwebhookconfigurations/articdbm');
    expect(await bundles()).to.deep.equal([undefined]);
  });

  for (const [resource, plural] of [
    ['dbusers', 'dbusers'],
    ['pods', 'pods'],
  ] as const) {
    it(`without watching ${resource} no replica becomes ready`, async () => {
      await takeAway('ClusterRole articdbm-operator-watched', resource);
      const operator = await start();
      await refused(operator, `GET [^ ]*/${plural}`);
      const { status, body } = await operator.get('/readyz');
      expect(status).to.equal(503);
      expect(body).to.contain(plural);
    });
  }

  it('without statuses policy is in force and nothing says so', async () => {
    await scene.remove(SHOP.user);
    await scene.apply(SHOP.user);
    await takeAway('ClusterRole articdbm-operator-watched', 'dbusers/status');
    const operator = await begin();
    await refused(operator, 'PATCH [^ ]*/dbusers/app/status');
    await inForce();
    expect(await scene.readyCondition(SHOP.user)).to.equal('none');
  });

  it('without Secrets of others a user with a password can not log in at a gateway, and its status says why', async () => {
    await scene.remove(SHOP.user);
    await takeAway('ClusterRole articdbm-operator-watched', 'secrets');
    await begin();
    await scene.apply(SHOP.user);
    const said = (): Promise<string> => scene.readyCondition(SHOP.user);
    await eventually(async () => (await said()).startsWith('False SecretForbidden'), 'the status', 20_000);
    expect(await said()).to.contain('may not get Secret shop/app-password');
    const users = (now: InForce | undefined) => now?.snapshot.backends.flatMap((each) => each.users) ?? [];
    // Nobody's password is right.
    await scene.until('prod/gateway', (now) => users(now).length === 1 && users(now)[0]?.verifier === undefined);
  });

  it('without events no event says why a pod was refused, and the pod is refused all the same', async () => {
    const before = (await events()).length;
    await takeAway('ClusterRole articdbm-operator-watched', 'events');
    const operator = await begin();
    const { text } = await post(operator, '/mutate', undefined, review);
    expect(text).to.contain('"allowed":false');
    await sleep(1_000);
    expect((await events()).length).to.equal(before);
    await inForce();
  });
});

/** The operator's HTTPS, whose certificate is of a CA that nothing here needs to know. */
function post(operator: OperatorProcess, path: string, token: string | undefined, body?: object) {
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const options = { host: '127.0.0.1', port: operator.https, path, method: 'POST', rejectUnauthorized: false };
    const sent = request({ ...options, headers: { ...headers, 'content-type': 'application/json' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}
