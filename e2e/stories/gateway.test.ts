import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../harness/program.ts';
import { psql } from '../harness/psql.ts';
import type { Answer } from '../harness/psql.ts';
import { install } from '../harness/release.ts';
import {
  account,
  backend,
  database,
  password,
  permission,
  pod,
  resourcesReady,
  secret,
  user,
} from '../harness/resources.ts';
import { story } from '../harness/story.ts';

const HERE = 'story-gateway';
const HOST = `orders-gateway.${HERE}.svc`;

async function selfSigned(host: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'articdbm-gateway-'));
  try {
    const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const name = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
    await run('openssl', ['req', '-x509', '-days', '2', ...curve, ...name, '-keyout', key, '-out', certificate]);
    return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

story('a gateway', [HERE], (scene, atEnd) => {
  const word = password();

  before('a gateway with TLS, and a client without a sidecar', async function () {
    this.timeout(240_000);
    const { cluster, kubectl } = scene();
    const server = database(HERE);
    const tls = await selfSigned(HOST);
    const other = await selfSigned(HOST);
    const trust = { certificate: tls.certificate, other: other.certificate };
    const app = pod(HERE, 'app', {
      account: 'default',
      container: { volumeMounts: [{ name: 'trust', mountPath: '/trust' }] },
      spec: { volumes: [{ name: 'trust', secret: { secretName: 'trust' } }] },
    });
    await cluster.kubectl.apply(
      ...server.objects,
      // As in production: the login is the gateway's alone.
      ...backend(HERE, 'orders', server, { gateways: ['orders-gateway'], sharedLogin: 'Forbid' }),
      secret(HERE, 'gateway-tls', { 'tls.crt': tls.certificate, 'tls.key': tls.key }),
      secret(HERE, 'trust', trust),
      secret(HERE, 'reporting', { password: word }),
      user(HERE, 'reporting', { passwordSecretRef: { name: 'reporting' } }),
      permission(HERE, 'orders', 'reporting', 'orders', { tables: ['orders'], actions: ['read'] }),
      account(HERE, 'app'),
      app,
    );
    await resourcesReady(kubectl);
    await kubectl.ready(60, 'pod/database', 'pod/app');
    const gateway = { name: 'orders-gateway', namespace: HERE, backends: ['orders'], replicas: 1 };
    await install(cluster, [{ ...gateway, tls: { secret: 'gateway-tls' } }]);
  });

  atEnd(() => install(scene().cluster, []));

  const ask = (statement: string, parts: string, secretWord = word): Promise<Answer> =>
    psql(scene().kubectl, 'app', statement, [
      `host=${HOST} user=reporting password=${secretWord} dbname=shop connect_timeout=10 ${parts}`,
    ]);
  const VERIFIED = 'sslmode=verify-full sslrootcert=/trust/certificate';

  it('serves whoever has the password, over TLS that the client verifies', async () => {
    expect(await ask('select count(*) from orders', VERIFIED)).to.deep.equal({ sqlstate: '00000', text: '3' });
  });

  it('serves without TLS where it is not required', async () => {
    expect((await ask('select count(*) from orders', 'sslmode=disable')).text).to.equal('3');
  });

  it('is not believed under another certificate', async () => {
    const parts = 'sslmode=verify-full sslrootcert=/trust/other';
    expect((await ask('select 1', parts)).text).to.match(/certificate verify failed/);
  });

  it('refuses what is not permitted', async () => {
    const { sqlstate, text } = await ask('select * from customers', VERIFIED);
    expect(sqlstate).to.equal('42501');
    expect(text).to.match(/user "reporting" may not select from relation "public.customers"/);
  });

  it('refuses a wrong password, an empty one, and an unknown user, in the same words', async () => {
    for (const guess of [password(), "''"]) {
      expect((await ask('select 1', 'sslmode=disable', guess)).text).to.match(
        /password authentication failed for user "reporting"|no password supplied/,
      );
    }
    expect((await ask('select 1', 'sslmode=disable user=nobody')).text).to.match(
      /password authentication failed for user "nobody"/,
    );
  });
});
