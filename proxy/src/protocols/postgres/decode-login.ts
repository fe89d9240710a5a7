/** Bodies of the login's messages, both roles. Flow: §54.2.1; formats: §54.7; SASL: §54.3. */
import { ByteReader, malformed } from '#proxy/bytes/reader';
import { AUTHENTICATION, MAX_CANCEL_KEY_BYTES, MIN_CANCEL_KEY_BYTES, STARTUP_CODE } from './messages.ts';

// ---- client to server ----------------------------------------------------------------------------------------------

export type StartupPacket =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gss-encryption' }
  | { readonly kind: 'cancel'; readonly pid: number; readonly key: Buffer }
  | StartupMessage
  /** No protocol of ours: only the version can be told. */
  | { readonly kind: 'other-version'; readonly major: number; readonly minor: number };

export interface StartupMessage {
  readonly kind: 'startup';
  readonly minor: number;
  /** In order, repetitions included. */
  readonly parameters: readonly (readonly [name: Buffer, value: Buffer])[];
}

/** What follows the length of an untyped packet. */
export function decodeStartup(body: Buffer): StartupPacket {
  const r = new ByteReader(body);
  const code = r.u32();
  if (code === STARTUP_CODE.cancel) return decodeCancel(r);
  if (code === STARTUP_CODE.ssl || code === STARTUP_CODE.gssEncryption) {
    r.end();
    return { kind: code === STARTUP_CODE.ssl ? 'ssl' : 'gss-encryption' };
  }
  const major = code >>> 16;
  const minor = code & 0xffff;
  if (major !== 3) return { kind: 'other-version', major, minor };
  return { kind: 'startup', minor, parameters: pairs(r) };
}

function decodeCancel(r: ByteReader): StartupPacket {
  const pid = r.i32();
  const key = r.rest();
  if (key.length < MIN_CANCEL_KEY_BYTES || key.length > MAX_CANCEL_KEY_BYTES) throw malformed('cancel key length');
  return { kind: 'cancel', pid, key };
}

/** Pairs of strings up to an empty name, which must be the packet's last byte (ProcessStartupPacket). */
function pairs(r: ByteReader): (readonly [Buffer, Buffer])[] {
  const found: (readonly [Buffer, Buffer])[] = [];
  for (;;) {
    const name = r.cstring();
    if (name.length === 0) break;
    found.push([name, r.cstring()]);
  }
  r.end();
  return found;
}

export function decodePassword(body: Buffer): Buffer {
  const r = new ByteReader(body);
  const password = r.cstring();
  r.end();
  return password;
}

export interface SaslInitialResponse {
  readonly mechanism: Buffer;
  /** undefined: the client sent none (-1). */
  readonly data: Buffer | undefined;
}

export function decodeSaslInitialResponse(body: Buffer): SaslInitialResponse {
  const r = new ByteReader(body);
  const mechanism = r.cstring();
  const length = r.i32();
  const data = length === -1 ? undefined : r.bytes(length);
  r.end();
  return { mechanism, data };
}

// ---- server to client ----------------------------------------------------------------------------------------------

export type AuthenticationRequest =
  | { readonly kind: 'ok' }
  | { readonly kind: 'cleartext' }
  | { readonly kind: 'md5'; readonly salt: Buffer }
  | { readonly kind: 'sasl'; readonly mechanisms: readonly string[] }
  | { readonly kind: 'sasl-continue'; readonly data: Buffer }
  | { readonly kind: 'sasl-final'; readonly data: Buffer }
  /** Kerberos, GSSAPI, SSPI and what is yet to come. */
  | { readonly kind: 'other'; readonly request: number };

export function decodeAuthentication(body: Buffer): AuthenticationRequest {
  const r = new ByteReader(body);
  const request = r.u32();
  const message = authentication(request, r);
  r.end();
  return message;
}

function authentication(request: number, r: ByteReader): AuthenticationRequest {
  switch (request) {
    case AUTHENTICATION.Ok:
      return { kind: 'ok' };
    case AUTHENTICATION.CleartextPassword:
      return { kind: 'cleartext' };
    case AUTHENTICATION.Md5Password:
      return { kind: 'md5', salt: r.bytes(4) };
    case AUTHENTICATION.Sasl:
      return { kind: 'sasl', mechanisms: mechanisms(r) };
    case AUTHENTICATION.SaslContinue:
      return { kind: 'sasl-continue', data: r.rest() };
    case AUTHENTICATION.SaslFinal:
      return { kind: 'sasl-final', data: r.rest() };
    default:
      r.rest();
      return { kind: 'other', request };
  }
}

function mechanisms(r: ByteReader): string[] {
  const found: string[] = [];
  for (let name = r.cstring(); name.length > 0; name = r.cstring()) found.push(name.toString('latin1'));
  return found;
}

export interface NegotiateProtocolVersion {
  /** The newest minor version that the server speaks. */
  readonly minor: number;
  readonly unknown: readonly Buffer[];
}

/** The version is sent whole (3 << 16 | minor) by every server, whatever older documentation says of it. */
export function decodeNegotiateProtocolVersion(body: Buffer): NegotiateProtocolVersion {
  const r = new ByteReader(body);
  const version = r.u32();
  if (version >>> 16 !== 3) throw malformed('protocol version');
  const unknown = Array.from({ length: r.count(r.i32(), 1) }, () => r.cstring());
  r.end();
  return { minor: version & 0xffff, unknown };
}

/** key: 4 to 256 bytes. */
export function decodeBackendKeyData(body: Buffer): { readonly pid: number; readonly key: Buffer } {
  const r = new ByteReader(body);
  const pid = r.i32();
  const key = r.rest();
  if (key.length < MIN_CANCEL_KEY_BYTES || key.length > MAX_CANCEL_KEY_BYTES) throw malformed('cancel key length');
  return { pid, key };
}
