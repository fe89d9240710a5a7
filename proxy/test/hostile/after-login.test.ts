import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import * as frontend from '#test/harness/frontend';
import { RawClient, firstError } from '#test/harness/raw-client';
import { Scene, endsWithError } from './scene.ts';

const { int16, int32, cstring, message, query, sync } = frontend;
const name = (text: string): Buffer => cstring(text);

/** Not the protocol at all: the connection ends. */
const BROKEN: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a type that nobody knows', message('z', Buffer.from('x'))],
  ['a type of NUL', message('\0', Buffer.from('x'))],
  ['a type of 0xff', message('\xff')],
  ['a length of 0', Buffer.concat([Buffer.from('Q'), int32(0)])],
  ['a length of 3', Buffer.concat([Buffer.from('S'), int32(3)])],
  ['a negative length', Buffer.concat([Buffer.from('Q'), int32(0xffff_ffff)])],
  ['a length of 2 GiB', Buffer.concat([Buffer.from('Q'), int32(0x7fff_ffff)])],
  ['a second start-up packet', frontend.startup({ user: 'boss' })],
  ['SSLRequest', frontend.sslRequest()],
  ['a CancelRequest in the session', frontend.cancelRequest(1, Buffer.from('abcd'))],
  ['a password', frontend.passwordMessage(cstring('secret'))],
  ["a server's message", message('R', int32(0))],
  ["a server's row", message('T', int16(0))],
  ['a TLS handshake', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['CopyBoth traffic', message('W', Buffer.from([0, 0, 0]))],
];

/** Messages whose inside is broken: an error, and then either the end or a session that works. */
const MALFORMED: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a Query without its end', message('Q', Buffer.from('select 1'))],
  ['an empty Query body', message('Q')],
  ['a Query with a NUL inside', message('Q', Buffer.from("select 1\0; select 'hidden'\0"))],
  ['a Query that is not UTF-8', message('Q', Buffer.from("select '"), Buffer.from([0xc3, 0x28]), Buffer.from("'\0"))],
  ['an overlong UTF-8 quote', message('Q', Buffer.from('select '), Buffer.from([0xc0, 0xa7]), Buffer.from(' \0'))],
  ['a surrogate in UTF-8', message('Q', Buffer.from("select '"), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from("'\0"))],
  ['a Parse without its text', message('P', name('s'))],
  ['a Parse cut in its types', message('P', name(''), name('select 1'), int16(3), int32(23))],
  ['a Parse with a negative count', message('P', name(''), name('select 1'), int16(-1))],
  ['a Parse with bytes to spare', message('P', name(''), name('select 1'), int16(0), Buffer.from('spare'))],
  ['an empty Parse', message('P')],
  ['an empty Bind', message('B')],
  ['a Bind cut in its formats', message('B', name(''), name(''), int16(9), int16(0))],
  [
    'a Bind with a value longer than the message',
    message('B', name(''), name(''), int16(0), int16(1), int32(1_000), Buffer.from('x')),
  ],
  ['a Bind with a value of length -2', message('B', name(''), name(''), int16(0), int16(1), int32(-2), int16(0))],
  ['a Bind with 65,535 values that are not there', message('B', name(''), name(''), int16(0), int16(0xffff))],
  ['a Bind with bytes to spare', message('B', name(''), name(''), int16(0), int16(0), int16(0), Buffer.from('spare'))],
  ['an Execute without its row count', message('E', name(''))],
  ['an Execute whose portal never ends', message('E', Buffer.from('p'))],
  ['a Describe of X', message('D', Buffer.from('X'), name(''))],
  ['a Describe without a name', message('D', Buffer.from('S'))],
  ['a Close of X', message('C', Buffer.from('X'), name(''))],
  ['an empty Close', message('C')],
  ['a Sync with a body', message('S', Buffer.from('body'))],
  ['a Flush with a body', message('H', Buffer.from('body'))],
  ['a Terminate with a body, then more', Buffer.concat([message('X', Buffer.from('body')), query('select 1')])],
  ['a FunctionCall cut short', message('F', int32(1397), int16(0), int16(1))],
  ['an empty FunctionCall', message('F')],
  ['a CopyFail without its end', Buffer.concat([query('copy open from stdin'), message('f', Buffer.from('no end'))])],
  ['a statement name of 1 MB', frontend.parse('select 1', { name: 'n'.repeat(1_000_000) })],
  [
    'a portal name of 1 MB',
    Buffer.concat([frontend.parse('select 1'), frontend.bind({ portal: 'n'.repeat(1_000_000) })]),
  ],
  ['a name that is not UTF-8', frontend.parse('select 1', { name: Buffer.from([0xff, 0xfe]) })],
  [
    'Bind to a statement that is not, thousands of times',
    Buffer.concat(Array.from({ length: 5_000 }, () => frontend.bind({ statement: 'absent' }))),
  ],
];

