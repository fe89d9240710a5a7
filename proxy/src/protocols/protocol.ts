import type { Permit } from '#contract/policy/decision';
import type { SnapshotBackend } from '#contract/snapshot/types';
import type { Inspection, InspectedStatement, ResolutionState } from '../sql/inspection.ts';
import type { Outbox } from '../bytes/outbox.ts';
import type { AcceptEffect, AcceptInput, ClientLogin, ServerLogin } from './login.ts';
import type { Refusal } from './refusal.ts';

/**
 * The one interface between the proxy and a database protocol. A protocol is a folder of pure code beside this file:
 * it never opens a socket, reads a clock or draws a random number; what it needs of these is handed in.
 *
 * A client's conversation has two halves. A Session is what one client has said and awaits; a Link is what is in flight
 * on one server connection. The relay pairs them: it takes the session's next message, asks it what the message wants,
 * judges that, and hands the message to the link, to be forwarded or refused.
 */
export { ProtocolError } from '../bytes/protocol-error.ts';

export interface Protocol {
  readonly name: SnapshotBackend['protocol'];
  /** ALPN names offered to clients over TLS. */
  readonly alpn: readonly string[];
  /** The client's login. The first byte decides between TLS and plain. */
  startAccept(context: AcceptContext): Acceptance;
  openSession(context: SessionContext): Session;
  openLink(context: LinkContext): Link;
  /** What a client hears between its login and its first message; `key` is ours, for its cancel requests. */
  welcome(server: ServerLogin, key: Buffer): Buffer;
  /** Bytes of a cancel key that fits this client. */
  cancelKeyBytes(login: ClientLogin): number;
  cancelRequest(server: ServerLogin): Buffer;
  /** The last thing a client hears. */
  farewell(refusal: Refusal): Buffer;
  /** Schemas that the client's own start-up settings put into the search path; undefined: it sent none, null: not understood. */
  pathOfLogin(login: ClientLogin): readonly string[] | null | undefined;
  /** What the server is to be told at our login there, in order: the client's own settings, and those that the proxy owns. */
  settingsFor(login: ClientLogin, path: readonly string[]): readonly (readonly [name: string, value: string])[];
}

// ---- the client's login --------------------------------------------------------------------------------------------

export interface AcceptContext {
  readonly tlsAvailable: boolean;
  readonly requireTls: boolean;
  readonly nonce: string;
  readonly mockSecret: Buffer;
  readonly serverEndPoint?: Buffer;
}

/** A login under way: give it what happened, carry out what it says. */
export interface Acceptance {
  /** Bytes from the client, as received. Effects in order; whatever follows `upgrade-tls` must wait for the channel. */
  receive(chunk: Buffer): readonly AcceptEffect[];
  step(input: Exclude<AcceptInput, { kind: 'frame' }>): readonly AcceptEffect[];
  /** Bytes received and not used by the login. */
  rest(): Buffer;
}

// ---- a client's conversation ---------------------------------------------------------------------------------------

export interface SessionContext {
  readonly inspections: Inspections;
  readonly resolution: Resolution;
  /** Bytes of one statement's text. */
  readonly statementBytes: number;
  /** A name that no client uses, random per link. */
  readonly nonce: string;
  /** Whether the server reports changes of its search path by itself. */
  readonly reportsPath: boolean;
  /** The name that "$user" stands for in a search path. */
  readonly serverUser: string;
}

/** What names mean to one session: the set of schemas in its path changes, what exists in the database too. */
export interface Resolution {
  current(path: readonly string[] | null): ResolutionState;
  readonly initialPath: readonly string[];
}

/** Statement texts and what the analysis says of them, shared by all sessions. */
export interface Inspections {
  /** The text of these bytes, which are copied if they are kept. */
  text(bytes: Buffer): StatementText;
  of(text: StatementText, state: ResolutionState): Inspection | Promise<Inspection>;
}

export interface StatementText {
  readonly bytes: Buffer;
  /** What it takes to keep it and its inspections, in bytes, roughly. */
  readonly cost: number;
  /** The same, with bytes of its own: good beyond the turn. */
  keep(): StatementText;
}

/** One message of a client, or the head of one whose body follows. Opaque to the relay. */
export interface ClientMessage {
  readonly bytes: Buffer;
}

/** What a message asks for. */
export type Inquiry =
  /** Nothing that policy speaks of. */
  | { readonly kind: 'pass' }
  | Judged
  /** Refused whoever asks. */
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  /** Not known yet. The same message is asked about again once `ready` is. */
  | { readonly kind: 'wait'; readonly ready: Promise<unknown> }
  /** What it names depends on replies that are still to come. Asked about again as they do. */
  | { readonly kind: 'settle' }
  /** The client says goodbye. */
  | { readonly kind: 'end' };

