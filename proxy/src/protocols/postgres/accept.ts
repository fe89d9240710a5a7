/**
 * A client's login at us, as pure steps (PostgreSQL §54.2.1, §54.2.9–11; the server's own ProcessStartupPacket and
 * auth.c where the manual is silent).
 *
 * | state     | frame                       | tls-first-byte | tls-established | verifier  | trusted, turned-away |
 * |-----------|-----------------------------|----------------|-----------------|-----------|----------------------|
 * | start-up  | SSL, GSS, cancel, start-up  | → tls          | –               | –         | –                    |
 * | tls       | –                           | –              | → start-up      | –         | –                    |
 * | verifier  | –                           | –              | –               | → initial | → done               |
 * | initial   | SASLInitialResponse → proof | –              | –               | –         | –                    |
 * | first     | SASLResponse → proof        | –              | –               | –         | –                    |
 * | proof     | SASLResponse → done         | –              | –               | –         | –                    |
 * | done      | –                           | –              | –               | –         | –                    |
 *
 * What the client sends wrong ends in a `close` effect in PostgreSQL's words; an input where there is a dash is a bug
 * of the caller and throws.
 *
 * DANGER: with `upgrade-tls` the caller must have no byte of the client left that it read before. What stands there
 * was sent in the clear, by anybody, and would count as said inside the TLS channel (CVE-2021-23214). Then: close.
 */
import { mockVerifier, parseScramVerifier } from '#proxy/crypto/scram';
import { SCRAM, SCRAM_PLUS } from '#proxy/crypto/scram-messages';
import { serverScramFinal, serverScramFirst } from '#proxy/crypto/scram-server';
import { judgeSetting } from '#proxy/sql/postgres/settings';
import { ProtocolError } from '../protocol.ts';
import { decodeSaslInitialResponse, decodeStartup } from './decode-login.ts';
import {
  encodeAuthenticationOk,
  encodeAuthenticationSasl,
  encodeAuthenticationSaslContinue,
  encodeAuthenticationSaslFinal,
  encodeNegotiateProtocolVersion,
} from './encode-login.ts';
import { encodeErrorResponse } from './encode.ts';
import { FRONTEND, MAX_SASL_BYTES, MAX_STARTUP_BYTES } from './messages.ts';
import { readStartup } from './accept-startup.ts';
import type { ScramMechanism } from '#proxy/crypto/scram-messages';
import type { ScramVerifier } from '#proxy/crypto/scram';
import type { ServerScram } from '#proxy/crypto/scram-server';
import type { AcceptEffect, AcceptInput, TlsFacts } from '../login.ts';
import type { Frame, Step } from '../protocol.ts';
import type { StartupMessage } from './decode-login.ts';
import type { ErrorFields } from './encode.ts';
import type { RequestedLogin } from './accept-startup.ts';

export interface AcceptContext {
  readonly tlsAvailable: boolean;
  readonly requireTls: boolean;
  /** For SCRAM: printable ASCII without a comma, from at least 18 random bytes, fresh for each connection. */
  readonly nonce: string;
  /** Keeps salts of unknown users stable, and unlike those that anybody could compute. */
  readonly mockSecret: Buffer;
  /** tls-server-end-point of our certificate, where tls-established does not bring it. */
  readonly serverEndPoint?: Buffer;
}

interface StartState {
  readonly kind: 'start-up';
  readonly context: AcceptContext;
  readonly tls: TlsFacts | undefined;
  /** What was asked for already: each encryption is asked for once. */
  readonly asked: ReadonlySet<'ssl' | 'gss-encryption'>;
}

interface TlsState {
  readonly kind: 'tls';
  readonly context: AcceptContext;
  /** Without SSLRequest (§54.2.11): ALPN is then a must. */
  readonly direct: boolean;
}

interface Authenticating {
  readonly context: AcceptContext;
  readonly tls: TlsFacts | undefined;
  readonly requested: RequestedLogin;
}

