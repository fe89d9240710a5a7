/**
 * The server's replies, walked in place after the login (§54.1): what is forwarded goes on in as few slices as it came in,
 * and only what must be read is put together.
 */
import { ProtocolError } from '#proxy/bytes/protocol-error';
import type { Outbox } from '#proxy/bytes/outbox';
import { Assembly } from './assembly.ts';
import { BACKEND_NAMES, HEAD_BYTES, LARGE_MESSAGE_BYTES } from './messages.ts';

/** What is to become of a server's message, said at its head. */
export const VERDICT = { forward: 0, drop: 1, whole: 2 } as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

export interface ServerReader {
  /** A message begins. bodyLength: of what follows its length field. */
  head(type: number, bodyLength: number): Verdict;
  /** One that `head` wanted whole. false: it is not forwarded. */
  whole(type: number, body: Buffer): boolean;
}

const KNOWN = new Uint8Array(256);
for (const type of BACKEND_NAMES.keys()) KNOWN[type] = 1;

export class ServerFraming {
  readonly #reader: ServerReader;
  readonly #to: Outbox;
  readonly #assembly = new Assembly();
  #rest = 0;
  #dropping = false;
  /** The assembly holds a message that is wanted whole, not just a head. */
  #wholeBegun = false;

  constructor(reader: ServerReader, to: Outbox) {
    this.#reader = reader;
    this.#to = to;
  }

  /** Walks a received chunk; what is forwarded goes to the outbox in as few slices as can be. Throws ProtocolError. */
  receive(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#rest > 0) at = this.#pass(chunk, at);
      else if (this.#assembly.active) at = this.#assemble(chunk, at);
      else at = this.#walk(chunk, at);
    }
  }

  /** See Link.finishMessage. */
  finishMessage(chunk: Buffer | undefined): boolean {
    if (chunk !== undefined && this.#rest > 0) this.#pass(chunk, 0);
    return this.#rest === 0 || this.#dropping;
  }

  #pass(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#rest);
    if (!this.#dropping) this.#to.addSlice(chunk, at, end);
    this.#rest -= end - at;
    return end;
  }

  /** Whole messages, and the head of one that goes on in the next chunk. Returns where it stopped. */
  #walk(chunk: Buffer, from: number): number {
    let start = from; // of the run that is forwarded
    let at = from;
    const length = chunk.length;
    while (length - at >= HEAD_BYTES) {
      const type = chunk[at] ?? 0;
      const end = at + 1 + checkedLength(chunk, at);
      const verdict = this.#reader.head(type, end - at - HEAD_BYTES);
      if (verdict === VERDICT.forward) {
        if (end > length) {
          this.#to.addSlice(chunk, start, length);
          this.#rest = end - length;
          this.#dropping = false;
          return length;
        }
        at = end;
        continue;
      }
      this.#to.addSlice(chunk, start, at); // first, for the reader may add something of its own
      start = end;
      if (end > length) return this.#cutShort(verdict, chunk, at, end);
      if (verdict === VERDICT.whole && this.#reader.whole(type, chunk.subarray(at + HEAD_BYTES, end))) start = at;
      at = end;
    }
    this.#to.addSlice(chunk, start, at);
    if (at < length) this.#assembly.start(HEAD_BYTES, chunk, at);
    return length;
  }

  /** A message that is not simply forwarded ends beyond the chunk. */
  #cutShort(verdict: Verdict, chunk: Buffer, at: number, end: number): number {
    if (verdict === VERDICT.whole) {
      this.#assembly.start(end - at, chunk, at);
      this.#wholeBegun = true;
    } else {
      this.#rest = end - chunk.length;
      this.#dropping = true;
    }
    return chunk.length;
  }

  #assemble(chunk: Buffer, from: number): number {
    const at = from + this.#assembly.fill(chunk, from);
    if (!this.#assembly.complete) return at;
    const bytes = this.#assembly.bytes;
    if (this.#wholeBegun) this.#finish(bytes);
    else this.#begin(bytes);
    return at;
  }

  /** The head is complete. */
  #begin(bytes: Buffer): void {
    const type = bytes[0] ?? 0;
    const length = checkedLength(bytes, 0);
    const verdict = this.#reader.head(type, length - 4);
    if (verdict === VERDICT.whole && length > 4) {
      this.#wholeBegun = true;
      this.#assembly.need(length + 1);
      return;
    }
    if (verdict === VERDICT.whole) {
      this.#finish(bytes);
      return;
    }
    this.#assembly.reset();
    this.#rest = length - 4;
    this.#dropping = verdict === VERDICT.drop;
    if (!this.#dropping) this.#to.add(bytes);
  }

  #finish(bytes: Buffer): void {
    this.#assembly.reset();
    this.#wholeBegun = false;
    if (this.#reader.whole(bytes[0] ?? 0, bytes.subarray(HEAD_BYTES))) this.#to.add(bytes);
  }
}

function checkedLength(bytes: Buffer, at: number): number {
  if (KNOWN[bytes[at] ?? 0] !== 1) throw new ProtocolError('08P01', 'invalid backend message type');
  const length = bytes.readInt32BE(at + 1);
  if (length < 4 || length - 4 > LARGE_MESSAGE_BYTES)
    throw new ProtocolError('08P01', 'invalid backend message length');
  return length;
}
