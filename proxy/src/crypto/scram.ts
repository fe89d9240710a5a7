/** What a server keeps of a password: RFC 5802 §3, in PostgreSQL's form (src/common/scram-common.c). */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { preparePassword } from './saslprep.ts';

export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** PostgreSQL's scram_iterations and salt length; the mock for unknown users has the same, so that nothing shows. */
export const SCRAM_ITERATIONS = 4096;
export const SCRAM_SALT_BYTES = 16;

/** SHA-256. */
export const SCRAM_KEY_BYTES = 32;

/** More would be a way to make whoever computes them stand still. */
export const MAX_SCRAM_ITERATIONS = 1_000_000;

export const hmac = (key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Buffer => {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
};

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** ClientKey, StoredKey and ServerKey from Hi(password). */
export const clientKeyOf = (saltedPassword: Uint8Array): Buffer => hmac(saltedPassword, 'Client Key');
export const serverKeyOf = (saltedPassword: Uint8Array): Buffer => hmac(saltedPassword, 'Server Key');

/**
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, as in pg_authid. Takes milliseconds (PBKDF2): not for
 * the path of a login. Throws RangeError on an empty salt and on iterations out of range.
 */
export function scramVerifier(password: string | Buffer, salt: Buffer, iterations: number = SCRAM_ITERATIONS): string {
  if (salt.length === 0) throw new RangeError('a SCRAM salt is not empty');
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > MAX_SCRAM_ITERATIONS) {
    throw new RangeError('SCRAM iterations out of range');
  }
  const salted = pbkdf2Sync(preparePassword(password), salt, iterations, SCRAM_KEY_BYTES, 'sha256');
  return formatScramVerifier({
    iterations,
    salt,
    storedKey: sha256(clientKeyOf(salted)),
    serverKey: serverKeyOf(salted),
  });
}

const formatScramVerifier = (v: ScramVerifier): string =>
  `SCRAM-SHA-256$${v.iterations}:${v.salt.toString('base64')}` +
  `$${v.storedKey.toString('base64')}:${v.serverKey.toString('base64')}`;

const VERIFIER = /^SCRAM-SHA-256\$([1-9][0-9]{0,6}):([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)$/;

/** undefined: not exactly of the form, or out of range. */
export function parseScramVerifier(text: string): ScramVerifier | undefined {
  const found = VERIFIER.exec(text);
  if (found === null) return undefined;
  const [, count = '', salt64 = '', stored64 = '', server64 = ''] = found;
  const iterations = Number(count);
  const salt = decodeBase64(salt64);
  const storedKey = decodeBase64(stored64);
  const serverKey = decodeBase64(server64);
  if (salt === undefined || storedKey === undefined || serverKey === undefined) return undefined;
  if (iterations > MAX_SCRAM_ITERATIONS) return undefined;
  return { iterations, salt, storedKey, serverKey };
}

/** Base64 with padding, canonical and nothing else; undefined otherwise. Node's own decoder forgives everything. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/**
 * A verifier that no password fits, for users that are unknown or may not log in: the same at each try and on every
 * replica that holds `secret`, so that an asker can't tell it from a real one (mock_scram_secret in auth-scram.c).
 */
export const mockVerifier = (user: string, secret: Buffer): ScramVerifier => ({
  iterations: SCRAM_ITERATIONS,
  salt: hmac(secret, 'salt\0', user).subarray(0, SCRAM_SALT_BYTES),
  storedKey: hmac(secret, 'stored\0', user),
  serverKey: hmac(secret, 'server\0', user),
});
