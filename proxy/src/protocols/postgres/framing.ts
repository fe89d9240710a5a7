/**
 * Bytes to messages after the login, both directions (§54.1, §54.2): byte 1 is the type, the next four the length, itself
 * included. Whole messages are built only where their contents are needed; bodies of all others go by as they come.
 */
import { ProtocolError } from '#proxy/bytes/protocol-error';
import type { Outbox } from '#proxy/bytes/outbox';
import type { ClientMessage, StatementText } from '../protocol.ts';
import type { Detail } from './inspect.ts';
import { Assembly } from './assembly.ts';
import { BACKEND_NAMES, FRONTEND, FRONTEND_LIMITS, FRONTEND_NAMES } from './messages.ts';

const HEAD = 5;

/** Of a streamed message this much is looked at: more than the names at its beginning may take (MAX_NAME_BYTES each). */
const STREAM_HEAD = 16 * 1024;

/** A message of a client; of a streamed one its first bytes, the rest follows as `MORE`. */
export class ClientFrame {
  readonly type: number;
  /** Head included. */
  readonly bytes: Buffer;
  /** Bytes of the message that are yet to come. */
  readonly rest: number;
  /** A text beyond the limit: only the head is here, the body is skipped. */
  readonly oversize: boolean;
  /** Kept while the parser is at work on it: what it finds out is remembered here. */
  text: StatementText | undefined = undefined;
  /** What inspection found out; undefined: nothing that the link needs. */
  detail: Detail | undefined = undefined;

  constructor(type: number, bytes: Buffer, rest: number, oversize = false) {
    this.type = type;
    this.bytes = bytes;
    this.rest = rest;
    this.oversize = oversize;
  }

  get body(): Buffer {
    return this.bytes.subarray(HEAD);
  }
}

/** The session's own messages, as the relay hands them on. */
export function frameOf(message: ClientMessage): ClientFrame {
  if (message instanceof ClientFrame) return message;
  throw new Error('a message of another protocol');
}

/** Pseudo type: what follows of the message before. */
export const MORE = 0;

/** What of a message must be at hand before it is looked at; 0: its head suffices, the body streams. */
const NEEDED = new Uint32Array(256);
NEEDED[FRONTEND.Bind] = STREAM_HEAD;
NEEDED[FRONTEND.FunctionCall] = HEAD + 4; // the OID
for (const type of [
  FRONTEND.Query,
  FRONTEND.Parse,
  FRONTEND.Describe,
  FRONTEND.Execute,
  FRONTEND.Close,
  FRONTEND.Sync,
  FRONTEND.Flush,
  FRONTEND.CopyDone,
  FRONTEND.CopyFail,
  FRONTEND.Terminate,
]) {
  NEEDED[type] = 0xffffffff;
}

/** Body bytes allowed by type; -1: no message of a session. */
const LIMIT = new Int32Array(256).fill(-1);
for (const [type, name] of FRONTEND_NAMES) if (name !== 'Password') LIMIT[type] = FRONTEND_LIMITS[name];

export class ClientFraming {
  readonly #statementBytes: number;
  #chunk: Buffer | undefined;
  #at = 0;
  readonly #assembly = new Assembly();
  /** Of the message that is being streamed or skipped. */
  #rest = 0;
  #skip = false;

  /** statementBytes: of a Query's or Parse's body. */
  constructor(statementBytes: number) {
    this.#statementBytes = statementBytes;
  }

  /** Only after `next` returned undefined. */
  push(chunk: Buffer): void {
    if (this.#assembly.active) {
      const used = this.#assembly.fill(chunk, 0);
      if (used === chunk.length) return;
      this.#chunk = chunk;
      this.#at = used;
      return;
    }
    this.#chunk = this.#chunk === undefined ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  get buffered(): number {
    return this.#assembly.length + (this.#chunk === undefined ? 0 : this.#chunk.length - this.#at);
  }

  /** The body that follows is not wanted. */
  skipRest(): void {
    this.#skip = true;
  }

