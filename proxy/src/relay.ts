/**
 * A statement's life: frame → inspect → evaluate → lease a link → forward or refuse → record. What each step does stands
 * in the protocol's session and link, and in the files beside this one that are called relay-*.
 */
import type { Permit } from '#contract/policy/decision';
import { Outbox } from './bytes/outbox.ts';
import {
  ProtocolError,
  type ClientMessage,
  type InFlight,
  type Judged,
  type Link,
  type Session,
} from './protocols/protocol.ts';
import { ReplyCut, type Refusal } from './protocols/refusal.ts';
import { Peer } from './relay-peer.ts';
import { judge, type Verdict } from './relay-judge.ts';
import { actionOf } from './relay-record.ts';
import { InFlightWatch } from './relay-watch.ts';
import { mayReadAll, mayReadWhole } from './relay-tells.ts';
import type { RelayContext } from './relay-context.ts';
import { withoutConstants } from './parser/without-constants.ts';
import type { BoundUser } from './snapshot/directory.ts';

export class Relay {
  readonly #context: RelayContext;
  readonly #session: Session;
  /** The lease: one link for the session's life. */
  readonly #link: Link;
  readonly #client: Peer;
  readonly #server: Peer;
  readonly #toClient = new Outbox();
  readonly #toServer = new Outbox();
  readonly #watch: InFlightWatch;
  #user: BoundUser;
  /** A message that could not be sent yet. */
  #pending: ClientMessage | undefined;
  #charged: ClientMessage | undefined;
  /** The parser is at work on the pending message. */
  #waiting = false;
  /** Others have their turn. */
  #yielding = false;
  #clientEnded = false;
  #closing = false;
  #lastHeard: number;