export interface Judged {
  readonly kind: 'judge';
  /** In the order of execution; the first that is not allowed is refused, those before it run. */
  readonly steps: readonly JudgedStep[];
  /** Whether it counts as a statement of the user's rate. */
  readonly charged: boolean;
}

export interface JudgedStep {
  /** All of them must be allowed: a name can stand for several. */
  readonly statements: readonly InspectedStatement[];
  readonly refusal?: Refusal;
}

export interface Session {
  receive(chunk: Buffer): void;
  /** frame: the next message, or undefined: more bytes are needed. Throws ProtocolError. */
  next(): ClientMessage | undefined;
  /** inspect: what the message asks for, as things are now. */
  inspect(message: ClientMessage): Inquiry;
  /** What follows of the message at hand is not wanted. */
  skipRest(): void;
  /** Bytes received and not yet handed out. */
  readonly buffered: number;
  /** Whether names could be judged less strictly if the server were asked first. */
  readonly wantsToAsk: boolean;
}

// ---- a server connection -------------------------------------------------------------------------------------------

export interface LinkContext {
  readonly session: Session;
  readonly toServer: Outbox;
  readonly toClient: Outbox;
  readonly nonce: string;
  /** Called as entries end, in order. */
  readonly ended: (entry: InFlight, outcome: 'ok' | 'denied' | 'failed') => void;
  /** What of the server's own messages the client may read: all of it, and whether a relation named there is the user's to read whole. */
  readonly tells: { readonly all: () => boolean; readonly whole: (schema: string, relation: string) => boolean };
  /** What an audit event may show of a statement's text, if anything; asked when it is sent. Absent: nothing. */
  readonly shown?: (text: Buffer) => string | undefined;
  /** The server's own error, by its SQLSTATE. */
  readonly failed: (sqlstate: string) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** What is in flight: one message sent, whose reply has not ended. */
export interface InFlight {
  /** Monotonic milliseconds at which it was sent. */
  readonly sent: number;
  readonly steps: readonly JudgedStep[];
  /** What an audit event may show of the statement's text. */
  readonly text: string | undefined;
  /** Whether it counts as a statement. */
  readonly charged: boolean;
  /** How often the client is still to send data for it (COPY FROM STDIN). */
  readonly copies: number;
  /** The step that was refused, when something else went in its place. */
  readonly refusedStep: JudgedStep | undefined;
  /** Why it was refused, when something else went in its place. */
  readonly refusal: Refusal | undefined;
  /** Set to end it: its error is replaced by this, what else it says is dropped. */
  ending: Refusal | undefined;
  /** Set where the client read this instead of the server's error. */
  readonly replacedBy: Refusal | undefined;
}

export interface Link {
  /** Whether this message may be sent now, or must wait for the server. Throws ProtocolError if it may never be. */
  accepts(message: ClientMessage): boolean;
  /** A message that asks nothing. */
  pass(message: ClientMessage): void;
  forward(message: ClientMessage, judged: Judged, permit: Permit): void;
  /** Sends what the server must refuse at this point. `permit` carries what precedes the refused step, if anything does. */
  refuse(message: ClientMessage, refused: Refused): void;
  /** Asks the server what the session wants to know; the session hears the answer. */
  ask(): void;
  /** Bytes from the server, as received. Throws ProtocolError, or ReplyCut: the session ends with that. */
  receive(chunk: Buffer): void;
  /** Ends a COPY FROM STDIN that is under way; false: the first in flight is none, a cancel request is needed. */
  failCopy(reason: string): boolean;
  /**
   * Hands on what is left of the message that the server is in the midst of; true: nothing is, and a message of our own
   * may follow. What comes behind it is not looked at.
   */
  finishMessage(chunk: Buffer | undefined): boolean;
  /** The client is gone: what the server is to hear. */
  sayGoodbye(): void;
  readonly inFlight: number;
  /** What the server is at. */
  readonly first: InFlight | undefined;
  /** Monotonic milliseconds since when it is. */
  readonly firstSince: number;
  entries(): Iterable<InFlight>;
}

export interface Refused {
  readonly judged: Judged | undefined;
  /** Which step. */
  readonly at: number;
  readonly refusal: Refusal;
  /** Where a step precedes the refused one: the way to a permit for the bytes that run it. */
  readonly permit: ((bytes: Buffer) => Permit) | undefined;
}

/** One whole message. `type` is its first byte, 0 for PostgreSQL's untyped start-up packets; `body` is what follows the length. */
export interface Frame {
  readonly type: number;
  /** A view into the receive buffer: valid until the next read; copy to keep. */
  readonly body: Buffer;
}

/** A login as steps: nothing in it does anything; the effects are carried out in one place. */
export type Step<State, Input, Effect> = (state: State, input: Input) => readonly [State, readonly Effect[]];
