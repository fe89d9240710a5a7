import { once } from 'node:events';
import tls from 'node:tls';
import { expect } from 'chai';
import * as f from '#test/harness/frontend';
import { errorFields, type Message, RawClient } from '#test/harness/raw-client';
import { makeScene, type Scene } from '#test/relay/scene';
import { startTestProxy, type TestProxy } from '#test/harness/proxy';
import { makeCertificate } from '#test/harness/certificate';
import { testSnapshot } from '#test/harness/snapshot';

const initial = (text: string, mechanism = 'SCRAM-SHA-256'): Buffer => {
  const data = Buffer.from(text, 'latin1');
  return f.passwordMessage(Buffer.concat([f.cstring(mechanism), f.int32(data.length), data]));
};
const response = (text: string): Buffer => f.passwordMessage(Buffer.from(text, 'latin1'));

const FIRST = 'n,,n=,r=abcdefghijklmnopqrstuvwx';

/** What a client may say in place of its first message: none of it leads anywhere. */
const FIRSTS: Readonly<Record<string, Buffer>> = {
  'an empty message': initial(''),
  'no nonce': initial('n,,n='),
  'an empty nonce': initial('n,,n=,r='),
  'a nonce with a blank': initial('n,,n=,r=a b'),
  'a nonce with a NUL': initial('n,,n=,r=a\0b'),
  'a nonce with a high byte': initial('n,,n=,r=a\xffb'),
  'a mandatory extension': initial('n,,m=x,n=,r=abc'),
  'an authorization identity': initial('n,a=owner,n=,r=abc'),
  'no binding flag': initial(',,n=,r=abc'),
  'an unknown binding flag': initial('x,,n=,r=abc'),
  'a binding that was not offered': initial('p=tls-server-end-point,,n=,r=abc'),
  'a binding of another type': initial('p=tls-unique,,n=,r=abc'),
  '-PLUS that was not offered': initial('p=tls-server-end-point,,n=,r=abc', 'SCRAM-SHA-256-PLUS'),
  'another mechanism': initial('n,,n=,r=abc', 'SCRAM-SHA-1'),
  'a mechanism in small letters': initial('n,,n=,r=abc', 'scram-sha-256'),
  'a length beyond the message': f.passwordMessage(Buffer.concat([f.cstring('SCRAM-SHA-256'), f.int32(9_999)])),
  'a negative length': f.passwordMessage(Buffer.concat([f.cstring('SCRAM-SHA-256'), f.int32(-2)])),
  'bytes behind the data': f.passwordMessage(
    Buffer.concat([f.cstring('SCRAM-SHA-256'), f.int32(FIRST.length), Buffer.from(`${FIRST}xx`)]),
  ),
  'a password in the clear': f.passwordMessage(f.cstring('r')),
  'a proof at once': response('c=biws,r=abc,p=AAAA'),
  'a Query': f.query('select 1'),
  'a Parse': f.parse('select 1'),
  'a Terminate': f.terminate(),
  'a second start-up packet': f.startup({ user: 'reader' }),
};

const PROOF = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

/** … and in place of its proof; `r` is the nonce as the server completed it. */
const FINALS: Readonly<Record<string, (r: string) => Buffer>> = {
  'an empty message': () => response(''),
  'no proof': (r) => response(`c=biws,r=${r}`),
  'an empty proof': (r) => response(`c=biws,r=${r},p=`),
  'a proof of zeros': (r) => response(`c=biws,r=${r},p=${PROOF}`),
  'a short proof': (r) => response(`c=biws,r=${r},p=AAAA`),
  'a long proof': (r) => response(`c=biws,r=${r},p=${PROOF}${PROOF}`),
  'two proofs': (r) => response(`c=biws,r=${r},p=${PROOF},p=${PROOF}`),
  'something behind the proof': (r) => response(`c=biws,r=${r},p=${PROOF},x=1`),
  'a mandatory extension': (r) => response(`m=1,c=biws,r=${r},p=${PROOF}`),
  'another nonce': (r) => response(`c=biws,r=${r}x,p=${PROOF}`),
  'the nonce of the client alone': () => response(`c=biws,r=abcdefghijklmnopqrstuvwx,p=${PROOF}`),
  'another binding': (r) => response(`c=eSws,r=${r},p=${PROOF}`),
  'the first message again': () => initial(FIRST),
  'a Query': () => f.query('select 1'),
};

