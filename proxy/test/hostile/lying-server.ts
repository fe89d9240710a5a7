import net from 'node:net';
import { once } from 'node:events';
import { int32, message } from '#test/harness/frontend';

/** What a lying server does with one connection, from its first byte. */
export type Lie = (socket: net.Socket, conversation: Conversation) => void | Promise<void>;

/** Reads what the proxy sends; `raw` for SSLRequest and start-up packets, which have no type. */
export class Conversation {
  readonly #socket: net.Socket;
  #received = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #over = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    socket.on('close', () => {
      this.#over = true;
      this.#wake?.();
    });
  }

  /** A packet without a type; its body. */
  async packet(): Promise<Buffer> {
    const head = await this.#take(4);
    return await this.#take(head.readUInt32BE(0) - 4);
  }

  /** A message; its type and body. */
  async message(): Promise<{ type: string; body: Buffer }> {
    const head = await this.#take(5);
    return { type: head.toString('latin1', 0, 1), body: await this.#take(head.readUInt32BE(1) - 4) };
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#received.length < length) {
      if (this.#over) throw new Error('the proxy closed');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  say(...messages: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(messages));
  }
}

export interface LyingServer {
  readonly host: string;
  readonly port: number;
  /** What the next connections meet. */
  lie: Lie;
  /** Everything that was received, over all connections: a password must not be among it. */
  received(): Buffer;
  stop(): Promise<void>;
}

/** No PostgreSQL: says whatever the test tells it to. */
export async function startLyingServer(): Promise<LyingServer> {
  const sockets = new Set<net.Socket>();
  const heard: Buffer[] = [];
  const lying: LyingServer = {
    host: '127.0.0.1',
    port: 0,
    lie: (socket) => void socket.destroy(),
    received: () => Buffer.concat(heard),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    void Promise.resolve(lying.lie(socket, new Conversation(socket))).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(lying, { port: (server.address() as net.AddressInfo).port });
}

/** Between the proxy and a true server: passes everything on, until the client's bytes hold the trigger. */
export interface LyingMiddle extends LyingServer {
  target: { readonly host: string; readonly port: number };
  /** Done to the proxy's side when the trigger comes; the trigger itself is not passed on. */
  onTrigger: (toProxy: net.Socket, toServer: net.Socket) => void;
}

export const TRIGGER = 'lie to me now';

export async function startLyingMiddle(): Promise<LyingMiddle> {
  const base = await startLyingServer();
  const middle: LyingMiddle = Object.assign(base, {
    target: { host: '127.0.0.1', port: 1 },
    onTrigger: (toProxy: net.Socket) => void toProxy.destroy(),
  });
  middle.lie = (toProxy) => {
    const toServer = net.connect({ host: middle.target.host, port: middle.target.port, allowHalfOpen: true });
    let lied = false;
    toProxy.on('data', (chunk: Buffer) => {
      if (lied) return;
      if (chunk.includes(TRIGGER)) {
        lied = true;
        middle.onTrigger(toProxy, toServer);
      } else toServer.write(chunk);
    });
    toServer.on('data', (chunk: Buffer) => {
      if (!toProxy.destroyed) toProxy.write(chunk);
    });
    toProxy.on('end', () => toServer.end());
    toServer.on('end', () => toProxy.end());
    toServer.on('error', () => toProxy.destroy());
    toServer.on('close', () => toProxy.destroy());
    toProxy.on('close', () => toServer.destroy());
  };
  return middle;
}

export const authentication = (code: number, ...more: readonly Buffer[]): Buffer => message('R', int32(code), ...more);
export const parameter = (name: string, value: string): Buffer => message('S', Buffer.from(`${name}\0${value}\0`));
export const readyForQuery = (status = 'I'): Buffer => message('Z', Buffer.from(status));
export const errorResponse = (sqlstate: string, text: string): Buffer =>
  message('E', Buffer.from(`SERROR\0VERROR\0C${sqlstate}\0M${text}\0\0`));

/** What a PostgreSQL 18 tells after a login. */
export const GREETING: readonly Buffer[] = [
  parameter('server_version', '18.4'),
  parameter('server_encoding', 'UTF8'),
  parameter('client_encoding', 'UTF8'),
  parameter('standard_conforming_strings', 'on'),
  parameter('integer_datetimes', 'on'),
  message('K', int32(4711), Buffer.from('key!')),
];
