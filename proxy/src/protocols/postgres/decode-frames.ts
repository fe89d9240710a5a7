/**
 * Bytes to messages during a login, in either direction (§54.1): whole messages only, each within the limit that its
 * time and place allow. After the login client-framing.ts and server-framing.ts take over, with what `rest` holds.
 */
import { malformed } from '#proxy/bytes/reader';
import type { Frame } from '../protocol.ts';

const LENGTH_BYTES = 4;

export interface Expected {
  /** The packet has no type byte: the client's first ones. */
  readonly untyped: boolean;
  /** Most bytes that its body may have. */
  readonly limit: number;
}

export class LoginFraming {
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
  }

  /** How many bytes wait. */
  get length(): number {
    return this.#pending.length;
  }

  /** The next byte, which stays. */
  peek(): number | undefined {
    return this.#pending[0];
  }

  /**
   * The next message; undefined: it is not whole yet. Throws ProtocolError as soon as its length is known to be wrong,
   * so that no more than `limit` is ever waited for.
   */
  next(expected: Expected): Frame | undefined {
    const typeBytes = expected.untyped ? 0 : 1;
    const head = typeBytes + LENGTH_BYTES;
    if (this.#pending.length < head) return undefined;
    const length = this.#pending.readInt32BE(typeBytes);
    if (length < LENGTH_BYTES || length - LENGTH_BYTES > expected.limit) throw malformed('invalid length');
    const end = typeBytes + length;
    if (this.#pending.length < end) return undefined;
    const frame = { type: expected.untyped ? 0 : this.#pending.readUInt8(0), body: this.#pending.subarray(head, end) };
    this.#pending = this.#pending.subarray(end);
    return frame;
  }

  /** What no message took. */
  rest(): Buffer {
    return this.#pending;
  }
}
