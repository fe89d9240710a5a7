import type { Permit } from '#contract/policy/decision';
import { ProtocolError } from '#proxy/bytes/protocol-error';
import type { InspectedStatement } from '#proxy/sql/inspection';
import type { ClientMessage, InFlight, Judged, Link, LinkContext, Refused, StatementText } from '../protocol.ts';
import { ReplyCut } from '../refusal.ts';
import { frameOf, MORE, type ClientFrame } from './client-framing.ts';
import { CopyGate } from './copy-gate.ts';
import { decodeNoticeFields, decodeParameterStatus, decodeReadyForQuery } from './decode.ts';
import { encodeCopyFail, encodeSync, encodeTerminate } from './encode.ts';
import { ErrorReply } from './error-reply.ts';
import { completesStatement, endsRows, Entry, kindOf, Queue, standsAlone, type EntryKind } from './in-flight.ts';
import { BACKEND, FRONTEND } from './messages.ts';
import { pathQuestion, readPathAnswer } from './path-question.ts';
import { readError, substituteFor, substituteQuery, substituteUnreadable } from './refuse.ts';
import { ServerFraming, VERDICT, type ServerReader, type Verdict } from './server-framing.ts';
import { PostgresSession } from './session.ts';
import { saysNothingOfRows } from './tell.ts';

/** Messages in flight on one link; beyond, the client waits. */
const MAX_IN_FLIGHT = 10_000;

/** Errors and settings that are read; a longer error goes by unread. */
const MAX_READ = 256 * 1024;

/**
 * One server connection: what is in flight on it, in order, and what the server says to it.
 *
 * An entry ends with its last reply. An error ends it and all behind it up to the next Sync, which the server skips,
 * Query and FunctionCall included. What is sent after that and before a Sync is skipped too and never enters the queue.
 */
export class PostgresLink implements Link, ServerReader {
  readonly #context: LinkContext;
  readonly #session: PostgresSession;
  readonly #queue = new Queue();
  readonly #framing: ServerFraming;
  readonly #copy = new CopyGate();
  readonly #errors: ErrorReply;
  /** After an error, until a Sync is sent. */
  #skipping = false;
  /** Something of the extended protocol was sent, and no Sync yet. */
  #batchOpen = false;
  /** A message's body is on its way: nothing may come between. */
  #midMessage = false;
  #deferred: (() => void)[] = [];
  #asking = false;
  #failedTransaction = false;
  #firstSince = 0;

  constructor(context: LinkContext) {
    this.#context = context;
    if (!(context.session instanceof PostgresSession)) throw new Error('a session of another protocol');
    this.#session = context.session;
    this.#framing = new ServerFraming(this, context.toClient);
    this.#errors = new ErrorReply(context);
  }

  get inFlight(): number {
    return this.#queue.length;
  }

  get first(): InFlight | undefined {
    return this.#queue.first;
  }

  get firstSince(): number {
    return this.#firstSince;
  }

  entries(): Iterable<InFlight> {
    return this.#queue;
  }

  // ---- from the client --------------------------------------------------------------------------------------------

