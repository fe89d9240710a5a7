import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { encodeParameterStatus } from '#proxy/protocols/postgres/encode';
import { skipUnless } from '#test/harness/skip';
import { dialFailure, fakeServer, fatal, tryDial, WELCOME } from './servers.ts';
import type net from 'node:net';
import type { DialTest, FakeServer } from './servers.ts';

/** Listens with the shortest queue, and never takes anything from it. */
const BUSY = `
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20000);
  });`;

type Talk = (socket: net.Socket, chunk: Buffer, nth: number) => void;

describe('dial: servers that lie, stall or are not there', () => {
  let server: FakeServer | undefined;

  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  const against = async (talk: Talk): Promise<number> => {
    server = await fakeServer(talk);
    return server.port;
  };

  const failure = async (talk: Talk, test: Omit<DialTest, 'port'> = {}): Promise<readonly [string, string]> => {
    const error = await dialFailure({ ...test, port: await against(talk) });
    expect(error.message).not.to.match(/upstream|pencil/);
    return [error.code, error.sqlstate];
  };

  it('an honest one is let through, and what it says next is kept', async () => {
    const more = encodeParameterStatus('TimeZone', 'CET');
    const port = await against((socket) => socket.write(Buffer.concat([WELCOME, more])));
    const { socket, server: found, rest } = await tryDial({ port });
    expect(found.major).to.equal(18);
    const arrived = once(socket, 'data');
    server!.sockets[0]!.write('later');
    expect(String((await arrived)[0])).to.equal('later');
    expect(rest.equals(more)).to.equal(true);
    socket.destroy();
  });

  it('byte by byte it is the same', async () => {
    const port = await against((socket) => {
      socket.setNoDelay(true);
      void (async () => {
        for (const byte of WELCOME) {
          socket.write(Buffer.from([byte]));
          await new Promise(setImmediate);
        }
      })();
    });
    const { socket, server: found } = await tryDial({ port });
    expect(found.parameters.length).to.equal(13);
    socket.destroy();
  });

  it('an error after the login, before anybody listens, ends nothing else', async () => {
    const port = await against((socket) => socket.write(WELCOME));
    const { socket } = await tryDial({ port });
    server!.sockets[0]!.resetAndDestroy();
    await sleep(50);
    socket.write('x');
    await sleep(20);
    expect(socket.destroyed || !socket.writable).to.equal(true);
  });

  const cases: [string, Talk, Omit<DialTest, 'port'>, readonly [string, string]][] = [
    ['closes at once', (socket) => socket.end(), {}, ['closed', '08006']],
    ['resets', (socket) => socket.resetAndDestroy(), {}, ['closed', '08006']],
    ['closes amid a message', (socket) => socket.end(WELCOME.subarray(0, 20)), {}, ['closed', '08006']],
    ['says nothing', () => undefined, { loginTimeout: 100 }, ['login-timeout', '08001']],
    [
      'drips',
      (socket) => {
        const drip = setInterval(() => socket.write(Buffer.from('R')), 20);
        socket.once('close', () => clearInterval(drip));
      },
      { loginTimeout: 150 },
      ['protocol', '08006'],
    ],
    ['speaks HTTP', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), {}, ['protocol', '08006']],
    ['announces 2 GiB', (socket) => socket.write(Buffer.from('527fffffff', 'hex')), {}, ['protocol', '08006']],
    [
      'announces less than nothing',
      (socket) => socket.write(Buffer.from('52ffffffff', 'hex')),
      {},
      ['protocol', '08006'],
    ],
    ['floods with parameters', (socket) => flood(socket), {}, ['protocol', '08006']],
    ['has no TLS', (socket) => socket.write('N'), { mode: 'require' }, ['tls-refused', '08001']],
    [
      'answers SSLRequest by an error',
      (socket) => socket.write(fatal('0A000')),
      { mode: 'verify-full' },
      ['tls-refused', '08001'],
    ],
    [
      'puts plain bytes behind its S, to be taken for encrypted ones',
      (socket) => socket.write(Buffer.concat([Buffer.from('S'), WELCOME])),
      { mode: 'require' },
      ['protocol', '08006'],
    ],
    [
      'says S and does not speak TLS',
      (socket, _chunk, nth) => socket.write(nth === 0 ? 'S' : 'nonsense, and no TLS record at all'),
      { mode: 'require' },
      ['tls-failed', '08001'],
    ],
    [
      'says S and closes',
      (socket, _chunk, nth) => (nth === 0 ? socket.write('S') : socket.end()),
      { mode: 'require' },
      ['tls-failed', '08001'],
    ],
    [
      'says S and stalls',
      (socket, _chunk, nth) => nth === 0 && socket.write('S'),
      { mode: 'require', loginTimeout: 100 },
      ['login-timeout', '08001'],
    ],
    ['starts up', (socket) => socket.end(fatal('57P03')), {}, ['refused', '57P03']],
    ['shuts down', (socket) => socket.end(fatal('57P01')), {}, ['refused', '57P03']],
    ['is full', (socket) => socket.end(fatal('53300')), {}, ['refused', '53300']],
    ['refuses our password', (socket) => socket.end(fatal('28P01')), {}, ['refused', '08004']],
    ['refuses for reasons of its own', (socket) => socket.end(fatal('XX000')), {}, ['refused', '08006']],
  ];
  for (const [what, talk, test, expected] of cases) {
    it(`one that ${what}`, async () => {
      expect(await failure(talk, test)).to.deep.equal(expected);
      await sleep(10);
      for (const socket of server!.sockets) {
        socket.resume();
        if (!socket.destroyed) await once(socket, 'close'); // our end is closed, whatever happened
      }
    });
  }

  function flood(socket: net.Socket): void {
    const one = encodeParameterStatus('name', 'x'.repeat(1_000));
    socket.write(Buffer.concat([WELCOME.subarray(0, 9), ...Array.from({ length: 1_000 }, () => one)]));
  }

  it('prefer goes on in the clear where the first answer was an error or a broken handshake', async () => {
    for (const answer of ['E', 'S']) {
      const port = await against((socket, chunk, nth) => {
        const asks = nth === 0 && chunk.length === 8;
        if (asks) socket.write(answer);
        else if (chunk[0] === 0x16) socket.end('no TLS here');
        else socket.write(WELCOME);
      });
      const { socket } = await tryDial({ port, mode: 'prefer' });
      expect(server!.sockets.length, answer).to.equal(2);
      socket.destroy();
      await server!.stop();
    }
  });

  it('no second attempt where TLS is required', async () => {
    await failure((socket) => socket.write('N'), { mode: 'require' });
    expect(server!.sockets.length).to.equal(1);
  });

  it('nobody there: 08001', async () => {
    const port = await against(() => undefined);
    await server!.stop();
    const error = await dialFailure({ port });
    server = undefined;
    expect([error.code, error.sqlstate]).to.deep.equal(['unreachable', '08001']);
  });

  it('one that is too busy to take the connection: 08001 in time', async function () {
    skipUnless(this, process.platform === 'linux', 'a queue of connections as Linux keeps it');
    const busy = spawn(process.execPath, ['-e', BUSY], { stdio: ['ignore', 'pipe', 'inherit'] });
    const fillers: net.Socket[] = [];
    try {
      const [line] = (await once(busy.stdout, 'data')) as [Buffer];
      const port = Number(line.toString());
      for (let n = 0; n < 4; n += 1) fillers.push(connect(port, '127.0.0.1').on('error', () => undefined));
      await sleep(100);
      const error = await dialFailure({ port, connectTimeout: 150 });
      expect([error.code, error.sqlstate]).to.deep.equal(['connect-timeout', '08001']);
    } finally {
      for (const socket of fillers) socket.destroy();
      busy.kill('SIGKILL');
    }
  });

  it('given up before and amid the login', async () => {
    const port = await against(() => undefined);
    expect((await dialFailure({ port, signal: AbortSignal.abort() })).code).to.equal('aborted');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    const error = await dialFailure({ port, signal: controller.signal });
    expect([error.code, error.sqlstate]).to.deep.equal(['aborted', '57P01']);
  });
});
