import type { InFlight, JudgedStep } from '../protocol.ts';
import type { Refusal } from '../refusal.ts';
import type { ClientFrame } from './client-framing.ts';
import { BACKEND, FRONTEND } from './messages.ts';
import type { Change } from './names.ts';

export type EntryKind =
  'query' | 'parse' | 'bind' | 'describe-statement' | 'describe-portal' | 'execute' | 'close' | 'function' | 'sync';

/** What may come as the reply to each kind of message, and what ends it (§54.2.2, §54.2.3, §54.2.5). */
const REPLIES: Readonly<Record<EntryKind, { readonly inside: string; readonly ends: string }>> = {
  query: { inside: 'TDCIGHdc', ends: 'Z' },
  parse: { inside: '', ends: '1' },
  bind: { inside: '', ends: '2' },
  'describe-statement': { inside: 't', ends: 'Tn' },
  'describe-portal': { inside: '', ends: 'Tn' },
  execute: { inside: 'DGHdc', ends: 'CIs' },
  close: { inside: '', ends: '3' },
  function: { inside: 'V', ends: 'Z' },
  sync: { inside: '', ends: 'Z' },
};

/** 0: may not come, 1: goes on, 2: ends it. */
const table = ({ inside, ends }: { inside: string; ends: string }): Uint8Array => {
  const bytes = new Uint8Array(256);
  for (const letter of inside) bytes[letter.charCodeAt(0)] = 1;
  for (const letter of ends) bytes[letter.charCodeAt(0)] = 2;
  return bytes;
};

const TABLES = Object.fromEntries(
  Object.entries(REPLIES).map(([kind, replies]) => [kind, table(replies)]),
) as unknown as Readonly<Record<EntryKind, Uint8Array>>;

const NO_STEPS: readonly JudgedStep[] = [];

/** One message sent, until its last reply. */
export class Entry implements InFlight {
  readonly kind: EntryKind;
  readonly sent: number;
  /** What the server answers by one ReadyForQuery. */
  readonly batch: number;
  steps: readonly JudgedStep[] = NO_STEPS;
  charged = false;
  refusedStep: JudgedStep | undefined = undefined;
  refusal: Refusal | undefined = undefined;
  ending: Refusal | undefined = undefined;
  /** The proxy's own question: its replies are not for the client. */
  own = false;
  failed = false;
  /** Rows of it were dropped. */
  cut = false;
  /** What the client read instead of the server's error. */
  replacedBy: Refusal | undefined = undefined;
  /** COPY FROM STDIN commands that it may come to. */
  copies = 0;
  /** What an audit event may show of the statement's text. */
  text: string | undefined = undefined;
  /** What its statements change, one list per statement; confirmed one by one as they complete. */
  changes: (readonly Change[] | undefined)[] = [];
  #completed = 0;

  constructor(kind: EntryKind, sent: number, batch: number) {
    this.kind = kind;
    this.sent = sent;
    this.batch = batch;
  }

  /** 0: this may not be part of its reply, 1: it may, 2: it is the last. */
  replies(type: number): number {
    return TABLES[this.kind][type] ?? 0;
  }

  /** Whether ReadyForQuery ends it: then an error does not. */
  get endsReady(): boolean {
    return this.kind === 'query' || this.kind === 'function' || this.kind === 'sync';
  }

  /** One statement (of a Query: the next) has completed. */
  confirmNext(): void {
    const done = this.changes[this.#completed];
    this.#completed++;
    if (done !== undefined) for (const change of done) change.confirm();
  }

  /** The one that was running failed, maybe only at its commit: what names mean outside transactions is made by then. */
  doubtNext(): void {
    if (this.kind !== 'query' && this.kind !== 'execute') return;
    for (const change of this.changes[this.#completed] ?? []) change.doubt();
  }

  /** What has not been confirmed will not be. */
  dropRest(): void {
    const { changes } = this;
    for (let index = this.#completed; index < changes.length; index++) {
      for (const change of changes[index] ?? []) change.drop();
    }
    this.#completed = changes.length;
  }
}

/** A Query or FunctionCall is a batch by itself: ReadyForQuery ends it. */
export const standsAlone = (kind: EntryKind): boolean => kind === 'query' || kind === 'function';

export function kindOf(frame: ClientFrame): EntryKind {
  switch (frame.type) {
    case FRONTEND.Query:
      return 'query';
    case FRONTEND.Parse:
      return 'parse';
    case FRONTEND.Bind:
      return 'bind';
    case FRONTEND.Execute:
      return 'execute';
    case FRONTEND.Describe:
      return frame.detail?.kind === 'describe' && frame.detail.target === 'S'
        ? 'describe-statement'
        : 'describe-portal';
    case FRONTEND.Close:
      return 'close';
    case FRONTEND.FunctionCall:
      return 'function';
    default:
      throw new Error('no message that is answered');
  }
}

/** Messages that say that one statement of a Query has completed. */
export const completesStatement = (type: number): boolean =>
  type === BACKEND.CommandComplete || type === BACKEND.EmptyQueryResponse;

/** Messages that say that rows have come to their end, or to a pause. */
export const endsRows = (type: number): boolean =>
  completesStatement(type) || type === BACKEND.PortalSuspended || type === BACKEND.CopyDone;

/** First in, first out, without moving what remains at each step. */
export class Queue {
  #entries: (Entry | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#entries.length - this.#first;
  }

  get first(): Entry | undefined {
    return this.#entries[this.#first];
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  shift(): Entry | undefined {
    const entry = this.#entries[this.#first];
    if (entry === undefined) return undefined;
    this.#entries[this.#first] = undefined;
    this.#first++;
    if (this.#first === this.#entries.length) {
      this.#entries.length = 0;
      this.#first = 0;
    } else if (this.#first > 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
    return entry;
  }

  /** Syncs behind the first entry: the server swallows them in COPY. */
  removeSyncsBehindFirst(): void {
    const first = this.#entries.slice(this.#first, this.#first + 1);
    const rest = this.#entries.slice(this.#first + 1).filter((entry) => entry?.kind !== 'sync');
    this.#entries = [...first, ...rest];
    this.#first = 0;
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (let index = this.#first; index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (entry !== undefined) yield entry;
    }
  }
}