describe('hostile after login', function () {
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

  for (const [situation, bytes] of BROKEN) {
    it(`${situation}: ends the connection with a protocol error`, async () => {
      const client = await scene.login();
      client.send(bytes);
      expect(await endsWithError(client)).to.equal('08P01');
    });
    it(`${situation}, amid a transaction and a pipeline: ends it too`, async () => {
      const client = await scene.login();
      await client.query('begin; insert into open values (-1)');
      client.send(frontend.extended('select 1'), bytes);
      expect(await endsWithError(client)).to.equal('08P01');
      const other = await scene.login();
      expect((await other.query('select id from open where id = -1')).some(({ type }) => type === 'D')).to.equal(false);
      await other.close();
    });
  }

  for (const [situation, bytes] of MALFORMED) {
    it(`${situation}: an error, then the end or a session that works`, async () => {
      const client = await scene.login();
      client.send(bytes);
      client.send(sync());
      await sleep(50);
      if (!client.ended) client.send(query("select 'alive'"), query("select 'still'"));
      const messages = await readToEndOr(client, 'still');
      expect(JSON.stringify(messages.map(({ body }) => body.toString()))).to.not.include('hidden');
      if (!situation.startsWith('a Terminate')) expect(messages.some(({ type }) => type === 'E')).to.equal(true);
      client.destroy();
    });
  }

  it('half a message, and then the end', async () => {
    for (const cut of [1, 3, 5, 8]) {
      const client = await scene.login();
      client.send(query('select 1').subarray(0, cut));
      client.socket.end();
      await endsWithError(client);
    }
    await scene.settled(1);
  });

  it('half-closed after a Query: the session ends, nothing stays', async () => {
    const client = await scene.login();
    client.send(query('select 1; select pg_sleep(0.1); select 2'));
    client.socket.end();
    await client.readToEnd(5_000);
    client.destroy();
    await scene.settled(1);
  });

  it('gone amid a transaction, a result, a COPY, a sleep: the server session goes too', async () => {
    const ways = [
      frontend.query('begin; insert into open values (-2)'),
      frontend.query('select * from generate_series(1, 1000000)'),
      Buffer.concat([query('copy open from stdin'), frontend.copyData('-3\tx\n')]),
      frontend.query('select pg_sleep(2)'),
      frontend.extended('select pg_sleep(2)'),
    ];
    for (const bytes of ways) {
      const client = await scene.login('boss');
      client.send(bytes);
      await sleep(50);
      client.socket.resetAndDestroy();
    }
    await scene.settled(1);
    const admin = await RawClient.login({ ...scene.server, database: 'scene' });
    const deadline = Date.now() + 5_000;
    let left = '';
    do {
      const [row] = (
        await admin.query("select count(*) from pg_stat_activity where usename = 'shared_login' and state <> 'idle'")
      ).filter(({ type }) => type === 'D');
      left = row?.body.toString('latin1', 6) ?? '';
      if (left !== '0') await sleep(100);
    } while (left !== '0' && Date.now() < deadline);
    expect(left).to.equal('0');
    expect((await admin.query('select id from open where id < 0')).some(({ type }) => type === 'D')).to.equal(false);
    await admin.close();
  });

  it('slow-drip: a Query byte by byte is a Query all the same', async () => {
    const client = await scene.login();
    for (const byte of query('select 1')) {
      client.send(Buffer.from([byte]));
      await sleep(20);
    }
    expect((await client.readUntilReady()).map(({ type }) => type).join('')).to.equal('TDCZ');
    await client.close();
  });

  it('COPY data before, after and instead of what is expected', async () => {
    const client = await scene.login('boss');
    client.send(frontend.copyData('x'), query('copy open from stdin'), query('select 1'));
    const first = await readToEndOr(client, undefined, 2_000);
    expect(first.some(({ type }) => type === 'E')).to.equal(true);
    client.destroy();
    const parse = await scene.login('boss');
    parse.send(query('copy open from stdin'), frontend.parse('select 1'), sync());
    expect((await readToEndOr(parse, undefined, 2_000)).some(({ type }) => type === 'E')).to.equal(true);
    parse.destroy();
  });

  it('its own nonce is refused to a client, whatever it guesses', async () => {
    const client = await scene.login();
    client.send(frontend.closeStatement('articdbm'), frontend.bind({ statement: 'articdbm' }), sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('26000');
    await client.close();
  });

  it('a text of 5 MiB is refused and the session usable, or ended', async () => {
    const client = await scene.login();
    client.send(query(`select '${'x'.repeat(5 * 1024 * 1024)}'`));
    const messages = await client.readUntil(({ type }) => type === 'E');
    expect(firstError(messages)?.C).to.equal('54001');
    client.destroy();
  });
});

/** Reads until a row holds the word, or the connection ends, or time is up. */
async function readToEndOr(
  client: RawClient,
  word: string | undefined,
  patience = 4_000,
): ReturnType<RawClient['readToEnd']> {
  const messages: Awaited<ReturnType<RawClient['readToEnd']>> = [];
  try {
    for (;;) {
      const message = await client.readMessage(patience);
      messages.push(message);
      if (word !== undefined && message.type === 'D' && message.body.includes(word)) return messages;
    }
  } catch (error) {
    if (word === undefined || client.ended) return messages;
    throw error;
  }
}