  constructor(context: RelayContext) {
    const { protocol, nonce, sessionContext, environment, client, server } = context;
    this.#context = context;
    this.#user = context.user;
    this.#lastHeard = environment.monotonic();
    this.#session = protocol.openSession(sessionContext);
    this.#link = protocol.openLink({
      session: this.#session,
      toServer: this.#toServer,
      toClient: this.#toClient,
      nonce,
      now: () => environment.monotonic(),
      tells: {
        all: () => mayReadAll(this.#user, context.database, environment.now()),
        whole: (schema, name) =>
          mayReadWhole(this.#user, { database: context.database, schema, name }, environment.now()),
      },
      shown: (text) => (this.#user.audit === 'statements' ? withoutConstants(text) : undefined),
      ended: (entry, outcome) => this.#ended(entry, outcome),
      failed: (sqlstate) => {
        if (NAMES_UNKNOWN.has(sqlstate)) context.catalogMoved();
      },
    });
    this.#client = new Peer(client, {
      received: (chunk) => this.#fromClient(chunk),
      ended: () => this.#clientSaidAll(),
      closed: () => this.#clientGone(),
      drained: () => this.#server.resume('client full'),
    });
    this.#server = new Peer(server, {
      received: (chunk) => this.#fromServer(chunk),
      ended: () => this.#serverGone(),
      closed: () => this.#serverGone(),
      drained: () => this.#client.resume('server full'),
    });
    this.#watch = new InFlightWatch({
      link: this.#link,
      environment,
      timeout: () => this.#user.backend.timeouts.statement,
      cancel: context.cancelAtServer,
      ending: () => this.#server.resume('client full'), // rows that nobody gets are dropped: nothing to wait for
      expired: () => this.rejudge(this.#user),
      released: () => this.#pump(),
    });
  }

  /** What came with the two logins and belongs to the session; then both sockets flow. */
  start(fromClient: Buffer, fromServer: Buffer): void {
    if (fromServer.length > 0) this.#fromServer(fromServer);
    if (fromClient.length > 0) this.#fromClient(fromClient);
    this.#server.start();
    this.#client.start();
  }

  get user(): BoundUser {
    return this.#user;
  }

  get inFlight(): number {
    return this.#link.inFlight;
  }

  /** Milliseconds since the client sent something, or since the last reply is out. */
  idleFor(now: number): number {
    return this.#link.inFlight > 0 || this.#pending !== undefined ? 0 : now - this.#lastHeard;
  }

  // ---- a statement's way ------------------------------------------------------------------------------------------

  #fromClient(chunk: Buffer): void {
    this.#lastHeard = this.#context.environment.monotonic();
    this.#session.receive(chunk);
    this.#pump();
  }

  /** As many messages as can go now. */
  #pump(): void {
    if (this.#closing) return;
    try {
      this.#advanceAll();
    } catch (error) {
      this.#fail(error, 'client-protocol');
      return;
    }
    const stuck = this.#pending !== undefined || this.#waiting || this.#watch.holding || this.#yielding;
    if (stuck) this.#client.pause('waits');
    else this.#client.resume('waits');
    this.#flush();
    if (this.#clientEnded && !stuck) this.#goodbye();
  }

  #advanceAll(): void {
    let advanced = 0;
    let since = 0;
    while (!this.#waiting && !this.#watch.holding && !this.#yielding) {
      const message = this.#pending ?? this.#session.next();
      this.#pending = message;
      if (message === undefined || !this.#advance(message)) return;
      this.#pending = undefined;
      this.#charged = undefined;
      advanced++;
      if (advanced % LOOK_EVERY > 0) continue;
      const now = this.#context.environment.monotonic();
      if (advanced === LOOK_EVERY) since = now;
      else if (now - since > TURN) this.#yield();
    }
  }

  /** Others first: what one client sent in one go may take long to be looked at. */
  #yield(): void {
    this.#yielding = true;
    setImmediate(() => {
      this.#yielding = false;
      this.#pump();
    });
  }

  /** One message; false: it must wait. */
  #advance(message: ClientMessage): boolean {
    if (this.#closing) return true;
    if (!this.#link.accepts(message)) return false;
    const inquiry = this.#session.inspect(message);
    switch (inquiry.kind) {
      case 'pass':
        this.#link.pass(message);
        return true;
      case 'judge':
        return this.#judge(message, inquiry);
      case 'refuse':
        this.#link.refuse(message, { judged: undefined, at: 0, refusal: inquiry.refusal, permit: undefined });
        return true;
      case 'wait':
        this.#waitFor(inquiry.ready);
        return false;
      case 'settle':
        return false;
      case 'end':
        this.#goodbye();
        return true;
    }
  }

  #judge(message: ClientMessage, judged: Judged): boolean {
    const { environment } = this.#context;
    const overRate = judged.charged ? this.#charge(message) : undefined;
    if (overRate !== undefined) {
      this.#link.refuse(message, { judged, at: 0, refusal: overRate, permit: undefined });
      return true;
    }
    const verdict = judge(this.#user, judged.steps, environment.now());
    if (verdict.allowed) {
      this.#link.forward(message, judged, verdict.allow.permit(message.bytes));
      this.#watch.sent(verdict.allow.until);
      return true;
    }
    if (this.#session.wantsToAsk) {
      this.#link.ask();
      return this.#advance(message);
    }
    this.#link.refuse(message, { judged, at: verdict.at, refusal: verdict.refusal, permit: permitBefore(verdict) });
    this.#watch.sent(verdict.allow?.until ?? Infinity);
    return true;
  }

  /** Once per message, however often it is looked at. */
  #charge(message: ClientMessage): Refusal | undefined {
    if (this.#charged === message) return undefined;
    this.#charged = message;
    return this.#context.limits.take(this.#user.user, this.#context.environment.monotonic());
  }

  #waitFor(ready: Promise<unknown>): void {
    this.#waiting = true;
    const goOn = (): void => {
      this.#waiting = false;
      this.#pump();
    };
    ready.then(goOn, (error: unknown) => this.#fail(error, 'internal'));
  }

  #fromServer(chunk: Buffer): void {
    if (this.#closing) {
      this.#finishReply(chunk);
      return;
    }
    try {
      this.#link.receive(chunk);
    } catch (error) {
      this.#fail(error, 'server-protocol');
      return;
    }
    this.#lastHeard = this.#context.environment.monotonic();
    this.#watch.moved();
    this.#pump();
  }

  /** One write per read, as a rule. A full socket stops the other side. */
  #flush(): void {
    if (this.#toServer.bytes > 0 && !this.#server.write(this.#toServer.take())) this.#client.pause('server full');
    if (this.#toClient.bytes > 0 && !this.#client.write(this.#toClient.take())) this.#clientFull();
  }

  /** A reply that is being ended is read on, whatever the client does: the message at hand is its last. */
  #clientFull(): void {
    if (this.#link.first?.ending === undefined) this.#server.pause('client full');
    else if (this.#client.backlog > MAX_BACKLOG) this.#client.destroy();
  }

  #ended(entry: InFlight, outcome: 'ok' | 'denied' | 'failed'): void {
    this.#context.record.statement(this.#user, entry, outcome);
    if (outcome === 'ok' && entry.steps.some(({ statements }) => statements.some((s) => actionOf(s) === 'admin'))) {
      this.#context.catalogMoved();
    }
  }

  // ---- policy moves -----------------------------------------------------------------------------------------------

  /**
   * Another revision is in force, or a rule has expired: what is in flight is judged again. At once what takes the client's
   * data; all else after a moment in which a short reply, mostly in the socket already, comes to its end by itself. Cut, it
   * would cost the session.
   */
  rejudge(user: BoundUser): void {
    this.#user = user;
    if (this.#link.inFlight === 0) return;
    this.#endDenied(({ copies }) => copies > 0);
    if (this.#rejudging !== undefined) return;
    // Timers come before what sockets have: so once around, for what has arrived.
    this.#rejudging = setTimeout(() => setImmediate(() => this.#endAllDenied()), MOMENT);
  }

  #rejudging: NodeJS.Timeout | undefined;

  #endAllDenied(): void {
    this.#rejudging = undefined;
    if (!this.#closing) this.#endDenied(() => true);
  }

  #endDenied(concerns: (entry: InFlight) => boolean): void {
    const now = this.#context.environment.now();
    for (const entry of this.#link.entries()) {
      if (entry.ending !== undefined || entry.steps.length === 0 || !concerns(entry)) continue;
      const verdict = judge(this.#user, entry.steps, now);
      if (!verdict.allowed) entry.ending = verdict.refusal;
    }
    this.#watch.moved();
    this.#flush();
  }

  // ---- the end ----------------------------------------------------------------------------------------------------

  /** The client hears why, once the message that it is being sent is whole. What is in flight is ended. */
  close(refusal: Refusal): void {
    if (this.#closing) return;
    this.#flush();
    this.#closing = true;
    this.#farewell = refusal;
    if (this.#link.inFlight > 0) void this.#context.cancelAtServer();
    this.#server.resume('client full');
    this.#finishReply(undefined);
  }

  #farewell: Refusal | undefined;

  #finishReply(chunk: Buffer | undefined): void {
    const whole = this.#link.finishMessage(chunk);
    if (this.#toClient.bytes > 0) this.#client.write(this.#toClient.take());
    if (!whole) {
      this.#client.destroyLater();
      return;
    }
    const farewell = this.#farewell;
    if (farewell === undefined) return;
    this.#farewell = undefined;
    this.#client.write([this.#context.protocol.farewell(farewell)]);
    this.#client.end();
    this.#server.end();
  }

  #fail(error: unknown, what: string): void {
    if (error instanceof ReplyCut) {
      this.close(error.refusal);
      return;
    }
    const broken = error instanceof ProtocolError;
    this.#context.trouble(what, broken ? error.message : describe(error));
    this.close({
      reason: 'protocol',
      sqlstate: broken ? error.code : 'XX000',
      message: broken ? error.message : 'internal error of the proxy',
    });
  }

  /** Everything that was sent is on its way; the server ends the connection when it has answered. */
  #goodbye(): void {
    if (this.#closing) return;
    this.#link.sayGoodbye();
    this.#flush();
    this.#server.end();
    this.#clientEnded = false;
    this.#saidGoodbye = true;
  }

  #saidGoodbye = false;

  #clientSaidAll(): void {
    if (this.#saidGoodbye || this.#closing) return;
    this.#clientEnded = true;
    this.#pump();
  }

  #clientGone(): void {
    if (!this.#closing && !this.#saidGoodbye) {
      this.#link.sayGoodbye();
      this.#flush();
    }
    this.#closing = true;
    this.#clientIsGone = true;
    if (this.#serverIsGone) this.#over();
    else this.#server.end();
  }

  #clientIsGone = false;
  #serverIsGone = false;

  /**
   * Its last messages have been passed on. A client that went amid a statement keeps its place until here, and what the
   * server has not finished by then is cancelled: nothing runs on that no one answers for.
   */
  #serverGone(): void {
    const left = this.#clientIsGone || this.#saidGoodbye;
    if (left && !this.#serverIsGone && this.#link.inFlight > 0) void this.#context.cancelAtServer();
    this.#serverIsGone = true;
    this.#flush();
    this.#closing = true;
    this.#client.end();
    this.#server.end();
    this.#over();
  }

  #isOver = false;

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#rejudging);
    this.#watch.stop();
    this.#context.over();
  }
}

/** Milliseconds that one client's messages may take while others wait, roughly. */
const TURN = 2;

/** Milliseconds that what is in flight has to end by itself when it is allowed no more. */
const MOMENT = 100;

/** Messages between two looks at the clock. */
const LOOK_EVERY = 16;

/** Bytes of one message that a client has not taken while its reply is being ended. */
const MAX_BACKLOG = 16 * 1024 * 1024;

/** undefined_function: of a name that exists, or does not any more. */
const NAMES_UNKNOWN: ReadonlySet<string> = new Set(['42883']);

function permitBefore(verdict: Extract<Verdict, { allowed: false }>): ((bytes: Buffer) => Permit) | undefined {
  const { allow } = verdict;
  return allow === undefined ? undefined : (bytes) => allow.permit(bytes);
}

/** The kind of error alone: its message may hold what a client sent. */
const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name} at ${error.stack?.split('\n')[1]?.trim() ?? '?'}` : 'unknown';
