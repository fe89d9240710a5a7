/**
 * Our login at the server, as pure steps (PostgreSQL §54.2.1, §54.2.10, §54.3; libpq's fe-connect.c and fe-auth.c).
 *
 * | state    | ssl-answer    | tls-established | frame                                             | derived-key |
 * |----------|---------------|-----------------|---------------------------------------------------|-------------|
 * | new      | (`connected` → ssl or auth)                                                                      |
 * | ssl      | → tls or auth | –               | –                                                 | –           |
 * | tls      | –             | → auth          | –                                                 | –           |
 * | auth     | –             | –               | the server's choice: ok, password, md5, SCRAM     | –           |
 * | salt     | –             | –               | SASLContinue → deriving                           | –           |
 * | deriving | –             | –               | –                                                 | → proof     |
 * | proof    | –             | –               | SASLFinal, which proves the server → ok           | –           |
 * | ok       | –             | –               | AuthenticationOk → session                        | –           |
 * | session  | –             | –               | ParameterStatus, BackendKeyData, ReadyForQuery    | –           |
 * | done     | –             | –               | –                                                 | –           |
 *
 * A server that strays ends in a `failed` effect. Modes `allow` and `prefer` may need a second connection; that is the
 * caller's: it begins anew with `disable` or `require`.
 *
 * DANGER: with `upgrade-tls` the caller must have no byte left that it read before (CVE-2021-23222). Then: fail.
 */
import { md5Password } from '#proxy/crypto/md5';
import { preparePassword } from '#contract/snapshot/saslprep';
import { clientScramFinal, clientScramFirst, readServerFirst, serverProves } from '#proxy/crypto/scram-client';
import { ProtocolError } from '../protocol.ts';
import { identifyServer } from './connect-identify.ts';
import { startupParameters } from './connect-startup.ts';
import { decodeAuthentication, decodeBackendKeyData, decodeNegotiateProtocolVersion } from './decode-login.ts';
import { decodeErrorFields, decodeParameterStatus, decodeReadyForQuery, errorField } from './decode.ts';
import {
  encodePassword,
  encodeSaslInitialResponse,
  encodeSaslResponse,
  encodeSslRequest,
  encodeStartup,
} from './encode-login.ts';
import { BACKEND } from './messages.ts';
import type { TlsMode } from '#contract/snapshot/types';
import type { ClientScram, ServerChallenge } from '#proxy/crypto/scram-client';
import type { ConnectEffect, ConnectInput, TlsFacts } from '../login.ts';
import type { Frame, Step } from '../protocol.ts';
import type { AuthenticationRequest } from './decode-login.ts';
import type { Minor } from './messages.ts';

export interface ConnectContext {
  readonly login: { readonly username: string; readonly password: string };
  readonly database: string;
  readonly tlsMode: TlsMode;
  /** Even then only over a channel whose server was verified. */
  readonly allowCleartextPassword: boolean;
  /** Sent in this order behind user, database, client_encoding and standard_conforming_strings, which are ours. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** For SCRAM: printable ASCII without a comma, from at least 18 random bytes, fresh for each login. */
  readonly nonce: string;
  /** The protocol's minor version to ask for. */
  readonly minor: Minor;
}

/** Why a login failed: a closed set, for logs and for what the client is told. */
export type ConnectFailure =
  | 'refused' // an ErrorResponse
  | 'tls-refused' // the server has no TLS
  | 'tls-unverified' // the caller says established, and not verified
  | 'method' // it asks for what we don't give: cleartext, Kerberos, …
  | 'protocol' // it strays from the protocol, or from SCRAM
  | 'unproved' // it let us in without proving that it knows the password
  | 'not-postgresql' // it speaks the protocol, and is something else
  | 'version'
  | 'encoding'
  | 'strings'; // standard_conforming_strings is not on

interface Session {
  readonly parameters: readonly (readonly [string, string])[];
  readonly key: { readonly pid: number; readonly key: Buffer } | undefined;
}

interface Channel {
  readonly context: ConnectContext;
  readonly tls: TlsFacts | undefined;
  /** NegotiateProtocolVersion came; it comes once. */
  readonly negotiated: boolean;
}

interface ScramProof {
  readonly scram: ClientScram;
  readonly challenge: ServerChallenge;
}

export type ConnectState =
  | (Channel & { readonly kind: 'new' | 'ssl' | 'tls' | 'auth' | 'ok' })
  | (Channel & { readonly kind: 'salt'; readonly scram: ClientScram })
  | (Channel & ScramProof & { readonly kind: 'deriving' })
  | (Channel & { readonly kind: 'proof'; readonly serverSignature: Buffer })
  | (Channel & Session & { readonly kind: 'session' })
  | { readonly kind: 'done' };

