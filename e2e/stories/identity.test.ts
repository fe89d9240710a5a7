import { expect } from 'chai';
import { BOOTSTRAP_PATH, parseBootstrap, parsePolicyText, POLICY_PATH } from '#contract/bootstrap/answer';
import type { Bootstrap } from '#contract/bootstrap/answer';
import { parseSnapshot } from '#contract/snapshot/parse';
import { openDocument } from '#contract/snapshot/seal';
import type { Snapshot } from '#contract/snapshot/types';
import { eventually } from '../harness/eventually.ts';
import { askOperator, get, handMade, known, readFile, tokenOf } from '../harness/hand-made.ts';
import type { Asked, HandMade, Known } from '../harness/hand-made.ts';
import type { Kubectl, Manifest } from '../harness/kubectl.ts';
import { psql } from '../harness/psql.ts';
import { account, backend, database, password, permission, pod, secret, user } from '../harness/resources.ts';
import type { Database } from '../harness/resources.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-identity';
const ELSEWHERE = 'story-identity-other';
const THERE = 'story-identity-db';
const SHOP = `${THERE}/shop`;
const reading = { tables: ['orders'], actions: ['read'] };

/** Who may make pods here or in another namespace: which of these gets a login, a key or a policy that is not its own? */
story('a pod that wishes to be another', [HERE, ELSEWHERE, THERE], (scene) => {
  const clerk = password();
  let server: Database;
  let here: Kubectl;
  let elsewhere: Kubectl;
  let there: Kubectl;
  let what: Known;
  /** What a pod of the account `app` is told: it is somebody. */
  let app: Bootstrap;

  before('a shop, and pods that somebody made by hand', async function () {
    this.timeout(240_000);
    const { cluster } = scene();
    [here, elsewhere, there] = [HERE, ELSEWHERE, THERE].map((name) => cluster.kubectl.in(name)) as [
      Kubectl,
      Kubectl,
      Kubectl,
    ];
    server = database(THERE);
    what = await known(cluster);
    const consumers = [{ namespace: HERE, ceiling: [{ sql: reading }] }];
    const make = (parts: Omit<HandMade, 'namespace'> & { readonly namespace?: string }): Manifest =>
      handMade(what, { namespace: HERE, ...parts });
    const psqlBeside = { name: 'app', image: 'docker.io/library/postgres:18', command: ['sleep', 'infinity'] };
    const listen = `--listen=${SHOP}=127.0.0.1:15432`;
    await cluster.kubectl.apply(
      ...server.objects,
      ...backend(THERE, 'shop', server, { consumers, gateways: ['gateway'] }),
      ...['app', 'stranger'].map((name) => account(HERE, name)),
      account(ELSEWHERE, 'app'),
      ...['gateway', 'clerk'].map((name) => account(THERE, name)),
      user(HERE, 'app', { serviceAccounts: ['app'] }),
      permission(HERE, 'orders', 'app', SHOP, reading),
      secret(THERE, 'clerk-password', { password: clerk }),
      user(THERE, 'clerk', { passwordSecretRef: { name: 'clerk-password' } }),
      permission(THERE, 'clerk', 'clerk', 'shop', reading),
      // Nobody consented to this one, though it says the same as the one that is in force.
      user(ELSEWHERE, 'app', { serviceAccounts: ['app'] }),
      permission(ELSEWHERE, 'orders', 'app', SHOP, reading),
      pod(HERE, 'client', { account: 'app', backends: SHOP }),
      make({ name: 'own', account: 'app' }),
      make({ name: 'stranger', account: 'stranger' }),
      make({ name: 'elsewhere', account: 'app', namespace: ELSEWHERE }),
      make({ name: 'wrong-audience', account: 'app', audience: 'articdbm.io.example' }),
      make({ name: 'api-token', account: 'app', audience: 'https://kubernetes.default.svc.cluster.local' }),
      make({ name: 'passing', account: 'app' }),
      ...((['stranger', 'app'] as const).flatMap((who) => [
        make({
          name: `sidecar-of-${who}`,
          account: who,
          ...(who === 'app' ? { namespace: ELSEWHERE } : {}),
          flags: ['--mode=sidecar', listen],
          containers: [psqlBeside],
        }),
        make({ name: `gateway-of-${who}`, account: who, flags: ['--mode=gateway', listen], containers: [psqlBeside] }),
      ]) as never[]),
    );
    await there.ready(90, 'pod/database');
    await here.ready(90, 'pod/client', 'pod/own', 'pod/stranger', 'pod/wrong-audience', 'pod/api-token', 'pod/passing');
    await elsewhere.ready(30, 'pod/elsewhere');
    const asked = await askOperator(here, 'own', { path: BOOTSTRAP_PATH, ca: what.ca });
    app = parseBootstrap(asked.body);
  });

  const enrol = async (kubectl: Kubectl, name: string): Promise<Bootstrap> => {
    const { status, body } = await askOperator(kubectl, name, { path: BOOTSTRAP_PATH, ca: what.ca });
    expect(status, JSON.stringify(body)).to.equal(200);
    return parseBootstrap(body);
  };

  const policyOf = async (kubectl: Kubectl, name: string, { scope, keys }: Bootstrap): Promise<Snapshot> => {
    const { body } = await askOperator(kubectl, name, { path: POLICY_PATH, ca: what.ca });
    const document = Buffer.from(parsePolicyText(body).document ?? '', 'base64');
    expect(openDocument(document, app.scope, (id) => app.keys.get(id)?.seal).kind === 'opened').to.equal(
      scope === app.scope,
    );
    const opened = openDocument(document, scope, (id) => keys.get(id)?.seal);
    return parseSnapshot(opened.kind === 'opened' ? opened.plaintext : '');
  };

  it('is somebody under its own account: the right pod gets its login and its policy', async () => {
    expect(app.scope).to.equal(`${HERE}/app`);
    expect(app.logins.map(({ backend: at, username }) => [at, username])).to.deep.equal([[SHOP, 'shop_login']]);
    const { backends } = await policyOf(here, 'own', app);
    expect(backends.flatMap(({ users }) => users.map(({ ref }) => ref))).to.deep.equal([`${HERE}/app`]);
    expect((await psql(here, 'client', 'select count(*) from orders')).text).to.equal('3');
  });

  for (const [title, name, scope] of [
    ['another account', 'stranger', `${HERE}/stranger`],
    ['the same account in another namespace', 'elsewhere', `${ELSEWHERE}/app`],
  ] as const) {
    it(`${title} that projects the audience by hand is nobody: no login, no policy, keys of its own`, async () => {
      const kubectl = name === 'elsewhere' ? elsewhere : here;
      const told = await enrol(kubectl, name);
      expect(told.scope).to.equal(scope);
      expect(told.logins).to.deep.equal([]);
      for (const [id, key] of told.keys) {
        expect(key.seal.equals(app.keys.get(id)?.seal ?? key.seal)).to.equal(false);
        expect(key.mac.equals(app.keys.get(id)?.mac ?? key.mac)).to.equal(false);
      }
      expect(told.mock.equals(app.mock)).to.equal(false);
      expect((await policyOf(kubectl, name, told)).backends).to.deep.equal([]);
    });
  }

  it('a token of no pod, of another audience, of a pod that is gone, or none at all is refused', async () => {
    const ask = (token: string): Promise<Asked> =>
      askOperator(here, 'own', { path: BOOTSTRAP_PATH, ca: what.ca, token });
    const unbound = (await here.run(['create', 'token', 'app', '--audience=articdbm.io'])).trim();
    const gone = await tokenOf(here, 'passing');
    expect((await ask(gone)).status, 'while the pod is there').to.equal(200);
    await here.run(['delete', 'pod', 'passing', '--grace-period=1']);
    const refused: [string, string, string][] = [
      ['none', '', 'NoToken'],
      ['unbound', unbound, 'NotAPod'],
      ['of another audience', await tokenOf(here, 'wrong-audience'), 'TokenRefused'],
      ['of the API', await tokenOf(here, 'api-token'), 'TokenRefused'],
    ];
    for (const [title, token] of refused) {
      const { status, body } = await ask(token);
      expect([401, 403], `${title}: ${JSON.stringify(body)}`).to.include(status);
      expect(body).to.have.keys('reason', 'message');
    }
    const began = performance.now();
    await eventually(30, async () => expect((await ask(gone)).status).to.be.oneOf([401, 403]));
    note(`a deleted pod's token is refused ${((performance.now() - began) / 1000).toFixed(1)} s after the pod is gone`);
  });

  for (const [name, kubectl, waits] of [
    ['sidecar-of-stranger', () => here, /waiting for a DbUser whose spec.serviceAccounts names stranger/],
    ['sidecar-of-app', () => elsewhere, /waiting for a DbUser whose spec.serviceAccounts names app/],
    ['gateway-of-stranger', () => here, /spec.gateways does not name ServiceAccount stranger/],
    ['gateway-of-app', () => here, /^200 ok$/m],
  ] as const) {
    it(`a proxy that is run by hand: ${name} serves nobody`, async () => {
      const there = kubectl();
      await there.ready(60, `pod/${name}`);
      const said = await eventually(20, async () => {
        const stdout = await get(there, name, 'http://127.0.0.1:19090/readyz');
        expect(stdout).to.match(waits);
        return stdout;
      });
      note(`${name}: ${said.trim()}`);
      for (const login of ['articdbm', 'app', 'clerk', 'shop_login']) {
        const target = `postgresql://${login}:${clerk}@127.0.0.1:15432/shop`;
        const { sqlstate, text } = await psql(there, name, 'select count(*) from orders', [target]);
        expect(sqlstate, `${login}: ${text}`).not.to.equal('00000');
      }
      const kept = await readFile(there, name, '/run/articdbm/state/bootstrap.json');
      if (name !== 'gateway-of-app') expect(kept).not.to.contain(server.login); // that account is somebody
      for (const { seal } of name === 'gateway-of-app' ? [] : app.keys.values()) {
        expect(kept).not.to.contain(seal.toString('base64url'));
      }
    });
  }
});
