import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import https from 'node:https';
import tls from 'node:tls';
import { expect } from 'chai';
import { ownSecret } from '#operator/keys/own-secret';
import type { KubeClient } from '#operator/kube/client';
import { SECRETS, type KubeObject } from '#operator/kube/resource';
import { openCertificates, type CertificateOptions, type Certificates } from '#operator/serving/certificates';
import { CertificatesError } from '#operator/serving/certificate-state';
import { MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS, keepWebhookBundles } from '#operator/serving/webhook-bundles';
import { NotLeadingError, type Leadership } from '#operator/runtime/election';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';
import { ask, ENVIRONMENT, makeSecret, NAMESPACE, SERVER_NAME, startReplica, until } from './scene.ts';

const REF = { namespace: NAMESPACE, name: 'articdbm-tls' };
const DAY = 86_400_000;
const HOSTS: CertificateOptions['hosts'] = [SERVER_NAME, '127.0.0.1'];
type SecretObject = KubeObject & { readonly data?: Readonly<Record<string, string>> };
interface Webhooks extends KubeObject {
  readonly webhooks: readonly {
    readonly name: string;
    readonly clientConfig: { readonly url?: string; readonly caBundle?: string };
  }[];
}

describe("the operator's certificates, by several replicas on a real API server", function () {
  this.timeout(60_000);
  let server: ApiServer;
  let client: KubeClient;
  const opened: Certificates[] = [];
  const errors: unknown[] = [];
  before(async function () {
    server = await requireApiServer(this);
    client = server.client();
    await server.installCrds();
    await server.createNamespaces(NAMESPACE);
  });
  afterEach(async () => {
    for (const certificates of opened.splice(0)) certificates.stop();
    errors.splice(0);
    await client.delete(SECRETS, REF);
  });
  after(stopApiServers);

  const open = async (options: Partial<CertificateOptions> = {}): Promise<Certificates> => {
    const onError = (error: unknown): void => void errors.push(error);
    const secret = ownSecret(client, REF);
    const all = { ...ENVIRONMENT, secret, hosts: HOSTS, onError, ...options };
    const certificates = await openCertificates(all, AbortSignal.timeout(10_000));
    opened.push(certificates);
    return certificates;
  };
  const at = (moment: number) => ({ wall: () => moment });
  const stored = (): Promise<SecretObject | undefined> => client.get<SecretObject>(SECRETS, REF);
  const version = async (): Promise<string> => (await stored())?.metadata.resourceVersion ?? '';
  const leafOf = (certificates: Certificates): X509Certificate => new X509Certificate(certificates.served().cert);
  const rootsIn = (certificates: Certificates): number => certificates.caBundle().split('BEGIN').length - 1;

  /** What a client that trusts exactly this makes of it. undefined: accepted. */
  async function handshake(served: Certificates, ca: string, servername = SERVER_NAME): Promise<string | undefined> {
    const listener = tls.createServer(served.served()).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as { port: number };
    const socket = tls.connect({ host: '127.0.0.1', port, ca, servername });
    const outcome = await Promise.race([
      once(socket, 'secureConnect').then(() => undefined),
      once(socket, 'error').then(([error]) => (error as NodeJS.ErrnoException).code ?? ''),
    ]).catch((error: unknown) => (error as NodeJS.ErrnoException).code ?? '');
    socket.destroy();
    listener.close();
    return outcome;
  }

  it('eight replicas that begin at once show the same certificate, which its root vouches for', async () => {
    await makeSecret(client, 'articdbm/articdbm-tls', {});
    const all = await Promise.all(Array.from({ length: 8 }, () => open()));
    const [first] = all;
    expect(new Set(all.map((one) => one.served().cert)).size).to.equal(1);
    expect(new Set(all.map((one) => one.caBundle())).size).to.equal(1);
    expect(await handshake(first!, first!.caBundle())).to.equal(undefined);
    expect(await handshake(first!, first!.caBundle(), 'articdbm.other.svc')).to.equal('ERR_TLS_CERT_ALTNAME_INVALID');
    const days = (first!.ends() - Date.now()) / DAY;
    expect(days).to.be.within(29.9, 30);
  });

  it('a Secret of type kubernetes.io/tls with empty entries is filled', async () => {
    const data = { 'tls.crt': '', 'tls.key': '' };
    await client.create<SecretObject & { type: string }>(SECRETS, { metadata: REF, type: 'kubernetes.io/tls', data });
    const certificates = await open();
    expect(await handshake(certificates, certificates.caBundle())).to.equal(undefined);
  });

  it('a leaf with ten days left is made anew once, by the same root; before that nothing is written', async () => {
    const first = await open();
    const before = await version();
    await open(at(Date.now() + 19.9 * DAY));
    expect(await version()).to.equal(before);
    const [one, other] = await Promise.all([open(at(Date.now() + 20.1 * DAY)), open(at(Date.now() + 20.1 * DAY))]);
    expect(one.served().cert).to.equal(other.served().cert).and.not.equal(first.served().cert);
    expect(one.caBundle()).to.equal(first.caBundle());
  });

  it('replicas with clocks weeks apart agree in the end, and none makes what another can not accept', async () => {
    const skews = [-20, -3, 0, 3, 20];
    const all = await Promise.all(skews.map((days) => open(at(Date.now() + days * DAY))));
    for (let round = 0; round < 3; round++) for (const one of all) await one.refresh();
    const before = await version();
    for (const one of all) await one.refresh();
    expect(await version(), 'nobody writes any more').to.equal(before);
    expect(new Set(all.map((one) => one.served().cert)).size).to.equal(1);
    expect(await handshake(all[0]!, all[0]!.caBundle()), 'by the real clock').to.equal(undefined);
  });

  it('a first root by a replica whose clock is months ahead holds now', async () => {
    const ahead = await open(at(Date.now() + 200 * DAY));
    expect(await handshake(ahead, ahead.caBundle())).to.equal(undefined);
  });

  it('two years before its end a root is followed by another: who trusts the old one alone, the new one alone, or both, goes on', async () => {
    const old = await open(at(Date.now() - 8.1 * 365 * DAY));
    const quiet = await open(at(Date.now() - 0.2 * 365 * DAY));
    expect(rootsIn(quiet)).to.equal(1);
    const next = await open();
    expect(rootsIn(next)).to.equal(2);
    const [newRoot = ''] = next.caBundle().split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(old.caBundle()).to.not.contain(newRoot);
    for (const ca of [old.caBundle(), newRoot, next.caBundle()]) expect(await handshake(next, ca)).to.equal(undefined);
    const stranger = await startOver();
    expect(await handshake(next, stranger.caBundle())).to.not.equal(undefined);
  });

  /** Another operator's root altogether. */
  async function startOver(): Promise<Certificates> {
    const other = { ...REF, name: 'other-tls' };
    const made = await open({ secret: ownSecret(client, other) });
    await client.delete(SECRETS, other);
    return made;
  }

  it('a root that has ended is taken out, when a leaf is made', async () => {
    await open();
    await open(at(Date.now() + 8.1 * 365 * DAY));
    const late = await open(at(Date.now() + 10.1 * 365 * DAY));
    expect(rootsIn(late)).to.equal(1);
    expect(late.served().cert.split('BEGIN')).to.have.length(2);
  });

  for (const [entry, value] of [
    ['tls.crt', 'no certificate'],
    ['tls.key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['tls.key', ''],
  ] as const) {
    it(`a leaf whose ${entry} was ${value === '' ? 'emptied' : 'broken'} is made anew by the same root`, async () => {
      const before = await open();
      await client.mergePatch(SECRETS, REF, { data: { [entry]: Buffer.from(value).toString('base64') } });
      const after = await open();
      expect(after.caBundle()).to.equal(before.caBundle());
      expect(await handshake(after, before.caBundle())).to.equal(undefined);
    });
  }

  for (const [entry, value] of [
    ['ca.crt', 'no certificate'],
    ['ca.key', ''],
    ['ca.key', 'hunter2'],
  ] as const) {
    it(`a root whose ${entry} was ${value === '' ? 'emptied' : 'broken'} is left alone, and a running replica serves on`, async () => {
      const running = await open();
      await client.mergePatch(SECRETS, REF, { data: { [entry]: Buffer.from(value).toString('base64') } });
      const before = await stored();
      const error = await open().catch((caught: unknown) => caught);
      expect(error).to.be.instanceOf(CertificatesError);
      expect(String(error)).to.match(/Secret articdbm\/articdbm-tls: .* left alone\. Put it back from a backup/);
      expect(String(error)).to.not.match(/hunter2|PRIVATE/);
      const again = await running.refresh().catch((caught: unknown) => caught);
      expect(again).to.be.instanceOf(CertificatesError);
      expect(await stored()).to.deep.equal(before);
      expect(await handshake(running, running.caBundle())).to.equal(undefined);
    });
  }

  it('a leaf by another root than the one that signs is made anew', async () => {
    const running = await open();
    const stranger = await startOver();
    const { cert, key } = stranger.served();
    const data = { 'tls.crt': Buffer.from(cert).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') };
    await client.mergePatch(SECRETS, REF, { data });
    await running.refresh();
    expect(await handshake(running, running.caBundle())).to.equal(undefined);
    expect(running.served().cert).to.not.equal(cert);
  });

  it('an emptied Secret gets back what a running replica holds: pods know of no other root', async () => {
    const running = await open();
    const ca = running.caBundle();
    await client.mergePatch(SECRETS, REF, { data: null });
    await running.refresh();
    expect((await open()).caBundle()).to.equal(ca);
  });

  it('in a rollout that changes the name, replicas of both names come to rest with one certificate for both', async () => {
    const one = await open();
    const other = await open({ hosts: ['db.example', '127.0.0.1'] });
    await one.refresh();
    const before = await version();
    for (let round = 0; round < 3; round++) {
      await other.refresh();
      await one.refresh();
    }
    expect(await version()).to.equal(before);
    expect(leafOf(one).checkHost('db.example')).to.equal('db.example');
    expect(leafOf(one).checkHost(SERVER_NAME)).to.equal(SERVER_NAME);
  });

  it('serves a new leaf without a restart, while old connections go on', async () => {
    const replica = await startReplica(client, { rereadEvery: 300 });
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const first = await ask(replica, '/v1/bootstrap', { agent });
    const serialOf = async (): Promise<string> => {
      const socket = tls.connect({
        host: '127.0.0.1',
        port: replica.serving.address.port,
        ca: replica.certificates.caBundle(),
        servername: SERVER_NAME,
      });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerX509Certificate() ?? {};
      socket.destroy();
      return serialNumber ?? '';
    };
    const before = await serialOf();
    await client.mergePatch(SECRETS, REF, { data: { 'tls.crt': '', 'tls.key': '' } });
    await until(async () => (await serialOf()) !== before);
    const second = await ask(replica, '/v1/bootstrap', { agent });
    expect([first.status, second.status]).to.deep.equal([401, 401]);
    const sockets = Object.values(agent.freeSockets).flat();
    expect(sockets, 'the very connection').to.have.length(1);
    expect((sockets[0] as tls.TLSSocket).getPeerX509Certificate()?.serialNumber).to.equal(before);
    agent.destroy();
    await replica.stop();
  });

  describe('in webhook configurations', () => {
    const name = 'articdbm';
    const webhook = (more: object = {}) => ({
      name: 'pods.articdbm.io',
      clientConfig: { url: 'https://127.0.0.1:1/mutate', ...more },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nothings'] }],
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
    });
    const lead = (check: () => void = () => undefined) => {
      const over = new AbortController();
      const leadership: Leadership = {
        term: 1,
        signal: over.signal,
        leads: () => true,
        check,
        confirm: () => Promise.resolve(true),
      };
      return { leadership, end: () => over.abort() };
    };
    const kept = (kind: typeof MUTATING_WEBHOOKS): Promise<Webhooks | undefined> =>
      client.get<Webhooks>(kind, { name });
    const keep = (certificates: Certificates, leadership: Leadership): Promise<void> =>
      keepWebhookBundles(
        { client, certificates, ...ENVIRONMENT, every: 200, onError: (error) => errors.push(error) },
        leadership,
      );
    afterEach(async () => {
      for (const kind of [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS]) await client.delete(kind, { name });
    });

    it('makes none that is not there, fills those that come, keeps all else in them, and then writes no more', async () => {
      const certificates = await open();
      const { leadership, end } = lead();
      const keeping = keep(certificates, leadership);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(await kept(MUTATING_WEBHOOKS)).to.equal(undefined);
      for (const kind of [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS])
        await client.create(kind, {
          metadata: { name },
          webhooks: [webhook(), { ...webhook(), name: 'more.articdbm.io' }],
        } as KubeObject);
      const expected = Buffer.from(certificates.caBundle()).toString('base64');
      for (const kind of [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS])
        await until(
          async () =>
            (await kept(kind))?.webhooks.every(({ clientConfig }) => clientConfig.caBundle === expected) === true,
        );
      const found = await kept(MUTATING_WEBHOOKS);
      expect(found?.webhooks.map((one) => [one.name, one.clientConfig.url])).to.deep.equal([
        ['pods.articdbm.io', 'https://127.0.0.1:1/mutate'],
        ['more.articdbm.io', 'https://127.0.0.1:1/mutate'],
      ]);
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect((await kept(MUTATING_WEBHOOKS))?.metadata.resourceVersion).to.equal(found?.metadata.resourceVersion);
      end();
      await keeping;
      expect(errors).to.deep.equal([]);
    });

    it('puts right what somebody has put wrong, and writes nothing once it leads no more', async () => {
      const certificates = await open();
      const wrong = Buffer.from((await startOver()).caBundle()).toString('base64');
      await client.create(MUTATING_WEBHOOKS, {
        metadata: { name },
        webhooks: [webhook({ caBundle: wrong })],
      } as KubeObject);
      const deposed = lead(() => {
        throw new NotLeadingError();
      });
      const idle = keep(certificates, deposed.leadership);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect((await kept(MUTATING_WEBHOOKS))?.webhooks[0]?.clientConfig.caBundle).to.equal(wrong);
      deposed.end();
      await idle;
      const { leadership, end } = lead();
      const keeping = keep(certificates, leadership);
      const expected = Buffer.from(certificates.caBundle()).toString('base64');
      await until(async () => (await kept(MUTATING_WEBHOOKS))?.webhooks[0]?.clientConfig.caBundle === expected);
      end();
      await keeping;
    });
  });
});
