import { expect } from 'chai';
import type net from 'node:net';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { int16, int32, message, query } from '#test/harness/frontend';
import { RawClient, ServerError, errorFields, types } from '#test/harness/raw-client';
import {
  authentication,
  errorResponse,
  GREETING,
  parameter,
  readyForQuery,
  startLyingMiddle,
  startLyingServer,
  TRIGGER,
} from './lying-server.ts';
import type { Conversation, Lie, LyingMiddle, LyingServer } from './lying-server.ts';
import { Scene } from './scene.ts';

const SCRAM = authentication(10, Buffer.from('SCRAM-SHA-256\0\0'));

const saying =
  (...messages: readonly Buffer[]): Lie =>
  async (_, conversation) => {
    await conversation.packet();
    conversation.say(...messages);
  };

interface ScramLie {
  /** server-first, from the client's nonce. */
  readonly first?: (nonce: string) => string;
  /** What comes after client-final; `signature` is the true one. */
  readonly last?: (signature: string) => readonly Buffer[];
}

const SALT = Buffer.from('0123456789abcdef');

/** Knows the true password, and lies at one step of SCRAM only. */
function scram({ first, last }: ScramLie): Lie {
  return async (_, conversation) => {
    await conversation.packet();
    conversation.say(SCRAM);
    const initial = (await conversation.message()).body.toString();
    const bare = initial.slice(initial.indexOf('n='));
    const nonce = /r=(.*)/.exec(bare)?.[1] ?? '';
    const serverFirst = first?.(nonce) ?? `r=${nonce}server,s=${SALT.toString('base64')},i=4096`;
    conversation.say(authentication(11, Buffer.from(serverFirst)));
    const final = (await conversation.message()).body.toString();
    const withoutProof = final.slice(0, final.indexOf(',p='));
    const salted = pbkdf2Sync('upstream', SALT, 4096, 32, 'sha256');
    const key = createHmac('sha256', salted).update('Server Key').digest();
    const signature = createHmac('sha256', key).update(`${bare},${serverFirst},${withoutProof}`).digest('base64');
    conversation.say(...(last?.(signature) ?? accepted(signature)));
  };
}

const accepted = (signature: string): Buffer[] => [
  authentication(12, Buffer.from(`v=${signature}`)),
  authentication(0),
  ...GREETING,
  readyForQuery(),
];
const greeting = (...messages: readonly Buffer[]): Lie =>
  scram({ last: (signature) => [authentication(12, Buffer.from(`v=${signature}`)), authentication(0), ...messages] });
const without = (name: string): readonly Buffer[] => GREETING.filter((said) => !said.includes(name));
const wrongSignature = createHash('sha256').update('wrong').digest('base64');

