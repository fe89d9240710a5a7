import { once } from 'node:events';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { expect } from 'chai';
import fc from 'fast-check';
import type { KubeClient } from '#operator/kube/client';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';
import {
  ask,
  makeAccount,
  makePod,
  NAMESPACE,
  reasonOf,
  SERVER_NAME,
  startReplica,
  tokenOf,
  type Replica,
} from './scene.ts';

/** Another machine, as far as the server can tell. */
const ELSEWHERE = new https.Agent({ localAddress: '127.0.0.2', keepAlive: false });

describe('what one address can not take from the others', function () {
  this.timeout(60_000);
  let server: ApiServer;
  let client: KubeClient;
  let replica: Replica;
  let token: string;
  let port: number;
  /** POSTs to the API server that are answered. */
  let reviews = 0;
  before(async function () {
    server = await requireApiServer(this);
    client = server.client();
    await server.installCrds();
    await server.createNamespaces(NAMESPACE, 'shop');
    await makeAccount(client, 'shop', 'app');
    token = await tokenOf(client, await makePod(client, 'shop', 'app', 'app'));
    const counted = server.client('direct', server.token, (method) => (reviews += method === 'POST' ? 1 : 0));
    replica = await startReplica(counted);
    ({ port } = replica.serving.address);
  });
  after(async () => {
    await replica.stop();
    await stopApiServers();
  });
  const honest = async (): Promise<number> => (await ask(replica, '/v1/bootstrap', { token, agent: ELSEWHERE })).status;
  const secure = async (localAddress = '127.0.0.1'): Promise<tls.TLSSocket> => {
    const ca = replica.certificates.caBundle();
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      ca,
      servername: SERVER_NAME,
      localAddress,
    } as tls.ConnectionOptions);
    socket.on('error', () => undefined); // what becomes of it is seen by its end
    await once(socket, 'secureConnect');
    return socket;
  };

  it('paths and methods that are not ours', async () => {
    for (const path of ['/', '/v1', '/v1/bootstrap/', '/v1/bootstrap/..', '/metrics', '/v1/policy%2f', '/V1/BOOTSTRAP'])
      expect(reasonOf(await ask(replica, path)), path).to.equal('404 NotFound');
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const reply = await ask(replica, '/v1/policy', { method });
      expect(reasonOf(reply), method).to.equal('405 MethodNotAllowed');
      expect(reply.headers.allow).to.equal('POST');
    }
    expect((await ask(replica, '/v1/bootstrap?x=1', { token, agent: ELSEWHERE })).status).to.equal(200);
  });

  it('bodies that are larger than any that has a meaning, said so or sent in pieces', async () => {
    for (const [path, bytes] of [
      ['/v1/bootstrap', 1_025],
      ['/v1/policy', 1_025],
      ['/mutate', 3 * 2 ** 20 + 1],
    ] as const) {
      const reply = await ask(replica, path, {
        token,
        body: Buffer.alloc(bytes, 'x'),
        headers: { 'content-length': String(bytes) },
      });
      expect(reasonOf(reply), path).to.equal('413 TooLarge');
    }
    const chunked = { 'transfer-encoding': 'chunked' };
    const reply = await ask(replica, '/v1/policy', { token, body: Buffer.alloc(1_500, 'x'), headers: chunked });
    expect(reasonOf(reply)).to.equal('413 TooLarge');
  });

  it('a flood of tokens that nobody signed costs the API server a bounded number of reviews, and a pod elsewhere is answered', async () => {
    const claims = (count: number): string =>
      Buffer.from(JSON.stringify({ sub: `s${String(count)}` })).toString('base64url');
    const before = reviews;
    const started = Date.now();
    const flood = Array.from({ length: 600 }, (_, count) =>
      ask(replica, '/v1/bootstrap', { token: `eyJhbGciOiJSUzI1NiJ9.${claims(count)}.AAAA` }).then(
        reasonOf,
        () => 'cut',
      ),
    );
    expect(await honest()).to.equal(200);
    const outcomes = new Set(await Promise.all(flood));
    const seconds = (Date.now() - started) / 1_000;
    console.log(`      600 false tokens in ${seconds.toFixed(1)} s: ${String(reviews - before)} reviews`);
    expect([...outcomes]).to.include.members(['401 TokenRefused']);
    expect(
      [...outcomes].every((outcome) => /^401 TokenRefused|^429 |^cut/.test(outcome)),
      [...outcomes].join(),
    ).to.equal(true);
    expect(reviews - before).to.be.lessThan(20 + 16 + seconds + 5);
    expect(await honest()).to.equal(200);
  });

  it('who was refused too often is heard again after a while, with a good token', async () => {
    const own = () => ask(replica, '/v1/bootstrap', { token });
    const end = Date.now() + 30_000;
    while ((await own()).status !== 200) {
      if (Date.now() > end) throw new Error('never again');
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  });

  it('the same false token again and again is one review', async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const before = reviews;
    for (let count = 0; count < 50; count++)
      await ask(replica, '/v1/policy', { token: 'eyJhbGciOiJSUzI1NiJ9.e30.BBBB' });
    expect(reviews - before).to.be.at.most(2);
  });

  it('connections: one address has 512 of them at most, and another is answered meanwhile', async () => {
    const sockets = Array.from({ length: 700 }, () => net.connect({ host: '127.0.0.1', port }));
    let open = 0;
    for (const socket of sockets) {
      socket.on('error', () => undefined); // refused ones are what this is about
      socket.on('connect', () => open++);
      socket.on('close', () => open--);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(open).to.be.within(1, 512);
    expect(await honest()).to.equal(200);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await ask(replica, '/nothing')).status, 'given back').to.equal(404);
  });

  it('who connects and says nothing, half a head, or half a body is cut off', async () => {
    const begun = Date.now();
    const silent = net.connect({ host: '127.0.0.1', port });
    const headless = await secure();
    headless.write('POST /mutate HTTP/1.1\r\nHost: x\r\n');
    const bodiless = await secure();
    bodiless.write('POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
    const ends = [silent, headless, bodiless].map(async (socket) => {
      socket.resume();
      await once(socket, 'close');
      return Date.now() - begun;
    });
    const [one = 0, two = 0, three = 0] = await Promise.all(ends);
    expect(one).to.be.within(3_000, 9_000);
    expect(two).to.be.within(3_000, 9_000);
    expect(three).to.be.within(8_000, 15_000);
  });

  it('large requests that never end fill no more memory than one address may have', async () => {
    const sockets = await Promise.all(Array.from({ length: 8 }, () => secure()));
    const said: string[] = [];
    for (const socket of sockets) {
      socket.on('data', (bytes: Buffer) => said.push(bytes.toString('latin1').split('\r\n')[0] ?? ''));
      socket.write(`POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: ${String(3 * 2 ** 20)}\r\n\r\n`);
      socket.write(Buffer.alloc(2_900_000, ' '));
    }
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(said.filter((line) => line.includes('503')).length).to.be.within(1, 4);
    expect(await honest()).to.equal(200);
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: {} };
    const reply = await ask(replica, '/mutate', { body: JSON.stringify(review), agent: ELSEWHERE });
    expect(reply.status, 'the API server is heard').to.equal(400);
    for (const socket of sockets) socket.destroy();
  });

  it('bytes that are no HTTP, and no TLS, end their connection alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.boolean(), async (bytes, encrypted) => {
        const socket = encrypted ? await secure() : net.connect({ host: '127.0.0.1', port });
        socket.on('error', () => undefined); // a reset is as good an end
        socket.resume();
        socket.end(bytes);
        if (!socket.closed) await once(socket, 'close');
      }),
      { numRuns: 60 },
    );
    expect(await honest()).to.equal(200);
    expect(replica.errors).to.deep.equal([]);
  });

  it('a client that goes away before its answer is counted as gone, and nothing is a bug', async () => {
    for (let count = 0; count < 20; count++) {
      const socket = await secure('127.0.0.3');
      socket.write(
        `POST /v1/bootstrap HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 0\r\n\r\n`,
      );
      setTimeout(() => socket.destroy(), count % 4);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(replica.errors).to.deep.equal([]);
    expect(await honest()).to.equal(200);
  });
});
