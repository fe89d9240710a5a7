import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { makeCertificate } from '#test/harness/certificate';
import { watchCertificate, type CertificateWatch } from './client-certificate.ts';
import type { ClientCertificate } from './config.ts';
import { UsageError } from './flags.ts';

const LONG_MS = 3_600_000;

describe('the certificate that clients are shown', () => {
  let watch: CertificateWatch | undefined;
  let files: ClientCertificate | Error;
  let said: string[];
  let served: ClientCertificate;
  let registry: Registry;
  afterEach(() => watch?.close());

  function start(every: number): void {
    said = [];
    registry = new Registry();
    const first = makeCertificate();
    [files, served] = [first, first];
    watch = watchCertificate({
      served: first,
      read: () => {
        if (files instanceof Error) throw files;
        return files;
      },
      replace: (certificate) => {
        if (certificate.cert === 'odd') throw new TypeError('hunter2');
        served = certificate;
      },
      say: (outcome, text) => said.push(`${outcome}: ${text}`),
      registry,
      every,
    });
  }

  async function until(holds: () => boolean): Promise<void> {
    for (let wait = 0; wait < 400 && !holds(); wait += 1) await delay(5);
    expect(holds(), said.join('\n')).to.equal(true);
  }

  it('is replaced when the files are renewed, without anybody asking', async () => {
    start(5);
    const renewed = makeCertificate();
    files = renewed;
    await until(() => served === renewed);
    await delay(25);
    expect(said).to.deep.equal(['replaced: new connections are served with the certificate as it is now']);
  });

  it('is looked at when somebody asks', () => {
    start(LONG_MS);
    const renewed = makeCertificate();
    files = renewed;
    watch?.look();
    expect(served).to.equal(renewed);
  });

  it('stays while the files are broken, which is said once for each way of being broken', () => {
    start(LONG_MS);
    const first = served;
    const look = (next: ClientCertificate | Error): void => {
      files = next;
      watch?.look();
      watch?.look();
    };
    look(new UsageError('--tls-key: key.pem can not be read (ENOENT)'));
    look(new UsageError('--tls-cert and --tls-key are no certificate and its key (PEM)'));
    look(first);
    look(new UsageError('--tls-cert and --tls-key are no certificate and its key (PEM)'));
    look({ cert: 'odd', key: 'hunter2' });
    expect(served).to.equal(first);
    const stays = ': the certificate that is served stays';
    expect(said).to.deep.equal([
      `kept: --tls-key: key.pem can not be read (ENOENT)${stays}`,
      `kept: --tls-cert and --tls-key are no certificate and its key (PEM)${stays}`,
      `kept: --tls-cert and --tls-key are no certificate and its key (PEM)${stays}`,
      `kept: --tls-cert and --tls-key can not be served (TypeError)${stays}`,
    ]);
  });

  it('has a metric of its end, which moves with it and is absent without TLS', async () => {
    const end = async (): Promise<number> =>
      Number(/^articdbm_proxy_certificate_end_seconds (\d+)$/m.exec(await registry.metrics())?.[1]);
    start(LONG_MS);
    const now = Date.now() / 1000;
    expect(await end()).to.be.closeTo(now + 86_400, 60);
    files = makeCertificate('localhost', 2 * 86_400_000);
    watch?.look();
    expect(await end()).to.be.closeTo(now + 2 * 86_400, 60);
    watch?.close();
    watch = watchCertificate({
      ...{ served: undefined, read: () => undefined, replace: () => undefined, say: () => undefined },
      registry: (registry = new Registry()),
    });
    watch.look();
    expect(await registry.metrics()).not.to.include('certificate');
  });
});