interface VerifierState extends Authenticating {
  readonly kind: 'verifier';
}

interface InitialState extends Authenticating {
  readonly kind: 'initial';
  readonly verifier: ScramVerifier;
  /** False: the verifier is a mock, and no proof will do. */
  readonly known: boolean;
  readonly endPoint: Buffer | undefined;
}

/** The mechanism is chosen, the client's first message came not with it. */
interface FirstState extends Omit<InitialState, 'kind'> {
  readonly kind: 'first';
  readonly mechanism: ScramMechanism;
}

interface ProofState extends Omit<InitialState, 'kind'> {
  readonly kind: 'proof';
  readonly scram: ServerScram;
}

interface DoneState {
  readonly kind: 'done';
}

export type AcceptState = StartState | TlsState | VerifierState | InitialState | FirstState | ProofState | DoneState;

type Stepped = readonly [AcceptState, readonly AcceptEffect[]];

const DONE: DoneState = { kind: 'done' };

export const acceptStart = (context: AcceptContext): AcceptState => ({
  kind: 'start-up',
  context,
  tls: undefined,
  asked: new Set(),
});

/** What the client may send now: whether its packet has no type byte, and the most bytes that its body may have. */
export function acceptExpects(state: AcceptState): { readonly untyped: boolean; readonly limit: number } {
  return state.kind === 'start-up'
    ? { untyped: true, limit: MAX_STARTUP_BYTES }
    : { untyped: false, limit: MAX_SASL_BYTES };
}

export const accept: Step<AcceptState, AcceptInput, AcceptEffect> = (state, input) => {
  try {
    return step(state, input);
  } catch (error) {
    if (error instanceof ProtocolError) return refuse(error.code, error.message, 'protocol');
    throw error;
  }
};

function step(state: AcceptState, input: AcceptInput): Stepped {
  switch (input.kind) {
    case 'frame':
      return onFrame(state, input.frame);
    case 'tls-first-byte':
      if (state.kind === 'start-up') return directTls(state);
      break;
    case 'tls-established':
      if (state.kind === 'tls') return tlsEstablished(state, input.facts);
      break;
    case 'verifier':
      if (state.kind === 'verifier') return offer(state, input.verifier);
      break;
    case 'trusted':
      if (state.kind === 'verifier') return authenticated(state, input.user, []);
      break;
    case 'turned-away':
      if (state.kind === 'verifier') return [DONE, [closing(input.why, input.why.reason)]];
      break;
  }
  return misuse(state, input.kind);
}

function onFrame(state: AcceptState, frame: Frame): Stepped {
  switch (state.kind) {
    case 'start-up':
      return startupPacket(state, frame);
    case 'initial':
      return saslInitial(state, frame);
    case 'first':
      return clientFirst(state, state.mechanism, saslBody(frame));
    case 'proof':
      return clientProof(state, frame);
    default:
      return misuse(state, 'frame');
  }
}

function misuse(state: AcceptState, input: string): never {
  throw new Error(`input ${input} in state ${state.kind}`);
}

// ---- encryption and start-up -----------------------------------------------------------------------------------

function startupPacket(state: StartState, frame: Frame): Stepped {
  if (frame.type !== 0) throw new Error('a start-up packet has no type');
  const packet = decodeStartup(frame.body);
  switch (packet.kind) {
    case 'ssl':
    case 'gss-encryption':
      return state.asked.has(packet.kind)
        ? unsupportedVersion(1234, packet.kind === 'ssl' ? 5679 : 5680)
        : ask(state, packet.kind);
    case 'cancel':
      return [DONE, [{ kind: 'cancel', pid: packet.pid, key: Buffer.from(packet.key) }]];
    case 'other-version':
      return unsupportedVersion(packet.major, packet.minor);
    case 'startup':
      return startupMessage(state, packet);
  }
}