  accepts(message: ClientMessage): boolean {
    const { type } = frameOf(message);
    if (type === MORE) return true;
    if (this.#asking || this.#queue.length >= MAX_IN_FLIGHT) return false;
    return this.#copy.accepts(type);
  }

  pass(message: ClientMessage): void {
    const frame = frameOf(message);
    switch (frame.type) {
      case FRONTEND.Sync:
        if (this.#copy.syncGoes()) this.#sync(frame.bytes);
        return;
      case FRONTEND.CopyData:
        this.#copy.dataSent();
        break;
      case FRONTEND.CopyDone:
      case FRONTEND.CopyFail:
        this.#copy.doneSent();
        break;
      case FRONTEND.Flush:
      case MORE:
        break;
      default:
        this.#enter(frame, undefined);
    }
    this.#send(frame.bytes, frame.rest);
  }

  forward(message: ClientMessage, judged: Judged, permit: Permit): void {
    const frame = frameOf(message);
    this.#enter(frame, judged);
    this.#send(permit.take() as Buffer, frame.rest);
  }

  refuse(message: ClientMessage, refused: Refused): void {
    const frame = frameOf(message);
    if (frame.rest > 0) this.#session.skipRest();
    if (frame.type === FRONTEND.Query) {
      this.#refuseQuery(frame, refused);
      return;
    }
    const functionCall = frame.type === FRONTEND.FunctionCall;
    const entry = this.#open(functionCall ? 'function' : 'parse');
    entry.refusal = refused.refusal;
    entry.refusedStep = refused.judged?.steps[refused.at];
    entry.text = this.#shown(frame);
    this.#commit(entry);
    const understood = refused.judged !== undefined;
    this.#send(substituteFor(frame.type, frame.body, this.#context.nonce, understood), 0);
  }

  #refuseQuery(frame: ClientFrame, { judged, at, refusal, permit }: Refused): void {
    const { detail } = frame;
    const { nonce } = this.#context;
    const entry = this.#open('query');
    entry.refusal = refusal;
    entry.refusedStep = judged?.steps[at];
    entry.text = this.#shown(frame);
    entry.charged = true;
    if (at === 0 || detail?.kind !== 'query') {
      this.#commit(entry);
      const whole = judged === undefined ? substituteUnreadable(nonce) : substituteQuery(nonce, Buffer.alloc(0));
      this.#send(whole, 0);
      return;
    }
    if (permit === undefined) throw new Error('what precedes the refusal has no permit');
    entry.steps = judged?.steps.slice(0, at) ?? [];
    if (!this.#skipping) this.#run(entry, detail.statements.slice(0, at), detail.text);
    this.#commit(entry);
    const offset = detail.statements[at]?.offset ?? 0;
    this.#send(permit(substituteQuery(nonce, detail.text.bytes.subarray(0, offset))).take() as Buffer, 0);
  }

  /** The message takes its place in the queue, with what it changes. */
  #enter(frame: ClientFrame, judged: Judged | undefined): void {
    if (this.#skipping) return;
    const entry = this.#open(kindOf(frame));
    if (judged !== undefined) {
      entry.steps = judged.steps;
      entry.charged = judged.charged;
      if (judged.charged) entry.text = this.#shown(frame);
    }
    this.#fill(entry, frame);
    this.#commit(entry);
  }

  #shown({ detail, text }: ClientFrame): string | undefined {
    const meant = detail?.kind === 'bind' || detail?.kind === 'execute' ? detail.definition?.text : text;
    return meant === undefined ? undefined : this.#context.shown?.(meant.bytes);
  }

  /** A Query or FunctionCall is a batch by itself. */
  #open(kind: EntryKind): Entry {
    if (!this.#skipping && standsAlone(kind)) this.#session.batch++;
    return new Entry(kind, this.#context.now(), this.#session.batch);
  }

  #commit(entry: Entry): void {
    if (this.#skipping) return;
    const alone = standsAlone(entry.kind);
    if (alone) this.#session.batch++;
    this.#batchOpen = !alone;
    this.#push(entry);
    this.#copy.sent(entry);
  }

  #fill(entry: Entry, frame: ClientFrame): void {
    const session = this.#session;
    const { detail } = frame;
    switch (detail?.kind) {
      case 'parse':
        entry.changes = [[session.parsed(detail.key, detail.text)]];
        return;
      case 'bind':
        entry.changes = [[session.bound(detail.key, detail.definition)]];
        return;
      case 'close':
        entry.changes = [[session.closed(detail.target, detail.key)]];
        return;
      case 'query': {
        this.#run(entry, detail.statements, detail.text);
        return;
      }
      case 'execute':
        if (detail.definition !== undefined) this.#run(entry, detail.statements, detail.definition.text);
        return;
      case 'function': {
        session.path.lose(session.batch);
        return;
      }
      case 'describe':
      case undefined:
        return;
    }
  }

  #run(entry: Entry, statements: readonly InspectedStatement[], text: StatementText): void {
    for (const [index, statement] of statements.entries()) {
      if (statement.copy === 'from-stdin') entry.copies++;
      for (const named of entry.steps[index]?.statements ?? [])
        this.#session.path.moved(named.effects, this.#session.batch);
      if (statement.effects.length === 0) continue;
      const changes = this.#session.running(statement, text, index);
      if (changes.length > 0) entry.changes[index] = changes;
    }
  }

  #push(entry: Entry): void {
    if (this.#queue.length === 0) this.#firstSince = entry.sent;
    this.#queue.push(entry);
  }