  /** undefined: more bytes are needed. Throws ProtocolError. */
  next(): ClientFrame | undefined {
    for (;;) {
      if (this.#rest > 0) {
        const piece = this.#stream();
        if (piece !== null) return piece;
        continue;
      }
      if (this.#assembly.active) {
        const frame = this.#assembled();
        if (frame !== null) return frame;
        continue;
      }
      const chunk = this.#chunk;
      if (chunk === undefined) return undefined;
      const have = chunk.length - this.#at;
      const needed = have < HEAD ? HEAD : this.#needed(chunk, this.#at);
      if (have < needed) {
        this.#assembly.start(needed, chunk, this.#at);
        this.#drained();
        return undefined;
      }
      const start = this.#at;
      this.#at += needed;
      const frame = this.#frame(chunk.subarray(start, this.#at));
      if (this.#at === chunk.length) this.#drained();
      return frame;
    }
  }

  /** A message built from several reads. null: only its head was, look again. */
  #assembled(): ClientFrame | undefined | null {
    if (!this.#assembly.complete) this.#fill();
    if (!this.#assembly.complete) return undefined;
    const bytes = this.#assembly.bytes;
    const needed = this.#needed(bytes, 0);
    if (needed > bytes.length) {
      this.#assembly.need(needed);
      return null;
    }
    this.#assembly.reset();
    return this.#frame(bytes);
  }

  #fill(): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    this.#at += this.#assembly.fill(chunk, this.#at);
    if (this.#at === chunk.length) this.#drained();
  }

  #stream(): ClientFrame | undefined | null {
    const chunk = this.#chunk;
    if (chunk === undefined) return undefined;
    const taken = Math.min(this.#rest, chunk.length - this.#at);
    const start = this.#at;
    this.#at += taken;
    this.#rest -= taken;
    if (this.#at === chunk.length) this.#drained();
    if (this.#skip) return null;
    return new ClientFrame(MORE, chunk.subarray(start, start + taken), this.#rest);
  }

  #drained(): void {
    this.#chunk = undefined;
    this.#at = 0;
  }

  /** Bytes of the message that must be there, its head included. Throws on what no client may send. */
  #needed(bytes: Buffer, at: number): number {
    const type = bytes[at] ?? 0;
    const limit = LIMIT[type] ?? 0;
    if (limit < 0) throw new ProtocolError('08P01', 'invalid frontend message type');
    const length = bytes.readInt32BE(at + 1);
    if (length < 4 || length - 4 > limit) throw new ProtocolError('08P01', 'invalid message length');
    if (this.#oversize(type, length)) return HEAD;
    const wanted = NEEDED[type] ?? 0;
    return wanted === 0 ? HEAD : Math.min(length + 1, wanted);
  }

  #oversize(type: number, length: number): boolean {
    return (type === FRONTEND.Query || type === FRONTEND.Parse) && length - 4 > this.#statementBytes;
  }

  #frame(bytes: Buffer): ClientFrame {
    const type = bytes[0] ?? 0;
    const length = bytes.readInt32BE(1);
    const oversize = this.#oversize(type, length);
    this.#rest = length + 1 - bytes.length;
    this.#skip = oversize;
    return new ClientFrame(type, bytes, this.#rest, oversize);
  }
}

// ---- server to client ----------------------------------------------------------------------------------------------

/** What is to become of a server's message, said at its head. */
export const VERDICT = { forward: 0, drop: 1, whole: 2 } as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

export interface ServerReader {
  /** A message begins. bodyLength: of what follows its length field. */
  head(type: number, bodyLength: number): Verdict;
  /** One that `head` wanted whole. false: it is not forwarded. */
  whole(type: number, body: Buffer): boolean;
}

/** As PQ_LARGE_MESSAGE_LIMIT: MaxAllocSize - 1. */
const SERVER_LIMIT = 0x3fffffff - 1;

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
    while (length - at >= HEAD) {
      const type = chunk[at] ?? 0;
      const end = at + 1 + checkedLength(chunk, at);
      const verdict = this.#reader.head(type, end - at - HEAD);
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
      if (verdict === VERDICT.whole && this.#reader.whole(type, chunk.subarray(at + HEAD, end))) start = at;
      at = end;
    }
    this.#to.addSlice(chunk, start, at);
    if (at < length) this.#assembly.start(HEAD, chunk, at);
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
    if (this.#reader.whole(bytes[0] ?? 0, bytes.subarray(HEAD))) this.#to.add(bytes);
  }
}

function checkedLength(bytes: Buffer, at: number): number {
  if (KNOWN[bytes[at] ?? 0] !== 1) throw new ProtocolError('08P01', 'invalid backend message type');
  const length = bytes.readInt32BE(at + 1);
  if (length < 4 || length - 4 > SERVER_LIMIT) throw new ProtocolError('08P01', 'invalid backend message length');
  return length;
}
