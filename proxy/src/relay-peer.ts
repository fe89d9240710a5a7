import type { Socket } from 'node:net';

export interface PeerEvents {
  readonly received: (chunk: Buffer) => void;
  /** It sends no more. */
  readonly ended: () => void;
  readonly closed: () => void;
  /** What was written has left. */
  readonly drained: () => void;
}

/** Milliseconds for a peer to take what it is sent last. */
const LAST_WORDS = 5_000;

/** Small replies are joined: one buffer is cheaper than a vector. Bytes. */
const JOINED = 8 * 1024;

/** One side of a relay: its socket, and the reasons for which nothing is read from it at the moment. */
export class Peer {
  readonly #socket: Socket;
  #paused: readonly string[] = [];
  #started = false;
  #lastWords: NodeJS.Timeout | undefined;

  constructor(socket: Socket, events: PeerEvents) {
    this.#socket = socket;
    socket.on('data', events.received);
    socket.on('end', events.ended);
    socket.on('drain', events.drained);
    socket.on('error', ignore); // `close` follows
    socket.on('close', () => {
      clearTimeout(this.#lastWords);
      events.closed();
    });
    socket.pause();
  }

  start(): void {
    this.#started = true;
    if (this.#paused.length === 0) this.#socket.resume();
  }

  pause(reason: string): void {
    if (this.#paused.includes(reason)) return;
    if (this.#paused.length === 0) this.#socket.pause();
    this.#paused = [...this.#paused, reason];
  }

  resume(reason: string): void {
    if (!this.#paused.includes(reason)) return;
    this.#paused = this.#paused.filter((other) => other !== reason);
    if (this.#paused.length === 0 && this.#started) this.#socket.resume();
  }

  /** false: enough for now, `drained` tells. */
  write(parts: readonly Buffer[]): boolean {
    const socket = this.#socket;
    if (!socket.writable) return true;
    const [first] = parts;
    if (first === undefined) return true;
    if (parts.length === 1) return socket.write(first);
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (bytes <= JOINED) return socket.write(Buffer.concat(parts, bytes));
    let roomy = true;
    socket.cork();
    for (const part of parts) roomy = socket.write(part);
    socket.uncork();
    return roomy;
  }

  /** Bytes written that have not left. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** What was written leaves, then the connection ends, whether the peer reads or not. */
  end(): void {
    this.#socket.end();
    this.#socket.resume(); // what it still says is of no interest, and must not keep it open
    this.destroyLater();
  }

  destroyLater(): void {
    this.#lastWords ??= setTimeout(() => this.#socket.destroy(), LAST_WORDS);
  }
}

const ignore = (): void => undefined;
