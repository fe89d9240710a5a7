import net from 'node:net';
import tls from 'node:tls';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import * as frontend from './frontend.ts';
import { ScramClient } from './scram-client.ts';

/** One message of the server's: its type as one character, and what follows the length. */
export interface Message {
  readonly type: string;
  readonly body: Buffer;
}

export interface ConnectOptions {
  readonly host?: string;
  readonly port: number;
  /** `request`: SSLRequest first; `direct`: a TLS handshake at once, ALPN `postgresql`. */
  readonly tls?: 'none' | 'request' | 'direct';
  /** PEM; absent: the peer's certificate is not verified. */
  readonly ca?: string;
  readonly servername?: string;
}

export interface LoginOptions {
  readonly user: string;
  readonly password?: string;
  readonly database?: string;
  /** More start-up parameters, in order. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly version?: number;
  /** SCRAM-SHA-256-PLUS; needs TLS. */
  readonly channelBinding?: boolean;
}

/** The connection ended before the awaited message came. */
export class ConnectionEnded extends Error {
  readonly code = 'CONNECTION_ENDED';
}

/** Milliseconds that any single wait may take unless told otherwise. */
export const PATIENCE = 10_000;

/** A connection on which a test says every message itself, and sees every one that comes back. */
export class RawClient {
  readonly socket: net.Socket;
  /** ParameterStatus of the login, in order. */
  parameters: (readonly [string, string])[] = [];
  pid = 0;
  key: Buffer = Buffer.alloc(0);
  /** All messages of the login. */
  loginMessages: Message[] = [];
  bytesRead = 0;
  readonly #messages: Message[] = [];
  #chunks: Buffer[] = [];
  #buffered = 0;
  #ended: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on('error', (error) => {
      this.#end(error);
    });
    socket.on('close', () => {
      this.#end(new Error('closed'));
    });
    socket.on('end', () => {
      this.#end(new Error('end of stream'));
    });
  }

  static async connect(options: ConnectOptions): Promise<RawClient> {
    const socket = net.connect({ host: options.host ?? '127.0.0.1', port: options.port, allowHalfOpen: true });
    await within(once(socket, 'connect'), PATIENCE, 'TCP connection');
    socket.setNoDelay(true);
    if (options.tls === undefined || options.tls === 'none') return new RawClient(socket);
    if (options.tls === 'request') {
      socket.write(frontend.sslRequest());
      const answer = await within(firstByte(socket), PATIENCE, 'answer to SSLRequest');
      if (answer !== 'S') throw new Error(`SSLRequest answered with ${answer}`);
    }
    return new RawClient(await secure(socket, options));
  }

  /** Connects and logs in. */
  static async login(options: ConnectOptions & LoginOptions): Promise<RawClient> {
    const client = await RawClient.connect(options);
    try {
      await client.authenticate(options);
    } catch (error) {
      client.destroy();
      throw error;
    }
    return client;
  }

  send(...messages: readonly Buffer[]): void {
    this.socket.write(messages.length === 1 ? (messages[0] ?? Buffer.alloc(0)) : Buffer.concat(messages));
  }

  /** Start-up packet, SCRAM (or cleartext) and all up to ReadyForQuery. Throws what the server says against it. */
  async authenticate(options: LoginOptions): Promise<void> {
    const database = options.database === undefined ? {} : { database: options.database };
    const named = { user: options.user, ...database, ...options.parameters };
    this.send(frontend.startup(named, options.version));
    const binding = options.channelBinding === true ? this.#serverEndPoint() : undefined;
    const scram = new ScramClient(options.password ?? '', binding);
    for (;;) {
      const message = await this.readMessage();
      this.loginMessages.push(message);
      if (message.type === 'E') throw new ServerError(errorFields(message));
      if (message.type === 'R') this.#answer(message.body, scram, options);
      if (message.type === 'S') this.parameters.push(parameterStatus(message));
      if (message.type === 'K') [this.pid, this.key] = [message.body.readInt32BE(0), message.body.subarray(4)];
      if (message.type === 'Z') return;
    }
  }

  #answer(body: Buffer, scram: ScramClient, options: LoginOptions): void {
    const text = body.subarray(4).toString();
    switch (body.readInt32BE(0)) {
      case 0: // AuthenticationOk
        return;
      case 3: // AuthenticationCleartextPassword
        this.send(frontend.passwordMessage(frontend.cstring(options.password ?? '')));
        return;
      case 10: {
        const first = Buffer.from(scram.clientFirst);
        const mechanism = options.channelBinding === true ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256';
        if (!text.split('\0').includes(mechanism)) throw new Error(`${mechanism} is not offered`);
        const parts = [frontend.cstring(mechanism), frontend.int32(first.length), first];
        this.send(frontend.passwordMessage(Buffer.concat(parts)));
        return;
      }
      case 11:
        this.send(frontend.passwordMessage(Buffer.from(scram.clientFinal(text))));
        return;
      case 12:
        scram.verify(text);
        return;
      default:
        throw new Error(`authentication ${String(body.readInt32BE(0))} is not spoken here`);
    }
  }

  /** RFC 5929 §4 for the certificates that the suites make (ECDSA with SHA-256). */
  #serverEndPoint(): Buffer {
    const certificate: X509Certificate | undefined = (this.socket as Partial<tls.TLSSocket>).getPeerX509Certificate?.();
    if (certificate === undefined) throw new Error('no server certificate');
    return createHash('sha256').update(certificate.raw).digest();
  }

  /** The next message. Throws ConnectionEnded, or after `patience` milliseconds. */
  async readMessage(patience = PATIENCE): Promise<Message> {
    const deadline = Date.now() + patience;
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#ended !== undefined) throw new ConnectionEnded('the connection ended', { cause: this.#ended });
      await within(this.#change(), deadline - Date.now(), 'message from the server');
    }
  }

  /** All messages up to and with the first of which `last` is true. */
  async readUntil(last: (message: Message) => boolean, patience = PATIENCE): Promise<Message[]> {
    const messages: Message[] = [];
    const deadline = Date.now() + patience;
    for (;;) {
      const message = await this.readMessage(Math.max(1, deadline - Date.now()));
      messages.push(message);
      if (last(message)) return messages;
    }
  }

  /** All messages up to and with ReadyForQuery. */
  async readUntilReady(patience = PATIENCE): Promise<Message[]> {
    return await this.readUntil((message) => message.type === 'Z', patience);
  }

  /** Everything up to the end of the connection. */
  async readToEnd(patience = PATIENCE): Promise<Message[]> {
    const messages: Message[] = [];
    const deadline = Date.now() + patience;
    for (;;) {
      try {
        messages.push(await this.readMessage(Math.max(1, deadline - Date.now())));
      } catch (error) {
        if (error instanceof ConnectionEnded) return messages;
        throw error;
      }
    }
  }

  /** What has come so far, without waiting. */
  take(): Message[] {
    return this.#messages.splice(0);
  }

  /** A simple query and its whole reply. */
  async query(text: frontend.Text, patience = PATIENCE): Promise<Message[]> {
    this.send(frontend.query(text));
    return await this.readUntilReady(patience);
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Bytes of an incomplete message that have come. */
  get partial(): number {
    return this.#buffered;
  }

  /** Terminate, then wait for the other side to close. */
  async close(): Promise<void> {
    if (!this.socket.destroyed && this.socket.writable) this.send(frontend.terminate());
    this.socket.end();
    this.socket.resume();
    if (!this.socket.closed) await within(once(this.socket, 'close'), PATIENCE, 'end of the connection');
  }

  /** Ends the connection without a word. */
  destroy(): void {
    this.socket.destroy();
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    this.#notify();
  }

  #receive(chunk: Buffer): void {
    this.bytesRead += chunk.length;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (this.#cut());
    this.#notify();
  }

  #cut(): boolean {
    if (this.#buffered < 5) return false;
    if ((this.#chunks[0]?.length ?? 0) < 5) this.#chunks = [Buffer.concat(this.#chunks)];
    const head = this.#chunks[0];
    if (head === undefined) return false;
    const whole = 1 + head.readUInt32BE(1);
    if (this.#buffered < whole) return false;
    const bytes = this.#chunks.length === 1 ? head : Buffer.concat(this.#chunks);
    this.#messages.push({ type: String.fromCharCode(bytes[0] ?? 0), body: bytes.subarray(5, whole) });
    const rest = bytes.subarray(whole);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#buffered = rest.length;
    return true;
  }
}

/** An ErrorResponse at login. `fields` by their letters: S severity, C SQLSTATE, M message … */
export class ServerError extends Error {
  readonly fields: Readonly<Record<string, string>>;
  readonly code: string;
  constructor(fields: Readonly<Record<string, string>>) {
    super(`${fields.C ?? '?'} ${fields.M ?? ''}`);
    this.fields = fields;
    this.code = fields.C ?? '';
  }
}

/** Fields of an ErrorResponse or NoticeResponse by their letters. */
export function errorFields(message: Message): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const part of message.body.toString().split('\0')) if (part !== '') fields[part.slice(0, 1)] = part.slice(1);
  return fields;
}

/** Fields of the first ErrorResponse among the messages. */
export function firstError(messages: readonly Message[]): Record<string, string> | undefined {
  const found = messages.find((message) => message.type === 'E');
  return found === undefined ? undefined : errorFields(found);
}

/** Rows of all DataRows among the messages, values as text. */
export function rows(messages: readonly Message[]): (string | null)[][] {
  return messages.filter((message) => message.type === 'D').map((message) => dataRow(message));
}

function dataRow({ body }: Message): (string | null)[] {
  const values: (string | null)[] = [];
  let at = 2;
  for (let column = body.readInt16BE(0); column > 0; column--) {
    const length = body.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : body.subarray(at, at + length).toString());
    at += Math.max(0, length);
  }
  return values;
}

