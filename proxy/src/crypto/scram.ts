/** What a server keeps of a password, read: RFC 5802 §3, in PostgreSQL's form (src/common/scram-common.c). */
import { hmac, MAX_SCRAM_ITERATIONS, SCRAM_ITERATIONS, SCRAM_SALT_BYTES } from '#contract/snapshot/verifier';

export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

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
