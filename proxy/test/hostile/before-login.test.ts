import { expect } from 'chai';
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import * as frontend from '#test/harness/frontend';
import { RawClient, errorFields, within } from '#test/harness/raw-client';
import { Scene, endsWithError } from './scene.ts';
import { randomSource } from './random.ts';

const { int32, cstring, packet, passwordMessage, message } = frontend;

const START = frontend.startup({ user: 'app', database: 'scene' });

const manyParameters = (count: number): Buffer => {
  const pairs = Array.from({ length: count }, (_, n) => [`p${String(n)}`, 'v'] as const);
  return frontend.startup([['user', 'app'], ...pairs]);
};

/** What is sent at once; the connection must end by itself, with these SQLSTATEs or none. */
const PACKETS: readonly (readonly [name: string, bytes: Buffer, ...sqlstates: string[]])[] = [
  ['a length of 0', int32(0)],
  ['a length of 3', Buffer.from([0, 0, 0, 3])],
  ['a length of 7', Buffer.concat([int32(7), Buffer.from([0, 3, 0])])],
  ['a length beyond any start-up packet', Buffer.concat([int32(10_001), int32(frontend.PROTOCOL_3_0)])],
  ['a length of 2 GiB', Buffer.concat([int32(0x7fff_ffff), int32(frontend.PROTOCOL_3_0)])],
  ['a negative length', Buffer.concat([int32(0xffff_ffff), int32(frontend.PROTOCOL_3_0)])],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['a Redis command', Buffer.from('*1\r\n$4\r\nPING\r\n')],
  ['protocol 2.0', packet(int32(0x0002_0000), Buffer.alloc(288)), '0A000', '08P01'],
  ['protocol 4.0', packet(int32(0x0004_0000), cstring('user'), cstring('app'), Buffer.from([0])), '0A000', '08P01'],
  ['a request code that nobody knows', packet(int32((1234 << 16) | 9999)), '0A000', '08P01'],
  ['parameters without their end', packet(int32(frontend.PROTOCOL_3_0), cstring('user'), cstring('app')), '08P01'],
  [
    'a parameter without its value',
    packet(int32(frontend.PROTOCOL_3_0), cstring('user'), Buffer.from([0])),
    '08P01',
    '28000',
  ],
  ['a name that never ends', packet(int32(frontend.PROTOCOL_3_0), Buffer.from('user')), '08P01'],
  ['bytes after the end of the parameters', packet(START.subarray(4), Buffer.from('more')), '08P01'],
  ['no user', frontend.startup({ database: 'scene' }), '28000', '08P01'],
  ['an empty user', frontend.startup({ user: '' }), '28000', '08P01'],
  [
    'a user that is not UTF-8',
    packet(int32(frontend.PROTOCOL_3_0), cstring('user'), cstring(Buffer.from([0xff, 0xfe])), Buffer.from([0])),
    '08P01',
    '22021',
    '28P01',
    '28000',
  ],
  ['10,000 parameters', manyParameters(10_000), '08P01'],
  [
    'a replication start-up',
    frontend.startup({ user: 'app', replication: 'true' }),
    '08P01',
    '0A000',
    '28000',
    '42501',
  ],
  [
    'a replication start-up of a database',
    frontend.startup({ user: 'app', replication: 'database' }),
    '08P01',
    '0A000',
    '28000',
    '42501',
  ],
  ['SSLRequest with more in the same packet', packet(int32(frontend.SSL_REQUEST), Buffer.from('more'))],
  ['a login that does not wait for TLS', Buffer.concat([frontend.sslRequest(), START]), '08P01'],
  ['a TLS record that is no handshake', Buffer.from([0x17, 3, 3, 0, 4, 1, 2, 3, 4])],
  ['a TLS handshake of garbage', Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0]), Buffer.alloc(512, 0x5a)])],
  ['a CancelRequest without a key', packet(int32(frontend.CANCEL_REQUEST), int32(1))],
  ['a CancelRequest with a key too short', packet(int32(frontend.CANCEL_REQUEST), int32(1), Buffer.from([1, 2, 3]))],
  ['a CancelRequest with a key too long', packet(int32(frontend.CANCEL_REQUEST), int32(1), Buffer.alloc(257))],
  ['a CancelRequest for nobody', frontend.cancelRequest(123456, Buffer.from('abcd'))],
];