  #sync(bytes: Buffer): void {
    this.#skipping = false;
    this.#batchOpen = false;
    this.#push(new Entry('sync', this.#context.now(), this.#session.batch));
    this.#session.batch++;
    this.#send(bytes, 0);
  }

  #send(bytes: Buffer, rest: number): void {
    this.#context.toServer.add(bytes);
    this.#midMessage = rest > 0;
    if (this.#midMessage || this.#deferred.length === 0) return;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const action of deferred) action();
  }

  #betweenMessages(action: () => void): void {
    if (this.#midMessage) this.#deferred.push(action);
    else action();
  }

  // ---- of our own -------------------------------------------------------------------------------------------------

  ask(): void {
    if (this.#skipping || (this.#failedTransaction && !this.#batchOpen)) {
      this.#session.path.answered(undefined);
      return;
    }
    const { bytes, kinds } = pathQuestion(this.#context.nonce, this.#batchOpen);
    this.#asking = true;
    for (const kind of kinds) {
      const entry = new Entry(kind, this.#context.now(), this.#session.batch);
      entry.own = true;
      this.#push(entry);
    }
    this.#context.toServer.add(bytes);
  }

  #answered(schemas: readonly string[] | undefined): void {
    if (!this.#asking) return;
    this.#asking = false;
    this.#session.path.answered(schemas);
  }

  failCopy(reason: string): boolean {
    const entry = this.#copy.reading;
    if (entry === undefined || entry !== this.#queue.first) return false;
    this.#betweenMessages(() => {
      if (this.#copy.reading !== entry) return;
      this.#context.toServer.add(encodeCopyFail(reason));
      this.#copy.doneSent();
    });
    return true;
  }

  finishMessage(chunk: Buffer | undefined): boolean {
    return this.#framing.finishMessage(chunk);
  }

  sayGoodbye(): void {
    this.#context.toServer.add(encodeTerminate());
  }

  // ---- from the server --------------------------------------------------------------------------------------------

  receive(chunk: Buffer): void {
    this.#framing.receive(chunk);
  }

  head(type: number, bodyLength: number): Verdict {
    return isReply(type) ? this.#reply(type, bodyLength) : this.#said(type, bodyLength);
  }

  /** What is no reply to one message alone. */
  #said(type: number, bodyLength: number): Verdict {
    switch (type) {
      case BACKEND.ErrorResponse:
        return bodyLength <= MAX_READ ? VERDICT.whole : this.#unreadError();
      case BACKEND.ReadyForQuery:
      case BACKEND.ParameterStatus:
        if (bodyLength > MAX_READ) throw new ProtocolError('08P01', 'invalid backend message length');
        return VERDICT.whole;
      case BACKEND.NoticeResponse:
        if (this.#context.tells.all()) return VERDICT.forward;
        return bodyLength <= MAX_READ ? VERDICT.whole : VERDICT.drop;
      case BACKEND.NotificationResponse:
        return VERDICT.forward;
      default:
        throw new ProtocolError('08P01', 'unexpected message from the server');
    }
  }

  whole(type: number, body: Buffer): boolean {
    switch (type) {
      case BACKEND.ErrorResponse:
        return this.#error(body);
      case BACKEND.ReadyForQuery:
        return this.#ready(body);
      case BACKEND.ParameterStatus:
        this.#parameter(body);
        return true;
      case BACKEND.NoticeResponse:
        return saysNothingOfRows(decodeNoticeFields(body));
      default: // the row that answers our own question
        this.#answered(readPathAnswer(body));
        return false;
    }
  }

  #reply(type: number, bodyLength: number): Verdict {
    const first = this.#queue.first;
    const replies = first?.replies(type) ?? 0;
    if (first === undefined || replies === 0) throw new ProtocolError('08P01', 'reply to nothing that was asked');
    if (type === BACKEND.DataRow || type === BACKEND.CopyData) return rowVerdict(first, type, bodyLength);
    if (first.cut && endsRows(type)) this.#failCut(first);
    if (type === BACKEND.CopyInResponse) {
      this.#copy.began(first);
      this.#queue.removeSyncsBehindFirst();
    }
    if (completesStatement(type) && first.kind === 'query') first.confirmNext();
    if (replies === 2) this.#complete(first);
    return first.own ? VERDICT.drop : VERDICT.forward;
  }

  /** A reply without some of its rows can't end as if it had them all, and no error may follow what the server has ended. */
  #failCut(first: Entry): void {
    const { ending } = first;
    if (ending === undefined) return;
    first.replacedBy = ending;
    this.#context.ended(first, 'denied');
    throw new ReplyCut(ending);
  }

  /** The last of a reply without an error. */
  #complete(entry: Entry): void {
    if (entry.refusal !== undefined) throw new ProtocolError('08P01', 'the server ran what cannot be');
    entry.confirmNext();
    if (entry.own && entry.kind === 'execute') this.#answered(undefined);
    this.#end(entry);
  }

  #ready(body: Buffer): boolean {
    const status = decodeReadyForQuery(body);
    const first = this.#queue.first;
    if (first?.endsReady !== true) throw new ProtocolError('08P01', 'ReadyForQuery to nothing that was asked');
    if (first.refusal !== undefined && !first.failed) throw new ProtocolError('08P01', 'the server ran what cannot be');
    this.#failedTransaction = status === 'E';
    if (!first.own) this.#session.ready(first.batch, status === 'I');
    this.#end(first);
    return !first.own;
  }

  /** Too long to be read: it goes by only to who may read all. */
  #unreadError(): Verdict {
    const forwarded = this.#error(undefined);
    return forwarded && !this.#errors.replaceUnread() ? VERDICT.forward : VERDICT.drop;
  }

  /** body undefined: too long to be read. Returns whether it goes to the client as it is. */
  #error(body: Buffer | undefined): boolean {
    const first = this.#queue.first;
    if (first === undefined) return true; // the server's last word, or a lie that ends nothing
    const error = body === undefined ? undefined : readError(body);
    const shown = !first.own || this.#batchOpen;
    const forwarded = shown && (error === undefined || !this.#errors.replace(first, error));
    first.failed = true;
    if (error === undefined || !NAME_TAKEN.has(error.sqlstate)) first.doubtNext();
    this.#releaseHeld(first);
    if (first.endsReady) {
      first.dropRest();
      if (first.own) this.#answered(undefined);
      return forwarded;
    }
    this.#end(first);
    this.#skip();
    return forwarded;
  }

  /** What the server skips: all up to a Sync. */
  #skip(): void {
    for (let entry = this.#queue.first; entry !== undefined; entry = this.#queue.first) {
      if (entry.kind === 'sync') return;
      this.#queue.shift();
      entry.dropRest();
      this.#releaseHeld(entry);
      if (entry.own) this.#answered(undefined);
    }
    this.#skipping = true;
  }

  #releaseHeld(entry: Entry): void {
    const held = this.#copy.ended(entry);
    if (held > 0) {
      this.#betweenMessages(() => {
        for (let count = 0; count < held; count++) this.#sync(encodeSync());
      });
    }
  }

  #end(entry: Entry): void {
    this.#queue.shift();
    entry.dropRest();
    this.#releaseHeld(entry);
    if (this.#queue.length > 0) this.#firstSince = this.#context.now();
    if (!entry.own)
      this.#context.ended(entry, entry.replacedBy !== undefined ? 'denied' : entry.failed ? 'failed' : 'ok');
  }

  /** Lexing must not change, or what was judged is not what runs. */
  #parameter(body: Buffer): void {
    const { name, value } = decodeParameterStatus(body);
    const lexes =
      name === 'client_encoding' ? value === 'UTF8' : name !== 'standard_conforming_strings' || value === 'on';
    if (!lexes) throw new ProtocolError('57P01', `terminating connection because ${name} was changed`);
    if (name === 'search_path') this.#session.pathReported(value);
  }
}

/** Messages that the server sends as the reply to the first in flight. */
const REPLIES = new Uint8Array(256);
for (const letter of '123CDGHITVcdnst') REPLIES[letter.charCodeAt(0)] = 1;
const isReply = (type: number): boolean => REPLIES[type] === 1;

function rowVerdict(first: Entry, type: number, bodyLength: number): Verdict {
  if (first.own) return type === BACKEND.DataRow && bodyLength <= MAX_READ ? VERDICT.whole : VERDICT.drop;
  // What a time limit ends may be read: should the server complete it all the same, it is whole.
  if (first.ending === undefined || first.ending.reason === 'timeout') return VERDICT.forward;
  first.cut = true;
  return VERDICT.drop;
}

/** duplicate_prepared_statement, duplicate_cursor: nothing was made. */
const NAME_TAKEN: ReadonlySet<string> = new Set(['42P05', '42P03']);