type Stepped = readonly [ConnectState, readonly ConnectEffect[]];
type In<Kind extends ConnectState['kind']> = Extract<ConnectState, { readonly kind: Kind }>;
type Connecting = Exclude<ConnectState, { readonly kind: 'done' }>;

/** A server has some twenty; the cap keeps one that never stops from growing memory. */
const MAX_PARAMETERS = 200;

export const connectStart = (context: ConnectContext): ConnectState => ({
  kind: 'new',
  context,
  tls: undefined,
  negotiated: false,
});

export const connect: Step<ConnectState, ConnectInput, ConnectEffect> = (state, input) => {
  try {
    return step(state, input);
  } catch (error) {
    if (error instanceof ProtocolError) return fail('protocol');
    throw error;
  }
};

function step(state: ConnectState, input: ConnectInput): Stepped {
  switch (input.kind) {
    case 'connected':
      if (state.kind === 'new') return connected(state);
      break;
    case 'ssl-answer':
      if (state.kind === 'ssl') return sslAnswer(state, input.byte);
      break;
    case 'tls-established':
      if (state.kind === 'tls') return tlsEstablished(state, input.facts);
      break;
    case 'derived-key':
      if (state.kind === 'deriving') return prove(state, input.saltedPassword);
      break;
    case 'frame':
      if (state.kind !== 'done') return onFrame(state, input.frame);
      break;
  }
  throw new Error(`input ${input.kind} in state ${state.kind}`);
}

// ---- encryption and start-up -----------------------------------------------------------------------------------

type Plain = In<'new' | 'ssl' | 'tls' | 'auth' | 'ok'>;

function connected(state: Plain): Stepped {
  const { tlsMode } = state.context;
  if (tlsMode === 'disable' || tlsMode === 'allow') return startUp(state);
  return [{ ...state, kind: 'ssl' }, [{ kind: 'to-server', bytes: encodeSslRequest() }, { kind: 'await-ssl-answer' }]];
}

/** S: yes. N: no. E begins an ErrorResponse of a server that never heard of it; its text is not to be trusted (CVE-2024-10977). */
function sslAnswer(state: Plain, byte: number): Stepped {
  const answer = String.fromCharCode(byte);
  if (answer === 'S') return [{ ...state, kind: 'tls' }, [{ kind: 'upgrade-tls' }]];
  if (answer === 'N' && state.context.tlsMode === 'prefer') return startUp(state);
  return fail(answer === 'N' || answer === 'E' ? 'tls-refused' : 'protocol');
}

function tlsEstablished(state: Plain, facts: TlsFacts): Stepped {
  const { tlsMode } = state.context;
  if ((tlsMode === 'verify-ca' || tlsMode === 'verify-full') && facts.verified !== true) return fail('tls-unverified');
  return startUp({ ...state, tls: facts });
}

function startUp(state: Plain): Stepped {
  const bytes = encodeStartup(state.context.minor, startupParameters(state.context));
  return [{ ...state, kind: 'auth' }, [{ kind: 'to-server', bytes }]];
}

// ---- frames ----------------------------------------------------------------------------------------------------

function onFrame(state: Connecting, frame: Frame): Stepped {
  switch (frame.type) {
    case BACKEND.ErrorResponse:
      return refused(frame.body);
    case BACKEND.NoticeResponse:
      decodeErrorFields(frame.body);
      return [state, []];
    case BACKEND.NegotiateProtocolVersion:
      return negotiate(state, frame.body);
    case BACKEND.Authentication:
      return authentication(state, decodeAuthentication(frame.body));
    default:
      return state.kind === 'session' ? sessionFrame(state, frame) : fail('protocol');
  }
}

function refused(body: Buffer): Stepped {
  const sqlstate = errorField(decodeErrorFields(body), 'C');
  return [DONE, [failed('refused', { error: Buffer.from(body), ...(sqlstate === undefined ? {} : { sqlstate }) })]];
}

/** Servers before 18 answer 3.2 with 3.0. We sent no options, so none can be unknown. */
function negotiate(state: Connecting, body: Buffer): Stepped {
  const { minor, unknown } = decodeNegotiateProtocolVersion(body);
  const sensible = minor === 0 && state.context.minor > minor && unknown.length === 0;
  if (state.kind !== 'auth' || state.negotiated || !sensible) return fail('protocol');
  return [{ ...state, negotiated: true }, []];
}

// ---- authentication ----------------------------------------------------------------------------------------------

/** Each kind of request has one state in which it may come. */
function authentication(state: Connecting, request: AuthenticationRequest): Stepped {
  switch (request.kind) {
    case 'ok':
      return authenticated(state);
    case 'sasl-continue':
      return state.kind === 'salt' ? challenged(state, request.data) : fail('protocol');
    case 'sasl-final':
      return state.kind === 'proof' ? serverProved(state, request.data) : fail('protocol');
    default:
      return state.kind === 'auth' ? asked(state, request) : fail('protocol');
  }
}

