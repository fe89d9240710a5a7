/** For this suite: servers that lie, and what a dial needs besides. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { dial, DialError } from '#proxy/upstream/dial';
import { encodeErrorResponse, encodeParameterStatus, encodeReadyForQuery } from '#proxy/protocols/postgres/encode';
import { encodeAuthenticationOk, encodeBackendKeyData } from '#proxy/protocols/postgres/encode-login';
import { testSnapshot } from '#test/harness/snapshot';
import type { SnapshotBackend } from '#contract/snapshot/types';

export interface FakeServer {
  readonly port: number;
  readonly sockets: readonly net.Socket[];
  stop(): Promise<void>;
}

/** `talk` is called for each connection, and sees each chunk that comes. */
export async function fakeServer(talk: (socket: net.Socket, chunk: Buffer, nth: number) => void): Promise<FakeServer> {
  const sockets: net.Socket[] = [];
  const listener = net.createServer((socket) => {
    sockets.push(socket);
    let nth = 0;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => talk(socket, chunk, nth++));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as net.AddressInfo).port,
    sockets,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}

export interface DialTest {
  readonly host?: string;
  readonly port: number;
  readonly mode?: SnapshotBackend['tls']['mode'];
  readonly ca?: string | undefined;
  readonly allowCleartextPassword?: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly settings?: readonly (readonly [string, string])[];
  readonly connectTimeout?: number;
  readonly loginTimeout?: number;
  readonly signal?: AbortSignal;
}

const backendOf = (test: DialTest): SnapshotBackend => {
  const { host = '127.0.0.1', port, mode = 'disable', ca, allowCleartextPassword = false, loginTimeout = 5_000 } = test;
  const tls = { mode, allowCleartextPassword, ...(ca === undefined ? {} : { ca }) };
  const [backend] = testSnapshot({
    host,
    port,
    users: [],
    tls,
    timeouts: { connect: test.connectTimeout ?? 2_000, login: loginTimeout },
  }).backends;
  if (backend === undefined) throw new Error('no backend');
  return backend;
};

export const tryDial = (test: DialTest): ReturnType<typeof dial> =>
  dial({
    backend: backendOf(test),
    login: { username: test.user ?? 'upstream', password: test.password ?? 'pencil' },
    database: test.database ?? 'postgres',
    settings: test.settings ?? [],
    environment: { now: () => Date.now(), monotonic: () => performance.now(), randomBytes },
    signal: test.signal ?? new AbortController().signal,
  });

/** The error that a dial ends in; it is a bug when it doesn't. */
export async function dialFailure(test: DialTest): Promise<DialError> {
  try {
    const { socket } = await tryDial(test);
    socket.destroy();
  } catch (error) {
    if (error instanceof DialError) return error;
    throw error;
  }
  throw new Error('it went through');
}

const REPORT = {
  ...{
    in_hot_standby: 'off',
    integer_datetimes: 'on',
    TimeZone: 'UTC',
    IntervalStyle: 'postgres',
    is_superuser: 'off',
  },
  ...{ application_name: '', default_transaction_read_only: 'off', DateStyle: 'ISO, MDY' },
  ...{ standard_conforming_strings: 'on', session_authorization: 'u', client_encoding: 'UTF8' },
  ...{ server_version: '18.1', server_encoding: 'UTF8' },
};

/** All that a server says that lets everybody in. */
export const WELCOME = Buffer.concat([
  encodeAuthenticationOk(),
  ...Object.entries(REPORT).map(([name, value]) => encodeParameterStatus(name, value)),
  encodeBackendKeyData(1, Buffer.from([1, 2, 3, 4])),
  encodeReadyForQuery('I'),
]);

export const fatal = (sqlstate: string): Buffer =>
  encodeErrorResponse({ severity: 'FATAL', sqlstate, message: 'the user upstream with password pencil' });