describe('a login, message by message', () => {
  let scene: Scene;

  before(async function () {
    scene = await makeScene(this);
  });
  after(async function () {
    this.timeout(20_000);
    await (scene as Scene | undefined)?.stop();
  });

  async function asked(user: string): Promise<RawClient> {
    const client = await RawClient.connect({ port: scene.proxy.port });
    client.send(f.startup({ user, database: 'postgres' }));
    const offer = await client.readMessage();
    expect(offer.body.readInt32BE(0)).to.equal(10);
    return client;
  }

  /** A FATAL in words that hold no user's state, or just the end; never AuthenticationOk. */
  async function end(client: RawClient): Promise<string> {
    const said = await client.readToEnd(3_000);
    client.destroy();
    expect(said.filter(({ type, body }: Message) => type === 'R' && body.readInt32BE(0) === 0)).to.eql([]);
    expect(said.map(({ type }) => type)).to.satisfy((types: string[]) => types.every((type) => type === 'E'));
    return said.map((message) => JSON.stringify(errorFields(message))).join();
  }

  for (const [what, bytes] of Object.entries(FIRSTS)) {
    it(`${what} first: refused, to a known user as to an unknown one`, async () => {
      const [known, unknown] = [await asked('reader'), await asked('nobody')];
      known.send(bytes);
      unknown.send(bytes);
      // What it claims to be long is waited for until the deadline: say that there is no more.
      known.socket.end();
      unknown.socket.end();
      expect(await end(known)).to.equal((await end(unknown)).replaceAll('nobody', 'reader'));
    });
  }

  for (const [what, make] of Object.entries(FINALS)) {
    it(`${what} for a proof: refused, to a known user as to an unknown one`, async () => {
      const answers: string[] = [];
      for (const user of ['reader', 'nobody']) {
        const client = await asked(user);
        client.send(initial(FIRST));
        const challenge = (await client.readMessage()).body.subarray(4).toString();
        client.send(make(/^r=([^,]*)/.exec(challenge)?.[1] ?? ''));
        client.socket.end();
        answers.push((await end(client)).replaceAll('nobody', 'reader'));
      }
      expect(answers[0]).to.equal(answers[1]);
      expect(answers[0]).to.match(/"C":"(28P01|28000|08P01|0A000)"/);
    });
  }

  it('a start-up packet behind the login is no message, and ends the session', async () => {
    const client = await scene.login();
    client.send(f.startup({ user: 'owner' }));
    const said = await client.readToEnd(3_000);
    expect(said.some(({ type }) => type === 'R')).to.equal(false);
    client.destroy();
  });

  it('a password message behind the login ends the session', async () => {
    const client = await scene.login();
    client.send(initial(FIRST));
    const said = await client.readToEnd(3_000);
    expect(said.map(({ type }) => type)).to.eql(['E']);
    client.destroy();
  });

  it('names of odd bytes are unknown names', async () => {
    for (const user of [
      'reader ',
      'READER',
      ' reader',
      'reader\n',
      'readér',
      'r'.repeat(64),
      '\u0001',
      '"reader"',
      '\u{1F600}',
    ]) {
      const error = await RawClient.login({ port: scene.proxy.port, user, password: 'r' }).then(
        () => undefined,
        (failure: unknown) => failure as { code?: string },
      );
      expect(error?.code, JSON.stringify(user)).to.equal('28P01');
    }
    for (const database of [
      'postgres ',
      'POSTGRES',
      'postgres\n',
      'template1',
      '../postgres',
      'p'.repeat(9_000),
      'dbname=postgres',
    ]) {
      const options = { port: scene.proxy.port, user: 'reader', password: 'r', database };
      const error = await RawClient.login(options).then(
        () => undefined,
        (failure: unknown) => failure as { code?: string },
      );
      expect(error?.code, JSON.stringify(database)).to.be.oneOf(['42501', '3D000']);
    }
  });
});

describe('TLS 1.2', () => {
  it('is not renegotiated', async function () {
    this.timeout(20_000);
    const { cert, key } = makeCertificate();
    const proxy: TestProxy = await startTestProxy({
      snapshot: testSnapshot({ host: '127.0.0.1', port: 1, users: [] }),
      login: { username: 'u', password: 'p' },
      clientTls: { cert, key },
    });
    const client = await RawClient.connect({ port: proxy.port });
    try {
      client.send(f.sslRequest());
      await once(client.socket, 'data');
      const secure = tls.connect({ socket: client.socket, maxVersion: 'TLSv1.2', rejectUnauthorized: false });
      secure.on('error', () => undefined);
      await once(secure, 'secureConnect');
      const outcome = await new Promise((resolve) => {
        secure.once('close', () => resolve('closed'));
        setTimeout(() => resolve('not answered'), 500);
        if (!secure.renegotiate({}, (error) => resolve(error === null ? 'renegotiated' : 'refused')))
          resolve('refused');
      });
      expect(outcome).to.be.oneOf(['closed', 'refused', 'not answered']);
    } finally {
      client.destroy();
      await proxy.stop();
    }
  });
});