const sasl = (mechanism: string, response: Buffer, length = response.length): Buffer =>
  passwordMessage(Buffer.concat([cstring(mechanism), int32(length), response]));

const first = Buffer.from('n,,n=,r=clientnonceclientnonce');

/** What answers AuthenticationSASL. */
const ANSWERS: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a Query', frontend.query('select 1')],
  ['a Terminate', frontend.terminate()],
  ['a type that nobody knows', message('z', Buffer.from('x'))],
  ['a length of 3', Buffer.concat([Buffer.from('p'), int32(3)])],
  ['a length of 2 GiB', Buffer.concat([Buffer.from('p'), int32(0x7fff_ffff)])],
  ['a length of 70,000', Buffer.concat([Buffer.from('p'), int32(70_000), Buffer.alloc(1_000)])],
  ['an empty response', passwordMessage(Buffer.alloc(0))],
  ['a mechanism that never ends', passwordMessage(Buffer.from('SCRAM-SHA-256'))],
  ['a mechanism that nobody knows', sasl('SCRAM-MD5', first)],
  ['channel binding without TLS', sasl('SCRAM-SHA-256-PLUS', first)],
  ['no initial response', passwordMessage(Buffer.concat([cstring('SCRAM-SHA-256'), int32(0xffff_ffff)]))],
  ['an initial response longer than its message', sasl('SCRAM-SHA-256', first, 5_000)],
  ['a negative length of the response', sasl('SCRAM-SHA-256', first, 0xffff_fff0)],
  ['bytes after the response', sasl('SCRAM-SHA-256', first, first.length - 3)],
  ['client-first of garbage', sasl('SCRAM-SHA-256', Buffer.from([0, 1, 2, 0xff]))],
  ['client-first with an authorisation identity', sasl('SCRAM-SHA-256', Buffer.from('n,a=other,n=,r=abc'))],
  ['client-first with an unknown extension', sasl('SCRAM-SHA-256', Buffer.from('n,,m=x,n=,r=abc'))],
  ['client-first without a nonce', sasl('SCRAM-SHA-256', Buffer.from('n,,n=,r='))],
  ['client-first with a binding flag that is none', sasl('SCRAM-SHA-256', Buffer.from('q,,n=,r=abc'))],
  ['a plain password', passwordMessage(cstring('secret'))],
  ['client-final at once', passwordMessage(Buffer.from('c=biws,r=x,p=AAAA'))],
];

/** What answers AuthenticationSASLContinue; {r} is the whole nonce. */
const FINALS: readonly (readonly [name: string, text: string])[] = [
  ['another nonce', 'c=biws,r=somebodyelses,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='],
  ['another binding', 'c=eSws,r={r},p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='],
  ['no proof', 'c=biws,r={r}'],
  ['a short proof', 'c=biws,r={r},p=AAAA'],
  ['a long proof', `c=biws,r={r},p=${'A'.repeat(900)}`],
  ['a proof that is not base64', 'c=biws,r={r},p=!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!='],
  ['an empty message', ''],
  ['NULs', '\0\0\0\0'],
  ['commas', ',,,,,,,,'],
  ['a wrong proof', 'c=biws,r={r},p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='],
];