type Asked = Exclude<AuthenticationRequest, { readonly kind: 'ok' | 'sasl-continue' | 'sasl-final' }>;

function asked(state: Plain, request: Asked): Stepped {
  const { login } = state.context;
  switch (request.kind) {
    case 'sasl':
      return beginScram(state, request.mechanisms);
    case 'md5':
      return answer(state, md5Password(login.username, login.password, request.salt));
    case 'cleartext':
      if (!state.context.allowCleartextPassword || state.tls?.verified !== true) return fail('method');
      return answer(state, login.password);
    case 'other':
      return fail('method');
  }
}

const answer = (state: Plain, password: string): Stepped => [
  { ...state, kind: 'ok' },
  [{ kind: 'to-server', bytes: encodePassword(password) }],
];

function beginScram(state: Plain, mechanisms: readonly string[]): Stepped {
  const first = clientScramFirst(mechanisms, state.context.nonce, state.tls?.serverEndPoint);
  if (first === undefined) return fail('method');
  const [scram, message] = first;
  const { context, tls, negotiated } = state;
  return [
    { kind: 'salt', context, tls, negotiated, scram },
    [{ kind: 'to-server', bytes: encodeSaslInitialResponse(scram.mechanism, message) }],
  ];
}

function challenged(state: In<'salt'>, data: Buffer): Stepped {
  const challenge = readServerFirst(state.scram, data);
  const password = preparePassword(state.context.login.password);
  const { salt, iterations } = challenge;
  return [{ ...state, kind: 'deriving', challenge }, [{ kind: 'derive-key', password, salt, iterations }]];
}

function prove(state: In<'deriving'>, saltedPassword: Buffer): Stepped {
  const { message, serverSignature } = clientScramFinal(state.scram, state.challenge, saltedPassword);
  const { context, tls, negotiated } = state;
  return [
    { kind: 'proof', context, tls, negotiated, serverSignature },
    [{ kind: 'to-server', bytes: encodeSaslResponse(message) }],
  ];
}

function serverProved(state: In<'proof'>, data: Buffer): Stepped {
  if (!serverProves(state.serverSignature, data)) return fail('unproved');
  const { context, tls, negotiated } = state;
  return [{ kind: 'ok', context, tls, negotiated }, []];
}

/** In `auth` the server asks for no password (trust); amid SCRAM it would be one that couldn't prove itself. */
function authenticated(state: Connecting): Stepped {
  if (state.kind === 'salt' || state.kind === 'proof') return fail('unproved');
  if (state.kind !== 'auth' && state.kind !== 'ok') return fail('protocol');
  const { context, tls, negotiated } = state;
  return [{ kind: 'session', context, tls, negotiated, parameters: [], key: undefined }, []];
}

// ---- until ReadyForQuery -----------------------------------------------------------------------------------------

function sessionFrame(state: In<'session'>, frame: Frame): Stepped {
  switch (frame.type) {
    case BACKEND.ParameterStatus: {
      if (state.parameters.length >= MAX_PARAMETERS) return fail('protocol');
      const { name, value } = decodeParameterStatus(frame.body);
      return [{ ...state, parameters: [...state.parameters, [name, value]] }, []];
    }
    case BACKEND.BackendKeyData: {
      if (state.key !== undefined) return fail('protocol');
      const { pid, key } = decodeBackendKeyData(frame.body);
      return [{ ...state, key: { pid, key: Buffer.from(key) } }, []];
    }
    case BACKEND.ReadyForQuery:
      return decodeReadyForQuery(frame.body) === 'I' ? ready(state) : fail('protocol');
    default:
      return fail('protocol');
  }
}

function ready(state: In<'session'>): Stepped {
  const identity = identifyServer(state.parameters);
  if (!identity.ok) {
    const { failure, product } = identity;
    return [DONE, [failed(failure, product === undefined ? {} : { product })]];
  }
  if (state.key === undefined) return fail('not-postgresql');
  const { parameters, key } = state;
  return [DONE, [{ kind: 'ready', server: { parameters, ...key, major: identity.major } }]];
}

// ---- the end -----------------------------------------------------------------------------------------------------

const DONE: ConnectState = { kind: 'done' };

const failed = (
  reason: ConnectFailure,
  said: { readonly product?: string; readonly sqlstate?: string; readonly error?: Buffer } = {},
): ConnectEffect => ({ kind: 'failed', reason, ...said });

const fail = (reason: ConnectFailure): Stepped => [DONE, [failed(reason)]];
