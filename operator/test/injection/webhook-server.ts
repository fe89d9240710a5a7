import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Review {
  readonly uid: string;
  readonly namespace: string;
  readonly object: unknown;
}

/** The response part of an AdmissionReview, without its uid. */
export type Answer = Readonly<Record<string, unknown>>;

export interface WebhookServer {
  readonly url: string;
  /** base64 of PEM, for clientConfig. */
  readonly caBundle: string;
  stop(): Promise<void>;
}

/** Answers an API server's reviews by `answer`, which gets the path too. The operator's own server is tested elsewhere. */
export async function startWebhookServer(answer: (path: string, review: Review) => Answer): Promise<WebhookServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'articdbm-webhook-'));
  const [key, cert] = [path.join(folder, 'tls.key'), path.join(folder, 'tls.crt')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-subj', '/CN=webhook', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  );
  const pem = readFileSync(cert);
  const server = createServer({ key: readFileSync(key), cert: pem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = (JSON.parse(Buffer.concat(chunks).toString()) as { readonly request: Review }).request;
      const answered = { uid: review.uid, ...answer((request.url ?? '').replace(/\?.*/, ''), review) };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answered }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rmSync(folder, { recursive: true, force: true });
  return {
    url: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    caBundle: pem.toString('base64'),
    async stop() {
      server.closeAllConnections();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
