/** A client's login: carries out what the protocol's steps say, with the socket at hand. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import type { AcceptEffect, ClientLogin, Identity } from './protocols/login.ts';
import type { Acceptance } from './protocols/protocol.ts';

export interface ClientTls {
  readonly context: tls.SecureContext;
  readonly alpn: readonly string[];
  /** RFC 5929 tls-server-end-point of our certificate. */
  readonly serverEndPoint: Buffer | undefined;
}

export type Accepted =
  | { readonly kind: 'login'; readonly login: ClientLogin; readonly socket: Socket; readonly rest: Buffer }
  | { readonly kind: 'cancel'; readonly pid: number; readonly key: Buffer }
  /** It was told what there was to tell. */
  | { readonly kind: 'refused'; readonly reason: string };

export interface AcceptOptions {
  readonly acceptance: Acceptance;
  readonly tls: ClientTls | undefined;
  /** By what the client under that name is to prove who it is. */
  readonly identify: (user: string) => Identity;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** TLS record type `handshake` (RFC 8446 §5.1): no start-up packet begins so, its length would be absurd. */
const TLS_HANDSHAKE = 0x16;

/** undefined: the client went away, or the time was up. Never rejects. */
export async function acceptClient(tcp: Socket, options: AcceptOptions): Promise<Accepted | undefined> {
  const line = new Line(tcp, options);
  try {
    return await line.run();
  } catch (error) {
    if (options.signal.aborted || line.socket.destroyed || isSocketError(error)) return undefined;
    throw error;
  }
}

const isSocketError = (error: unknown): boolean => error instanceof Error && 'code' in error;

class Line {
  socket: Socket;
  readonly #options: AcceptOptions;

  constructor(tcp: Socket, options: AcceptOptions) {
    this.socket = tcp;
    this.#options = options;
  }

  async run(): Promise<Accepted | undefined> {
    const { acceptance } = this.#options;
    let chunk = await this.#chunk();
    if (chunk?.[0] === TLS_HANDSHAKE) {
      this.socket.unshift(chunk);
      const outcome = await this.#perform(acceptance.step({ kind: 'tls-first-byte' }));
      if (outcome !== undefined) return outcome;
      chunk = await this.#chunk();
    }
    while (chunk !== undefined) {
      const outcome = await this.#perform(acceptance.receive(chunk));
      if (outcome !== undefined) return outcome;
      chunk = await this.#chunk();
    }
    return undefined;
  }

  /** undefined: more is to be read. */
  async #perform(effects: readonly AcceptEffect[]): Promise<Accepted | undefined> {
    for (const effect of effects) {
      const outcome = await this.#carryOut(effect);
      if (outcome !== undefined) return outcome;
    }
    return undefined;
  }

  async #carryOut(effect: AcceptEffect): Promise<Accepted | undefined> {
    const { acceptance, identify } = this.#options;
    switch (effect.kind) {
      case 'to-client':
        this.socket.write(effect.bytes);
        return undefined;
      case 'upgrade-tls':
        return this.#upgrade();
      case 'need-verifier':
        return this.#perform(acceptance.step(identify(effect.user)));
      case 'accepted':
        return { kind: 'login', login: effect.login, socket: this.socket, rest: ownBytes(acceptance.rest()) };
      case 'cancel':
        return { kind: 'cancel', pid: effect.pid, key: effect.key };
      case 'close':
        if (effect.bytes !== undefined) this.socket.write(effect.bytes);
        this.socket.end();
        return { kind: 'refused', reason: effect.reason };
    }
  }

  async #upgrade(): Promise<Accepted | undefined> {
    const { acceptance, signal } = this.#options;
    const channel = this.#options.tls;
    // Bytes that came before the channel were sent by anybody (CVE-2021-23214).
    const early = acceptance.rest().length > 0;
    if (channel === undefined || early) return { kind: 'refused', reason: 'tls' };
    const secure = new tls.TLSSocket(this.socket, {
      isServer: true,
      secureContext: channel.context,
      ALPNProtocols: [...channel.alpn],
    });
    secure.on('error', ignore);
    this.socket = secure;
    await once(secure, 'secure', { signal });
    const { serverEndPoint } = channel;
    const alpn = typeof secure.alpnProtocol === 'string' ? secure.alpnProtocol : null;
    const facts = { alpn, ...(serverEndPoint === undefined ? {} : { serverEndPoint }) };
    return this.#perform(acceptance.step({ kind: 'tls-established', facts }));
  }

  /** undefined: there will be no more. */
  async #chunk(): Promise<Buffer | undefined> {
    const { signal } = this.#options;
    for (;;) {
      const chunk = this.socket.read() as Buffer | null;
      if (chunk !== null) return chunk;
      if (this.socket.readableEnded || this.socket.destroyed) return undefined;
      await readable(this.socket, signal);
    }
  }
}

/** Something to read, or the end. */
async function readable(socket: Socket, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  socket.once('end', end).once('close', end);
  try {
    await once(socket, 'readable', { signal: AbortSignal.any([signal, over.signal]) });
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    socket.removeListener('end', end).removeListener('close', end);
  }
}

/** Kept while the session lasts: even an empty view would keep all that was received with it, 64 KiB over TLS. */
const ownBytes = (bytes: Buffer): Buffer => (bytes.length === 0 ? NOTHING : Buffer.from(bytes));

const NOTHING = Buffer.alloc(0);

const ignore = (): void => undefined;