describe('hostile before login', function () {
  this.timeout(30_000);
  let scene: Scene;

  before(async function () {
    scene = await Scene.start(this);
    await scene.arrive();
  });
  after(async () => {
    const started = scene as Scene | undefined;
    if (started === undefined) return;
    try {
      await started.settled(1);
      await started.leave();
    } finally {
      await started.stop();
    }
  });

  describe('the first packet', () => {
    for (const [name, bytes, ...sqlstates] of PACKETS) {
      it(`${name}: ends the connection`, async () => {
        const client = await scene.connect();
        client.send(bytes);
        expect(await endsWithError(client)).to.be.oneOf(['', '08P01', ...sqlstates]);
      });
    }
  });

  describe('in answer to AuthenticationSASL', () => {
    for (const [name, bytes] of ANSWERS) {
      it(`${name}: ends the connection`, async () => {
        const client = await scene.connect();
        client.send(START);
        expect((await client.readMessage()).type).to.equal('R');
        client.send(bytes);
        expect(await endsWithError(client)).to.be.oneOf(['', '08P01', '28P01', '28000', '0A000']);
      });
    }
  });

  describe('in answer to AuthenticationSASLContinue', () => {
    for (const [name, text] of FINALS) {
      it(`${name}: ends the connection`, async () => {
        const client = await scene.connect();
        client.send(START);
        await client.readMessage();
        client.send(sasl('SCRAM-SHA-256', first));
        const nonce = /r=([^,]+)/.exec((await client.readMessage()).body.toString())?.[1] ?? '';
        client.send(passwordMessage(Buffer.from(text.replace('{r}', nonce))));
        expect(await endsWithError(client)).to.be.oneOf(['08P01', '28P01']);
      });
    }
    it('everything at once, unasked', async () => {
      const client = await scene.connect();
      client.send(
        START,
        sasl('SCRAM-SHA-256', first),
        passwordMessage(Buffer.from('c=biws,r=x,p=AAAA')),
        frontend.query('select 1'),
      );
      expect(await endsWithError(client)).to.be.oneOf(['08P01', '28P01']);
    });
  });

  it('GSSENCRequest is answered with N, then SSLRequest with S, then a login goes on', async () => {
    const socket = net.connect(scene.port(), '127.0.0.1');
    socket.write(frontend.gssencRequest());
    expect(((await once(socket, 'data')) as [Buffer])[0].toString()).to.equal('N');
    socket.write(frontend.sslRequest());
    expect(((await once(socket, 'data')) as [Buffer])[0].toString()).to.equal('S');
    socket.pause();
    const secured = tls.connect({ socket, ca: scene.certificate.ca, servername: 'localhost' });
    await once(secured, 'secureConnect');
    secured.write(START);
    expect(((await once(secured, 'data')) as [Buffer])[0].subarray(0, 1).toString()).to.equal('R');
    secured.destroy();
  });

  it('a request asked twice ends the connection or is refused, never loops', async () => {
    for (const request of [frontend.gssencRequest(), frontend.sslRequest()]) {
      const socket = net.connect(scene.port(), '127.0.0.1');
      socket.on('error', () => undefined);
      let answers = 0;
      socket.on('data', (chunk: Buffer) => {
        answers += chunk.length;
        if (answers < 50) socket.write(request);
      });
      socket.write(request);
      await within(once(socket, 'close'), 5_000, 'end of the connection');
      expect(answers).to.be.below(50 + 200); // an ErrorResponse at most
    }
  });

  it('data before the TLS handshake is no part of what follows it', async () => {
    const socket = net.connect({ port: scene.port(), host: '127.0.0.1' });
    socket.on('error', () => undefined);
    socket.write(
      Buffer.concat([frontend.sslRequest(), frontend.startup({ user: 'app', application_name: 'smuggled' })]),
    );
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
    await within(once(socket, 'close'), 5_000, 'end of the connection');
    expect(received.toString('latin1')).to.not.include('SCRAM');
  });

  it('direct TLS without ALPN is refused', async () => {
    const secured = tls.connect({
      port: scene.port(),
      host: '127.0.0.1',
      ca: scene.certificate.ca,
      servername: 'localhost',
    });
    secured.on('error', () => undefined);
    secured.on('secureConnect', () => secured.write(START));
    let received = '';
    secured.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    await within(once(secured, 'close'), 5_000, 'end of the connection');
    expect(received).to.not.include('SCRAM');
  });

  it('TLS that stops amid its handshake ends at the login deadline', async () => {
    const socket = net.connect(scene.port(), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(frontend.sslRequest());
    await once(socket, 'data');
    socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    await within(once(socket, 'close'), 4_000, 'end of the connection');
  });

  it('who says nothing, or drips a byte at a time, ends at the login deadline', async () => {
    const silent = await scene.connect();
    const slow = await scene.connect();
    const half = await scene.connect();
    half.send(START);
    const started = Date.now();
    for (let at = 0; at < START.length && !slow.ended; at++) {
      slow.send(START.subarray(at, at + 1));
      await sleep(100);
    }
    for (const client of [silent, slow, half]) await endsWithError(client, 4_000);
    expect(Date.now() - started).to.be.within(1_000, 5_000);
  });

  it('half-closed sockets are closed', async () => {
    for (const bytes of [Buffer.alloc(0), START.subarray(0, 6), START]) {
      const client = await scene.connect();
      client.send(bytes);
      await sleep(20);
      client.socket.end();
      await endsWithError(client);
    }
  });

  it('connections that go as soon as they came leave nothing', async () => {
    for (let round = 0; round < 20; round++) {
      const clients = await Promise.all(Array.from({ length: 25 }, () => scene.connect()));
      clients.forEach((client, n) => {
        client.send(START.subarray(0, n));
        if (n % 2 === 0) client.socket.resetAndDestroy();
        else client.destroy();
      });
    }
    await scene.settled(1);
  });

  it('a flood of CancelRequests with wrong keys cancels nothing', async () => {
    const victim = await scene.login('app');
    victim.send(frontend.query("select pg_sleep(2), 'undisturbed'"));
    const flood = randomSource(7);
    for (let round = 0; round < 40; round++) {
      await Promise.all(
        Array.from({ length: 25 }, async () => {
          const client = await scene.connect();
          client.send(
            frontend.cancelRequest(
              flood.below(3) === 0 ? flood.below(70_000) : victim.pid,
              flood.bytes(victim.key.length),
            ),
          );
          await endsWithError(client);
        }),
      );
    }
    expect(
      victim
        .take()
        .concat(await victim.readUntilReady())
        .map(({ type }) => type)
        .join(''),
    ).to.equal('TDCZ');
    await victim.close();
  });

  it('300 connections of random bytes', async () => {
    const random = randomSource(Number(process.env.SEED ?? 1));
    for (let round = 0; round < 12; round++) {
      await Promise.all(
        Array.from({ length: 25 }, async () => {
          const client = await scene.connect();
          client.send(random.bytes(1 + random.below(300)));
          client.socket.end();
          await endsWithError(client);
        }),
      );
    }
  });

  it('a wrong password, an unknown user and one who has none get the same answer', async () => {
    const answers = await Promise.all(
      ['app', 'nobody', 'somebody else'].map(async (user) => {
        const client = await scene.connect();
        const failure = await client.authenticate({ user, password: 'wrong' }).catch((error: unknown) => error);
        client.destroy();
        const { fields } = failure as { fields: Record<string, string> };
        const types = client.loginMessages.map(
          ({ type, body }) => `${type}${type === 'R' ? String(body.readInt32BE(0)) : ''}`,
        );
        return { types, fields: { ...fields, M: fields.M?.replace(user, 'USER') } };
      }),
    );
    expect(answers[1]).to.eql(answers[0]);
    expect(answers[2]).to.eql(answers[0]);
    expect(answers[0]?.fields).to.include({
      C: '28P01',
      S: 'FATAL',
      M: 'password authentication failed for user "USER"',
    });
  });

  it('the salt of an unknown user stays the same', async () => {
    const salts = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const client = await RawClient.connect({ port: scene.port() });
      client.send(frontend.startup({ user: 'nobody' }));
      await client.readMessage();
      client.send(sasl('SCRAM-SHA-256', first));
      salts.add(/s=([^,]+),i=\d+/.exec((await client.readMessage()).body.toString())?.[0] ?? '');
      client.destroy();
    }
    expect([...salts]).to.have.length(1);
    expect([...salts][0]).to.match(/^s=.+,i=4096$/);
  });

  it('errors never hold what was received', async () => {
    const client = await scene.connect();
    client.send(frontend.startup({ user: 'app', database: 'scene', 'marker-in-name': 'marker-in-value' }));
    const messages = await client.readToEnd(4_000).catch(() => []);
    const told = messages.filter(({ type }) => type === 'E').map((error) => JSON.stringify(errorFields(error)));
    expect(told.join()).to.not.include('marker-in-value');
    const { troubles } = await scene.proxy.facts();
    expect(troubles.join()).to.not.include('marker-in');
    client.destroy();
  });
});
