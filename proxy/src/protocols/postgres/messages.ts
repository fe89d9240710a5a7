/**
 * The messages of PostgreSQL's protocol 3.0 and 3.2: type bytes, names, limits.
 * https://www.postgresql.org/docs/18/protocol-message-formats.html (§54.7 for all names here).
 */

const code = (letter: string): number => letter.charCodeAt(0);

/** What a client sends. `Password` stands for PasswordMessage, SASLInitialResponse, SASLResponse and GSSResponse. */
export const FRONTEND = {
  Bind: code('B'),
  Close: code('C'),
  CopyData: code('d'),
  CopyDone: code('c'),
  CopyFail: code('f'),
  Describe: code('D'),
  Execute: code('E'),
  Flush: code('H'),
  FunctionCall: code('F'),
  Parse: code('P'),
  Password: code('p'),
  Query: code('Q'),
  Sync: code('S'),
  Terminate: code('X'),
} as const;

/** What a server sends. */
export const BACKEND = {
  Authentication: code('R'),
  BackendKeyData: code('K'),
  BindComplete: code('2'),
  CloseComplete: code('3'),
  CommandComplete: code('C'),
  CopyBothResponse: code('W'),
  CopyData: code('d'),
  CopyDone: code('c'),
  CopyInResponse: code('G'),
  CopyOutResponse: code('H'),
  DataRow: code('D'),
  EmptyQueryResponse: code('I'),
  ErrorResponse: code('E'),
  FunctionCallResponse: code('V'),
  NegotiateProtocolVersion: code('v'),
  NoData: code('n'),
  NoticeResponse: code('N'),
  NotificationResponse: code('A'),
  ParameterDescription: code('t'),
  ParameterStatus: code('S'),
  ParseComplete: code('1'),
  PortalSuspended: code('s'),
  ReadyForQuery: code('Z'),
  RowDescription: code('T'),
} as const;

export type FrontendName = keyof typeof FRONTEND;
export type BackendName = keyof typeof BACKEND;

const named = <Name extends string>(table: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> =>
  new Map((Object.keys(table) as Name[]).map((name) => [table[name], name]));

/** Type byte → name; a byte that is not in here is none of the protocol. */
export const FRONTEND_NAMES: ReadonlyMap<number, FrontendName> = named(FRONTEND);
export const BACKEND_NAMES: ReadonlyMap<number, BackendName> = named(BACKEND);

/** The authentication requests, first four bytes of an Authentication message. */
export const AUTHENTICATION = {
  Ok: 0,
  KerberosV5: 2,
  CleartextPassword: 3,
  Md5Password: 5,
  Gss: 7,
  GssContinue: 8,
  Sspi: 9,
  Sasl: 10,
  SaslContinue: 11,
  SaslFinal: 12,
} as const;

/** First four bytes of an untyped start-up packet: major in the upper half, minor in the lower. */
export const STARTUP_CODE = {
  cancel: (1234 << 16) | 5678,
  ssl: (1234 << 16) | 5679,
  gssEncryption: (1234 << 16) | 5680,
} as const;

/** Before each message's body: its type, and its length without the type. */
export const HEAD_BYTES = 5;

export const PROTOCOL_MAJOR = 3;

/** The minor versions that were ever spoken: 3.0, and 3.2 since PostgreSQL 18 (3.1 is reserved, never used). */
export type Minor = 0 | 2;

/** MAX_STARTUP_PACKET_LENGTH in libpq/pqcomm.h, length field not counted. */
export const MAX_STARTUP_BYTES = 10_000;

/** PG_MAX_SASL_MESSAGE_LENGTH in auth-sasl.c. */
export const MAX_SASL_BYTES = 1024;

/** PQ_SMALL_MESSAGE_LIMIT in libpq/libpq.h. */
export const SMALL_MESSAGE_BYTES = 10_000;

/** PQ_LARGE_MESSAGE_LIMIT: MaxAllocSize - 1, in utils/memutils.h. */
export const LARGE_MESSAGE_BYTES = 0x3fffffff - 1;

/** What a server may say to us before it knows us: errors and parameters are small; beyond is no server. */
export const MAX_LOGIN_REPLY_BYTES = 65_536;

/**
 * Statement and portal names: the server keeps 63 bytes and cuts the rest, libraries stay below that.
 * The cap keeps a name that never ends from growing memory.
 */
export const MAX_NAME_BYTES = 4096;

/** NAMEDATALEN - 1. */
export const IDENTIFIER_BYTES = 63;

/** CancelRequest key: 4 bytes in 3.0, up to 256 in 3.2. */
export const MIN_CANCEL_KEY_BYTES = 4;
export const MAX_CANCEL_KEY_BYTES = 256;

/** Body bytes allowed after login, by type, as the server's SocketBackend has them. */
export const FRONTEND_LIMITS: Readonly<Record<FrontendName, number>> = {
  Bind: LARGE_MESSAGE_BYTES,
  Close: SMALL_MESSAGE_BYTES,
  CopyData: LARGE_MESSAGE_BYTES,
  CopyDone: SMALL_MESSAGE_BYTES,
  CopyFail: SMALL_MESSAGE_BYTES,
  Describe: SMALL_MESSAGE_BYTES,
  Execute: SMALL_MESSAGE_BYTES,
  Flush: SMALL_MESSAGE_BYTES,
  FunctionCall: LARGE_MESSAGE_BYTES,
  Parse: LARGE_MESSAGE_BYTES,
  Password: 0, // none is due any more
  Query: LARGE_MESSAGE_BYTES,
  Sync: SMALL_MESSAGE_BYTES,
  Terminate: SMALL_MESSAGE_BYTES,
};