/** Told to the proxy while it logs in: its client gets an error and the end, within the login deadline. */
const LOGIN_LIES: Readonly<Record<string, Lie>> = {
  'closes at once': (socket) => void socket.destroy(),
  'closes its half at once': (socket) => void socket.end(),
  'closes after the start-up packet': async (socket, conversation) => {
    await conversation.packet();
    socket.destroy();
  },
  'never answers': () => undefined,
  'drips its answer': async (socket, conversation) => {
    await conversation.packet();
    for (const byte of Buffer.concat([SCRAM, SCRAM, SCRAM, SCRAM])) {
      socket.write(Buffer.from([byte]));
      await sleep(100);
    }
  },
  'talks HTTP': saying(Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')),
  'talks MySQL': (_, conversation) => conversation.say(Buffer.from('J\0\0\0\x0a8.0.31\0', 'latin1')),
  'says a length of 2 GiB': saying(Buffer.from('R'), int32(0x7fff_ffff)),
  'says a length of 0': saying(Buffer.from('R'), int32(0)),
  'says a negative length': saying(Buffer.from('R'), int32(0xffff_ffff)),
  'says AuthenticationOk unasked': saying(authentication(0), ...GREETING, readyForQuery()),
  'asks for the password in clear': saying(authentication(3)),
  'asks for Kerberos': saying(authentication(2)),
  'asks for GSSAPI': saying(authentication(7)),
  'asks for SSPI': saying(authentication(9)),
  'asks for an authentication that nobody knows': saying(authentication(4711)),
  'asks with an authentication that is cut': saying(message('R', Buffer.from([0, 0]))),
  'asks for md5 with a short salt': saying(authentication(5, Buffer.from('ab'))),
  'offers no mechanism': saying(authentication(10, Buffer.from('\0'))),
  'offers a mechanism that nobody knows': saying(authentication(10, Buffer.from('SCRAM-MD5\0\0'))),
  'offers mechanisms without their end': saying(authentication(10, Buffer.from('SCRAM-SHA-256'))),
  'continues a SASL that never began': saying(authentication(11, Buffer.from('r=x,s=AAAA,i=4096'))),
  'finishes a SASL that never began': saying(authentication(12, Buffer.from('v=AAAA'))),
  'takes another nonce': scram({ first: () => `r=other,s=${SALT.toString('base64')},i=4096` }),
  'adds nothing to the nonce': scram({ first: (nonce) => `r=${nonce},s=${SALT.toString('base64')},i=4096` }),
  'asks for 2,000,000,000 iterations': scram({
    first: (nonce) => `r=${nonce}x,s=${SALT.toString('base64')},i=2000000000`,
  }),
  'asks for 0 iterations': scram({ first: (nonce) => `r=${nonce}x,s=${SALT.toString('base64')},i=0` }),
  'asks for -1 iterations': scram({ first: (nonce) => `r=${nonce}x,s=${SALT.toString('base64')},i=-1` }),
  'sends no salt': scram({ first: (nonce) => `r=${nonce}x,s=,i=4096` }),
  'sends a salt that is not base64': scram({ first: (nonce) => `r=${nonce}x,s=!!!!,i=4096` }),
  'sends an extension of SCRAM that must be understood': scram({ first: (nonce) => `m=x,r=${nonce}x,s=AAAA,i=4096` }),
  'sends server-first of garbage': scram({ first: () => '\0\x01\x02' }),
  'sends a wrong signature': scram({ last: () => accepted(wrongSignature) }),
  'sends an empty signature': scram({ last: () => accepted('') }),
  'says e=other-error': scram({ last: () => [authentication(12, Buffer.from('e=other-error'))] }),
  'says AuthenticationOk without its signature': scram({
    last: () => [authentication(0), ...GREETING, readyForQuery()],
  }),
  'says the signature and not AuthenticationOk': scram({
    last: (signature) => [authentication(12, Buffer.from(`v=${signature}`)), ...GREETING, readyForQuery()],
  }),
  'asks for the password anew': scram({ last: () => [SCRAM] }),
  'sends rows during the login': greeting(message('D', int16(0)), ...GREETING, readyForQuery()),
  'sends ParseComplete during the login': greeting(...GREETING, message('1'), readyForQuery()),
  'says a type that nobody knows': greeting(message('z'), ...GREETING, readyForQuery()),
  'is ready with a status that nobody knows': greeting(...GREETING, readyForQuery('X')),
  'is ready inside a transaction': greeting(...GREETING, readyForQuery('T')),
  'is never ready': greeting(...GREETING),
  'is ready without a key for cancelling': greeting(...without('key!'), readyForQuery()),
  'says a key of 1,000 bytes': greeting(
    ...without('key!'),
    message('K', int32(1), Buffer.alloc(1_000)),
    readyForQuery(),
  ),
  'says no version': greeting(...without('server_version'), readyForQuery()),
  'is CockroachDB': greeting(
    ...without('server_version'),
    parameter('server_version', '13.0.0'),
    parameter('crdb_version', 'CockroachDB CCL v24.1.0'),
    readyForQuery(),
  ),
  'is PostgreSQL 9.6': greeting(...without('server_version'), parameter('server_version', '9.6.24'), readyForQuery()),
  'says a version of garbage': greeting(
    ...without('server_version'),
    parameter('server_version', 'eighteen'),
    readyForQuery(),
  ),
  'has a client_encoding of its own': greeting(
    ...without('client_encoding'),
    parameter('client_encoding', 'SJIS'),
    readyForQuery(),
  ),
  'has standard_conforming_strings off': greeting(
    ...without('standard_conforming'),
    parameter('standard_conforming_strings', 'off'),
    readyForQuery(),
  ),
  'has a LATIN1 database': greeting(
    ...without('server_encoding'),
    parameter('server_encoding', 'LATIN1'),
    readyForQuery(),
  ),
  'sends ParameterStatus without its ends': greeting(message('S', Buffer.from('name')), ...GREETING, readyForQuery()),
  'sends parameters for ever': scram({
    last: (signature) => [
      authentication(12, Buffer.from(`v=${signature}`)),
      authentication(0),
      ...endless(parameter('application_name', 'x'.repeat(1_000))),
    ],
  }),
  'sends notices for ever': scram({
    last: (signature) => [
      authentication(12, Buffer.from(`v=${signature}`)),
      authentication(0),
      ...endless(message('N', Buffer.from('SNOTICE\0\0'))),
    ],
  }),
  'sends an ErrorResponse without fields': saying(message('E', Buffer.from([0]))),
  'sends an ErrorResponse that never ends': saying(message('E', Buffer.from('SFATAL'))),
  'sends an ErrorResponse of 200 MB': saying(Buffer.from('E'), int32(200_000_000), Buffer.alloc(1_000_000, 'x')),
  'negotiates a version that was not asked for': saying(message('v', int32(99), int32(0))),
};

const endless = (said: Buffer): Buffer[] => Array.from({ length: 20_000 }, () => said);

/** Told amid a session: it ends with an error, or with the reply so far and the end. */
const SESSION_LIES: Readonly<Record<string, (toProxy: net.Socket) => void>> = {
  'dies without a word': (socket) => void socket.destroy(),
  'resets the connection': (socket) => void socket.resetAndDestroy(),
  'closes its half': (socket) => void socket.end(),
  'dies amid a row': (socket) => {
    socket.end(Buffer.concat([message('T', int16(0)), Buffer.from('D'), int32(1_000), Buffer.from('only so much')]));
  },
  'dies amid a header': (socket) => void socket.end(Buffer.from('D\0\0')),
  'says a type that nobody knows': (socket) => void socket.write(message('z', Buffer.from('x'))),
  'says a length of 0': (socket) => void socket.write(Buffer.concat([Buffer.from('D'), int32(0)])),
  'says a length of 3': (socket) => void socket.write(Buffer.concat([Buffer.from('C'), int32(3)])),
  'says a negative length': (socket) => void socket.write(Buffer.concat([Buffer.from('D'), int32(0xffff_ffff)])),
  'says a length of 2 GiB for what is never long': (socket) =>
    void socket.write(Buffer.concat([Buffer.from('Z'), int32(0x7fff_ffff)])),
  'talks HTTP': (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'asks for authentication anew': (socket) => void socket.write(authentication(3)),
  'says AuthenticationOk': (socket) => void socket.write(authentication(0)),
  'gives another cancel key': (socket) => void socket.write(message('K', int32(1), Buffer.from('abcd'))),
  'is ready with a status that nobody knows': (socket) =>
    void socket.write(Buffer.concat([message('C', Buffer.from('SELECT 1\0')), readyForQuery('X')])),
  'is ready with no status': (socket) => void socket.write(message('Z')),
  'is ready twice': (socket) =>
    void socket.write(Buffer.concat([message('I'), readyForQuery(), readyForQuery(), message('I'), readyForQuery()])),
  'answers what nobody asked': (socket) =>
    void socket.write(
      Buffer.concat([
        message('I'),
        readyForQuery(),
        message('T', int16(0)),
        message('C', Buffer.from('SELECT 0\0')),
        readyForQuery(),
      ]),
    ),
  'answers a Query with ParseComplete': (socket) => void socket.write(Buffer.concat([message('1'), readyForQuery()])),
  'answers a Query with BindComplete': (socket) =>
    void socket.write(Buffer.concat([message('2'), message('3'), message('n'), readyForQuery()])),
  'starts a COPY that nobody asked for': (socket) => void socket.write(message('G', Buffer.from([0, 0, 0]))),
  'starts a replication': (socket) => void socket.write(message('W', Buffer.from([0, 0, 0]))),
  'changes client_encoding': (socket) =>
    void socket.write(Buffer.concat([parameter('client_encoding', 'SJIS'), message('I'), readyForQuery()])),
  'changes standard_conforming_strings': (socket) =>
    void socket.write(Buffer.concat([parameter('standard_conforming_strings', 'off'), message('I'), readyForQuery()])),
  'sends ParameterStatus without its ends': (socket) => void socket.write(message('S', Buffer.from('name'))),
  'sends an ErrorResponse that never ends': (socket) => void socket.write(message('E', Buffer.from('SERROR'))),
};

describe('servers that lie', function () {
  this.timeout(30_000);
  let scene: Scene;
  let liar: LyingServer;
  let middle: LyingMiddle;

  before(async function () {
    liar = await startLyingServer();
    middle = await startLyingMiddle();
    scene = await Scene.start(this, {
      backends: [
        { id: 'test/liar', host: liar.host, port: liar.port },
        {
          id: 'test/secure-liar',
          host: liar.host,
          port: liar.port,
          tls: { mode: 'require', allowCleartextPassword: true },
        },
        { id: 'test/middle', host: middle.host, port: middle.port },
      ],
    });
    middle.target = scene.server;
    await scene.arrive();
  });
  after(async () => {
    const started = scene as Scene | undefined;
    await liar.stop();
    await middle.stop();
    if (started === undefined) return;
    try {
      await started.settled(1);
      await started.leave();
    } finally {
      await started.stop();
    }
  });

  describe('at the login', () => {
    for (const [what, lie] of Object.entries(LOGIN_LIES)) {
      it(`one that ${what}`, async () => {
        liar.lie = lie;
        const failure = await scene.login('app', 'test/liar').catch((error: unknown) => error);
        expect(failure, 'the login').to.be.instanceOf(Error);
        if (failure instanceof ServerError) expect(failure.fields.S).to.equal('FATAL');
        else expect((failure as { code?: string }).code).to.equal('CONNECTION_ENDED');
        expect(liar.received().includes('upstream'), 'the password in clear').to.equal(false);
      });
    }
  });

  describe('at the request for TLS', () => {
    const answering =
      (bytes: Buffer): Lie =>
      async (_, conversation: Conversation) => {
        await conversation.packet();
        conversation.say(bytes);
      };
    const lies: Readonly<Record<string, Lie>> = {
      'says N': answering(Buffer.from('N')),
      'says S and more at once': answering(
        Buffer.concat([Buffer.from('S'), authentication(0), ...GREETING, readyForQuery()]),
      ),
      'says S and no TLS': answering(Buffer.from(`S${'garbage'.repeat(50)}`)),
      'says S and nothing': answering(Buffer.from('S')),
      'says an ErrorResponse before TLS': answering(errorResponse('28000', 'planted-by-a-stranger')),
      'says a byte that nobody knows': answering(Buffer.from('X')),
      'says nothing': () => undefined,
    };
    for (const [what, lie] of Object.entries(lies)) {
      it(`one that ${what}`, async () => {
        liar.lie = lie;
        const failure = await scene.login('app', 'test/secure-liar').catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(Error);
        expect((failure as Error).message).to.not.include('planted');
        expect(liar.received().includes('upstream')).to.equal(false);
      });
    }
  });

  describe('amid a session', () => {
    it('passes through as long as nobody lies', async () => {
      const client = await scene.login('boss', 'test/middle');
      expect(types(await client.query('select 1'))).to.equal('TDCZ');
      await client.close();
    });
    for (const [what, lie] of Object.entries(SESSION_LIES)) {
      it(`one that ${what}`, async () => {
        middle.onTrigger = lie;
        const client = await scene.login('boss', 'test/middle');
        client.send(query(`select '${TRIGGER}'`));
        const messages = await endOf(client);
        const last = messages.at(-1);
        if (last?.type === 'E') expect(errorFields(last).S).to.equal('FATAL');
        client.destroy();
      });
    }

    it('one whose rows and notifications are no such: passed on as they are, for only the client reads them', async () => {
      const said = [message('A', Buffer.from([0, 0])), message('T', int16(3)), message('D', int16(3))];
      middle.onTrigger = (toProxy) => {
        toProxy.write(Buffer.concat([...said, message('C', Buffer.from('SELECT 1\0')), readyForQuery()]));
      };
      const client = await scene.login('boss', 'test/middle');
      client.send(query(`select '${TRIGGER}'`));
      expect(types(await client.readUntilReady())).to.equal('ATDCZ');
      client.destroy();
    });

    it('one that speaks while nobody asked', async () => {
      const sockets: net.Socket[] = [];
      middle.onTrigger = (toProxy) => {
        sockets.push(toProxy);
        toProxy.write(Buffer.concat([message('I'), readyForQuery()]));
      };
      const client = await scene.login('boss', 'test/middle');
      client.send(query(`select '${TRIGGER}'`));
      await client.readUntilReady();
      sockets[0]?.write(
        Buffer.concat([message('T', int16(0)), message('C', Buffer.from('SELECT 0\0')), readyForQuery()]),
      );
      await endOf(client);
      client.destroy();
    });

    it('one that never answers: the client may go, and its link goes with it', async () => {
      middle.onTrigger = () => undefined;
      const client = await scene.login('boss', 'test/middle');
      client.send(query(`select '${TRIGGER}'`));
      await sleep(100);
      client.destroy();
      await scene.settled(1);
    });
  });

  /** A session with a liar ends by itself. */
  async function endOf(client: RawClient): ReturnType<RawClient['readToEnd']> {
    return await client.readToEnd(4_000);
  }
});
