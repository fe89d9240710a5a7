/**
 * A client's bytes to messages, after the login (§54.1, §54.2): byte 1 is the type, the next four the length, itself
 * included. Whole messages are built only where their contents are needed; bodies of all others stream.
 */
import { ProtocolError } from '#proxy/bytes/protocol-error';
import type { ClientMessage, StatementText } from '../protocol.ts';
import type { Detail } from './inspect.ts';
import { Assembly } from './assembly.ts';
import { FRONTEND, FRONTEND_LIMITS, FRONTEND_NAMES, HEAD_BYTES } from './messages.ts';

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
    return this.bytes.subarray(HEAD_BYTES);
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
NEEDED[FRONTEND.FunctionCall] = HEAD_BYTES + 4; // the OID
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
      const needed = have < HEAD_BYTES ? HEAD_BYTES : this.#needed(chunk, this.#at);
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
    if (this.#oversize(type, length)) return HEAD_BYTES;
    const wanted = NEEDED[type] ?? 0;
    return wanted === 0 ? HEAD_BYTES : Math.min(length + 1, wanted);
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
