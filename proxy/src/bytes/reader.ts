import { ProtocolError } from './protocol-error.ts';

/** PostgreSQL's protocol_violation; other protocols map it to their own. */
const MALFORMED = '08P01';

/**
 * Reads one message's body, big-endian, with the length checked before every read. Whatever is wrong with the bytes
 * is a ProtocolError, and never says what the bytes were. Views, not copies: they live as long as the body does.
 */
export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  i16(): number {
    return this.#bytes.readInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  i32(): number {
    return this.#bytes.readInt32BE(this.#advance(4));
  }

  bytes(length: number): Buffer {
    if (length < 0) throw malformed('negative length');
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** What precedes the next NUL; the NUL is consumed. */
  cstring(limit = Number.POSITIVE_INFINITY): Buffer {
    const end = this.#bytes.indexOf(0, this.#offset);
    if (end === -1) throw malformed('string without end');
    if (end - this.#offset > limit) throw malformed('string too long');
    const found = this.#bytes.subarray(this.#offset, end);
    this.#offset = end + 1;
    return found;
  }

  rest(): Buffer {
    return this.bytes(this.remaining);
  }

  /**
   * A count of items of at least `itemBytes` each. Checked against what is left, so that a lying count costs nothing.
   * Throws on negative ones.
   */
  count(count: number, itemBytes: number): number {
    if (count < 0) throw malformed('negative count');
    if (count * itemBytes > this.remaining) throw malformed('count beyond the end of the message');
    return count;
  }

  /** The message must end here. */
  end(): void {
    if (this.remaining !== 0) throw malformed('bytes after the end of the message');
  }

  #advance(length: number): number {
    if (length > this.remaining) throw malformed('message ends too early');
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

export const malformed = (what: string): ProtocolError => new ProtocolError(MALFORMED, `malformed message: ${what}`);