/** Command tags of all CommandCompletes among the messages. */
export function tags(messages: readonly Message[]): string[] {
  return messages.filter(({ type }) => type === 'C').map(({ body }) => body.subarray(0, -1).toString());
}

/** The types of the messages as one word: `TDCZ`. */
export function types(messages: readonly Message[]): string {
  return messages.map(({ type }) => type).join('');
}

function parameterStatus({ body }: Message): readonly [string, string] {
  const [name = '', value = ''] = body.toString().split('\0');
  return [name, value];
}

async function secure(socket: net.Socket, options: ConnectOptions): Promise<tls.TLSSocket> {
  const secured = tls.connect({
    socket,
    servername: options.servername ?? 'localhost',
    rejectUnauthorized: options.ca !== undefined,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.tls === 'direct' ? { ALPNProtocols: ['postgresql'] } : {}),
  });
  await within(once(secured, 'secureConnect'), PATIENCE, 'TLS handshake');
  return secured;
}

/** Takes one byte, so that none of what follows is read here (nothing may follow before TLS begins). */
async function firstByte(socket: net.Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  if (chunk.length !== 1) throw new Error('data before TLS');
  return chunk.toString('latin1');
}

export async function within<T>(promise: Promise<T>, patience: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(new Error(`no ${what} within ${String(Math.round(patience))} ms`));
      },
      Math.max(0, patience),
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
