/** Messages of the login as bytes, both roles. Flow: §54.2.1; formats: §54.7; SASL: §54.3. */
import { ByteWriter } from '#proxy/bytes/writer';
import { encodeMessage } from './encode.ts';
import { AUTHENTICATION, BACKEND, FRONTEND, PROTOCOL_MAJOR, STARTUP_CODE } from './messages.ts';
import type { Minor } from './messages.ts';

const untyped = (fill: (writer: ByteWriter) => void): Buffer => {
  const writer = new ByteWriter(128).i32(0);
  fill(writer);
  const bytes = writer.finish();
  bytes.writeInt32BE(bytes.length, 0);
  return bytes;
};

// ---- client to server ----------------------------------------------------------------------------------------------

export const encodeSslRequest = (): Buffer => untyped((w) => w.u32(STARTUP_CODE.ssl));
export const encodeGssEncryptionRequest = (): Buffer => untyped((w) => w.u32(STARTUP_CODE.gssEncryption));

export const encodeCancelRequest = (pid: number, key: Uint8Array): Buffer =>
  untyped((w) => w.u32(STARTUP_CODE.cancel).i32(pid).bytes(key));

export const encodeStartup = (minor: number, parameters: readonly (readonly [name: string, value: string])[]): Buffer =>
  untyped((w) => {
    w.u16(PROTOCOL_MAJOR).u16(minor);
    for (const [name, value] of parameters) {
      if (name === '') throw new RangeError('a parameter without a name would end the packet');
      w.cstring(name).cstring(value);
    }
    w.u8(0);
  });

export const encodePassword = (password: Uint8Array | string): Buffer =>
  encodeMessage(FRONTEND.Password, new ByteWriter().cstring(password).finish());

export const encodeSaslInitialResponse = (mechanism: string, data: Uint8Array | undefined): Buffer => {
  const writer = new ByteWriter().cstring(mechanism).i32(data?.length ?? -1);
  if (data !== undefined) writer.bytes(data);
  return encodeMessage(FRONTEND.Password, writer.finish());
};

export const encodeSaslResponse = (data: Uint8Array): Buffer => encodeMessage(FRONTEND.Password, data);

// ---- server to client ----------------------------------------------------------------------------------------------

const authentication = (request: number, data: Uint8Array = new Uint8Array(0)): Buffer =>
  encodeMessage(BACKEND.Authentication, new ByteWriter(4 + data.length).u32(request).bytes(data).finish());

export const encodeAuthenticationOk = (): Buffer => authentication(AUTHENTICATION.Ok);
export const encodeAuthenticationCleartextPassword = (): Buffer => authentication(AUTHENTICATION.CleartextPassword);

/** salt: 4 bytes. */
export const encodeAuthenticationMd5Password = (salt: Uint8Array): Buffer =>
  authentication(AUTHENTICATION.Md5Password, salt);

export const encodeAuthenticationSasl = (mechanisms: readonly string[]): Buffer => {
  const writer = new ByteWriter();
  for (const mechanism of mechanisms) writer.cstring(mechanism);
  return authentication(AUTHENTICATION.Sasl, writer.u8(0).finish());
};

export const encodeAuthenticationSaslContinue = (data: Uint8Array): Buffer =>
  authentication(AUTHENTICATION.SaslContinue, data);
export const encodeAuthenticationSaslFinal = (data: Uint8Array): Buffer =>
  authentication(AUTHENTICATION.SaslFinal, data);

/** A request without data that none of ours makes: for tests, as a server would ask for GSSAPI or SSPI. */
export const encodeAuthenticationOther = (request: number): Buffer => authentication(request);

/** `unknown`: the _pq_. options that were not understood. */
export const encodeNegotiateProtocolVersion = (minor: Minor, unknown: readonly Uint8Array[]): Buffer => {
  const writer = new ByteWriter().u16(PROTOCOL_MAJOR).u16(minor).i32(unknown.length);
  for (const name of unknown) writer.cstring(name);
  return encodeMessage(BACKEND.NegotiateProtocolVersion, writer.finish());
};

/** key: 4 bytes in 3.0, 4 to 256 in 3.2. */
export const encodeBackendKeyData = (pid: number, key: Uint8Array): Buffer =>
  encodeMessage(BACKEND.BackendKeyData, new ByteWriter(4 + key.length).i32(pid).bytes(key).finish());
