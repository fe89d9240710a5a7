import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { BOOTSTRAP_PATH } from '#contract/bootstrap/answer';
import { makeCertificate } from '#test/harness/certificate';
import { eventually } from '../../../operator/test/publish/proxies.ts';
import { Cluster, login, READS, refusal, SCOPE, TOKEN } from './scene.ts';

const ANNA = { name: 'anna', ...READS };

describe('a proxy enrols', () => {
  let cluster: Cluster;

  before(async function () {
    cluster = await Cluster.make(this);
  });
  beforeEach(() => cluster.reset());
  afterEach(async () => {
    await cluster.operator.stop();
    await cluster.operator.start();
    const output = await cluster.removePods();
    for (const secret of [TOKEN, cluster.postgres.password, cluster.operator.mock])
      expect(output).not.to.include(secret);
  });
  after(() => (cluster as Cluster | undefined)?.stop());

  it('with its token, and then serves by what it was given', async () => {
    await cluster.publish({ bound: [ANNA] });
    const pod = await cluster.pod().start();
    await pod.ready();
    const client = await login(pod);
    expect((await client.query('select id from open')).map(({ type }) => type).join('')).to.equal('TDCZ');
    await client.close();
    expect(cluster.operator.asked[0]).to.deep.equal([BOOTSTRAP_PATH, TOKEN]);
    expect(await pod.metric('articdbm_proxy_bootstrap_attempts_total{outcome="ok"}')).to.equal(1);
    expect(await pod.metric('articdbm_proxy_policy_state{state="fresh"}')).to.equal(1);
  });

  it('keeps the answer where nobody else can read it', async () => {
    await cluster.publish({ bound: [ANNA] });
    const pod = await cluster.pod().start();
    await pod.ready();
    const file = path.join(pod.state, 'bootstrap.json');
    await eventually(async () => (await stat(file).catch(() => undefined)) !== undefined, 'kept');
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(await readFile(file, 'utf8')).not.to.include(TOKEN);
  });

  it('waits for an operator that is not there, alive and saying so, and begins when it comes', async () => {
    await cluster.publish({ bound: [ANNA] });
    await cluster.operator.stop();
    const pod = await cluster.pod().start();
    await pod.says(
      /^waiting for keys and logins: the operator at https:\/\/localhost:\d+ can not be reached \(ECONNREFUSED\)$/,
    );
    expect((await pod.readyz())?.status).to.equal(503);
    expect((await fetch(`http://127.0.0.1:${String(pod.admin)}/healthz`)).status).to.equal(200);
    expect((await refusal(pod))[0], 'its listener is open and says what is missing').to.equal('57P03');
    await eventually(() => /"what":"waiting".*ECONNREFUSED/.test(pod.output), 'it stands in the log on stdout');
    await cluster.operator.start();
    await pod.ready();
    expect(await refusal(pod)).to.deep.equal(['ok']);
  });

  for (const [situation, status, body, said] of [
    [
      'a token that is not accepted',
      401,
      { reason: 'TokenInvalid', message: 'the token is not good' },
      /refuses this pod, 401: the token is not good \(TokenInvalid\)/,
    ],
    [
      'a token that is of no pod',
      403,
      { reason: 'NotOfAPod', message: 'use a projected one' },
      /refuses this pod, 403: use a projected one/,
    ],
    [
      'an operator that has not seen all yet',
      503,
      { reason: 'NotSynced', message: 'ask again' },
      /can not answer now, 503: ask again/,
    ],
    ['an operator that has too much to do', 429, '', /can not answer now, 429$/],
    ['an operator that fails', 500, '<html>secret</html>', /can not answer now, 500$/],
    [
      'an answer of another version',
      200,
      { scope: SCOPE, keys: [] },
      /is not understood: are operator and proxy of one version/,
    ],
    ['an answer that is no JSON', 200, 'secret', /is not understood/],
    ['a redirection', 302, '', /can not answer now, 302$/],
    ['words with line breaks', 403, { reason: 'X', message: 'a\nb\u001b[31m' }, /403: a b \[31m \(X\)$/],
  ] as const) {
    it(`waits on ${situation}, says why, and goes on when that is over`, async () => {
      await cluster.publish({ bound: [ANNA] });
      cluster.operator.reply = { status, body };
      const pod = await cluster.pod().start();
      expect(await pod.says(said)).not.to.include('secret');
      cluster.operator.reply = undefined;
      await pod.ready();
    });
  }

  it('believes no operator whose certificate is of another CA, and shows it no token', async () => {
    const stranger = makeCertificate();
    await cluster.operator.stop();
    await cluster.operator.start(stranger);
    const pod = await cluster.pod().start();
    await pod.says(/is not believed \([A-Z_]+\): its certificate must be of the CA that was given, for localhost/);
    expect(cluster.operator.asked).to.deep.equal([]);
    await eventually(
      async () => Number(await pod.metric('articdbm_proxy_bootstrap_attempts_total{outcome="untrusted"}')) > 1,
      'it tries again',
    );
  });

  it('nor one whose certificate is for another name', async () => {
    const elsewhere = makeCertificate('elsewhere.example');
    await cluster.operator.stop();
    await cluster.operator.start(elsewhere);
    const pod = await cluster.pod({ ca: elsewhere.ca }).start();
    await pod.says(/is not believed \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
    expect(cluster.operator.asked).to.deep.equal([]);
  });

  it('takes the CA from a file too, and waits for that', async () => {
    await cluster.publish({ bound: [ANNA] });
    const pod = cluster.pod({ ca: '/nonexistent' });
    await pod.start();
    await pod.says(/^waiting for keys and logins: the operator's CA \/nonexistent can not be read \(ENOENT\)/);
    await pod.end('SIGKILL');
    const other = cluster.pod({ ca: `${pod.folder}/ca.crt` });
    await writeFile(`${pod.folder}/ca.crt`, cluster.operator.certificate.ca);
    await (await other.start()).ready();
  });

  it('reads the token afresh each time: one that is renewed is used', async () => {
    await cluster.publish({ bound: [ANNA] });
    const pod = cluster.pod({ token: 'an.old.one' });
    await pod.start();
    await pod.says(/401/);
    await writeFile(pod.tokenFile, `${TOKEN}\n`);
    await pod.ready();
  });

  it('says so when there is no token in the file', async () => {
    const empty = cluster.pod({ token: ' ' });
    await empty.start();
    await empty.says(/^waiting for keys and logins: the token file .*\/token holds no token$/);
  });

  it('says which policy, backend, user or login it waits for, one after the other', async () => {
    cluster.giveLogins();
    const pod = await cluster.pod().start();
    await pod.says(/^waiting for policy of shop\/app: the operator can not answer now, 503: ask again \(NotYet\)$/);
    await cluster.publish({ format: 1, scope: SCOPE, backends: [] });
    await pod.says(
      /^waiting for a DbUser whose spec.serviceAccounts names app, with a DbPermission for DatabaseBackend prod\/orders/,
    );
    await cluster.publish({ others: [{ ...ANNA, password: 'x' }] });
    await pod.says(/^waiting for a DbUser whose spec.serviceAccounts names app/);
    await cluster.publish({ bound: [ANNA] });
    await pod.says(/^waiting for a login for DbUser test\/anna: .*sharedLogin: Forbid\): set it to Allow/);
    expect(await refusal(pod)).to.deep.equal([
      '57P03',
      'the proxy has no login for this backend yet',
      'DatabaseBackend prod/orders hands its login to gateways only (spec.sharedLogin: Forbid): set it to Allow, or connect DbUser test/anna through a gateway.',
    ]);
    cluster.giveLogins('anna');
    await pod.says(/^ok$/, 20_000);
    expect(await refusal(pod)).to.deep.equal(['ok']);
  });

  it('asks until there is the login that it waits for, though nobody connects', async () => {
    cluster.giveLogins();
    await cluster.publish({ bound: [ANNA] });
    const pod = await cluster.pod().start();
    await pod.says(/^waiting for a login for DbUser test\/anna/);
    const asked = cluster.operator.times('/v1/bootstrap');
    await eventually(() => cluster.operator.times('/v1/bootstrap') >= asked + 2, 'it asks again and again', 20_000);
    cluster.giveLogins('anna');
    await pod.says(/^ok$/, 20_000);
  });

  it('a gateway waits for its backend and login, and not for users', async () => {
    cluster.giveLogins();
    await cluster.publish({ format: 1, scope: SCOPE, backends: [] });
    const pod = await cluster.pod({ mode: 'gateway' }).start();
    await pod.says(/^waiting for DatabaseBackend prod\/orders: .*spec.gateways does not name ServiceAccount app$/);
    await cluster.publish({ others: [{ ...ANNA, password: 'x' }] });
    await pod.says(/^waiting for a login for DbUser test\/anna: .*spec.credentialsSecretRef/);
    await cluster.publish({});
    await pod.ready();
  });

  it('asks again at once for the login of a user who is new', async () => {
    cluster.giveLogins('anna');
    await cluster.publish({ bound: [ANNA] });
    const pod = await cluster.pod().start();
    await pod.ready();
    cluster.giveLogins('anna', 'bert');
    await cluster.publish({ bound: [ANNA, { name: 'bert', ...READS }] });
    await eventually(async () => (await refusal(pod, { user: 'bert' }))[0] === 'ok', 'bert gets in', 3_000);
  });

  it('asks again when the server refuses the login, and not at every connection', async () => {
    await cluster.publish({ bound: [ANNA] });
    const [right] = cluster.operator.logins;
    cluster.operator.logins = cluster.operator.logins.map((each) => ({ ...each, password: 'wrong' }));
    const pod = await cluster.pod().start();
    await pod.ready();
    expect((await refusal(pod))[0]).to.equal('08004');
    cluster.operator.logins = right === undefined ? [] : [right];
    await eventually(async () => (await refusal(pod))[0] === 'ok', 'the right one is had');
    expect(cluster.operator.times(BOOTSTRAP_PATH)).to.equal(2);
  });
});