/** SSLRequest and GSSENCRequest are answered by one byte; a TLS channel is not encrypted again. */
function ask(state: StartState, what: 'ssl' | 'gss-encryption'): Stepped {
  if (what === 'ssl' && state.context.tlsAvailable && state.tls === undefined) {
    return [
      { kind: 'tls', context: state.context, direct: false },
      [{ kind: 'to-client', bytes: Buffer.from('S') }, { kind: 'upgrade-tls' }],
    ];
  }
  return [{ ...state, asked: new Set([...state.asked, what]) }, [{ kind: 'to-client', bytes: Buffer.from('N') }]];
}

/** Only the very first byte of a connection may begin TLS (ProcessSSLStartup); without TLS there is nobody to answer. */
function directTls(state: StartState): Stepped {
  if (!state.context.tlsAvailable || state.tls !== undefined || state.asked.size > 0) {
    return [DONE, [{ kind: 'close', reason: 'tls' }]];
  }
  return [{ kind: 'tls', context: state.context, direct: true }, [{ kind: 'upgrade-tls' }]];
}

/** The name of the protocol in ALPN: without it, what looks like ours could be another protocol's (ALPACA). */
const ALPN = 'postgresql';

function tlsEstablished(state: TlsState, facts: TlsFacts): Stepped {
  if (facts.alpn !== ALPN && (state.direct || facts.alpn !== null)) return [DONE, [{ kind: 'close', reason: 'tls' }]];
  const asked = new Set(['ssl', 'gss-encryption'] as const);
  return [{ kind: 'start-up', context: state.context, tls: facts, asked }, []];
}

function startupMessage(state: StartState, message: StartupMessage): Stepped {
  const requested = readStartup(message);
  const effects: AcceptEffect[] = [];
  if (requested.minor !== message.minor || requested.unknownOptions.length > 0) {
    effects.push({
      kind: 'to-client',
      bytes: encodeNegotiateProtocolVersion(requested.minor, requested.unknownOptions),
    });
  }
  const refusal = refusalOf(state, requested);
  if (refusal !== undefined)
    return [DONE, [...effects, closing(refusal, refusal === TLS_REQUIRED ? 'tls-required' : 'start-up')]];
  const next: VerifierState = { kind: 'verifier', context: state.context, tls: state.tls, requested };
  return [next, [...effects, { kind: 'need-verifier', user: requested.user }]];
}

const TLS_REQUIRED: ErrorFields = {
  sqlstate: '28000',
  message: 'this server accepts encrypted connections only',
  hint: 'Connect with sslmode=require or stronger.',
};

/** Only what says nothing about users is refused before the password is proved. */
function refusalOf(state: StartState, requested: RequestedLogin): ErrorFields | undefined {
  if (state.context.requireTls && state.tls === undefined) {
    return TLS_REQUIRED;
  }
  if (requested.user === '') {
    return { sqlstate: '28000', message: 'no PostgreSQL user name specified in startup packet' };
  }
  if (requested.replication) {
    return { sqlstate: '0A000', message: 'replication connections are not supported by this proxy' };
  }
  return undefined;
}

// ---- SCRAM -------------------------------------------------------------------------------------------------------

/** Both verifiers are made and parsed whoever asks: unknown users cost what known ones do. */
function offer(state: VerifierState, text: string | undefined): Stepped {
  const mock = mockVerifier(state.requested.user, state.context.mockSecret);
  const real = parseScramVerifier(text ?? MOCK_TEXT);
  const known = text !== undefined && real !== undefined;
  const endPoint = state.tls === undefined ? undefined : (state.tls.serverEndPoint ?? state.context.serverEndPoint);
  const mechanisms = endPoint === undefined ? [SCRAM] : [SCRAM_PLUS, SCRAM];
  const next: InitialState = { ...state, kind: 'initial', verifier: known ? real : mock, known, endPoint };
  return [next, [{ kind: 'to-client', bytes: encodeAuthenticationSasl(mechanisms) }]];
}

