import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createOperatorClient, OperatorError, type OperatorClient } from '#proxy/cluster/operator-client';
import { makeCertificate } from '#test/harness/certificate';

const CERTIFICATE = makeCertificate();

describe('a question to the operator', () => {
  let folder: string;
  let server: https.Server;
  let seen: string[];
  let respond: (response: ServerResponse) => void;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'articdbm-client-'));
    writeFileSync(path.join(folder, 'token'), 'a.b.c\n');
    seen = [];
    server = https.createServer({ cert: CERTIFICATE.cert, key: CERTIFICATE.key }, (request, response) => {
      seen.push(request.headers.authorization ?? '');
      request.resume();
      respond(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    rmSync(folder, { recursive: true });
  });

  const url = (): string => `https://localhost:${String((server.address() as AddressInfo).port)}`;
  const client = (ca = CERTIFICATE.ca): OperatorClient =>
    createOperatorClient({
      url: new URL(url()),
      ca,
      tokenFile: path.join(folder, 'token'),
    });
  const failure = async (asked: Promise<unknown>): Promise<readonly string[]> => {
    const error = await asked.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof OperatorError)) throw new Error(`no OperatorError: ${String(error)}`);
    return [error.code, error.message];
  };

  it('that is never answered ends with its signal', async () => {
    respond = () => undefined;
    expect(await failure(client().bootstrap(AbortSignal.timeout(300)))).to.deep.equal([
      'unreachable',
      `the operator at ${url()} does not answer`,
    ]);
  });

  it('whose answer breaks off, or never ends, is no answer', async () => {
    respond = (response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{');
      setTimeout(() => response.destroy(), 20);
    };
    expect((await failure(client().bootstrap(AbortSignal.timeout(5_000))))[0]).to.equal('unreachable');
    respond = (response) => {
      response.writeHead(403);
      response.end('x'.repeat(20_000));
    };
    expect(await failure(client().policy({}, AbortSignal.timeout(5_000)))).to.deep.equal([
      'invalid',
      "the operator's answer is too long",
    ]);
  });

  it('believes the given CA only, whatever the environment says', async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      respond = (response) => response.end();
      expect((await failure(client(makeCertificate().ca).bootstrap(AbortSignal.timeout(5_000))))[0]).to.equal(
        'untrusted',
      );
      expect(seen).to.deep.equal([]);
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
  });

  it('takes several CAs, of which one may do', async () => {
    respond = (response) => response.end('{}');
    const both = `${makeCertificate().ca}${CERTIFICATE.ca}`;
    expect((await failure(client(both).bootstrap(AbortSignal.timeout(5_000))))[0]).to.equal('invalid');
    expect(seen).to.deep.equal(['Bearer a.b.c']);
  });

  it('with a CA that is none, or a token that would break a header, is not asked', async () => {
    respond = (response) => response.end('{}');
    const none = '-----BEGIN CERTIFICATE-----\nnoise\n-----END CERTIFICATE-----\n';
    expect(await failure(client(none).bootstrap(AbortSignal.timeout(5_000)))).to.deep.equal([
      'no-ca',
      "the operator's CA is no certificate in PEM",
    ]);
    writeFileSync(path.join(folder, 'token'), 'a\r\nHost: evil');
    expect((await failure(client().bootstrap(AbortSignal.timeout(5_000))))[0]).to.equal('no-token');
    expect(seen).to.deep.equal([]);
  });
});