/** Of the form of a verifier; parsed for the time that it takes. */
const KEY = `${'A'.repeat(43)}=`;
const MOCK_TEXT = `SCRAM-SHA-256$4096:${'A'.repeat(22)}==$${KEY}:${KEY}`;

function saslBody(frame: Frame): Buffer {
  if (frame.type !== FRONTEND.Password) {
    throw new ProtocolError('08P01', `expected SASL response, got message type ${frame.type}`);
  }
  return frame.body;
}

function saslInitial(state: InitialState, frame: Frame): Stepped {
  const response = decodeSaslInitialResponse(saslBody(frame));
  const mechanism = chosen(response.mechanism.toString('latin1'), state.endPoint !== undefined);
  if (mechanism === undefined) {
    return refuse('08P01', 'client selected an invalid SASL authentication mechanism', 'protocol');
  }
  if (response.data === undefined) {
    // RFC 4422 §3.1: asked for by an empty challenge, the client sends its first message then.
    const bytes = encodeAuthenticationSaslContinue(new Uint8Array(0));
    return [{ ...state, kind: 'first', mechanism }, [{ kind: 'to-client', bytes }]];
  }
  return clientFirst(state, mechanism, response.data);
}

const chosen = (name: string, plus: boolean): ScramMechanism | undefined => {
  if (name === SCRAM) return SCRAM;
  return name === SCRAM_PLUS && plus ? SCRAM_PLUS : undefined;
};

function clientFirst(state: InitialState | FirstState, mechanism: ScramMechanism, data: Buffer): Stepped {
  const { verifier, endPoint, context } = state;
  const [scram, message] = serverScramFirst({ mechanism, verifier, nonce: context.nonce, endPoint }, data);
  const next: ProofState = { ...state, kind: 'proof', scram };
  return [next, [{ kind: 'to-client', bytes: encodeAuthenticationSaslContinue(message) }]];
}

function clientProof(state: ProofState, frame: Frame): Stepped {
  const outcome = serverScramFinal(state.scram, saslBody(frame));
  const { requested } = state;
  if (!outcome.ok || !state.known) {
    return refuse('28P01', `password authentication failed for user "${requested.user}"`, 'password');
  }
  return authenticated(state, requested.user, [
    { kind: 'to-client', bytes: encodeAuthenticationSaslFinal(outcome.message) },
  ]);
}

/** said: what the client hears first. */
function authenticated({ requested, tls }: Authenticating, user: string, said: readonly AcceptEffect[]): Stepped {
  const refusal = requested.optionsError ?? refusedSetting(requested);
  if (refusal !== undefined) {
    return [DONE, [...said, { kind: 'to-client', bytes: encodeAuthenticationOk() }, closing(refusal, 'setting')]];
  }
  const { database, minor, settings } = requested;
  return [DONE, [...said, { kind: 'accepted', login: { user, database, minor, settings, tls: tls !== undefined } }]];
}

/** Judged after the client has proved who it is, so that who can't learns nothing. */
function refusedSetting(requested: RequestedLogin): ErrorFields | undefined {
  for (const [name, value] of requested.settings) {
    const judgement = judgeSetting(name, value);
    if (judgement.ok) continue;
    const { message, hint } = judgement;
    return { sqlstate: '42501', message, ...(hint === undefined ? {} : { hint }) };
  }
  return undefined;
}

// ---- the end -------------------------------------------------------------------------------------------------------

const closing = (fields: ErrorFields, reason: string): AcceptEffect => ({
  kind: 'close',
  bytes: encodeErrorResponse({ ...fields, severity: 'FATAL' }),
  reason,
});

const refuse = (sqlstate: string, message: string, reason: string): Stepped => [
  DONE,
  [closing({ sqlstate, message }, reason)],
];

const unsupportedVersion = (major: number, minor: number): Stepped =>
  refuse('0A000', `unsupported frontend protocol ${major}.${minor}: server supports 3.0 to 3.2`, 'version');
