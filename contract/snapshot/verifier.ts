import { createHash, createHmac, pbkdf2, pbkdf2Sync } from 'node:crypto';
import { promisify } from 'node:util';
import { preparePassword } from './saslprep.ts';

/** What is kept of a password: RFC 5802 §3, in PostgreSQL's form (src/common/scram-common.c). */

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
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, as in pg_authid. Takes a millisecond or two (PBKDF2) in
 * which nothing else is done: for one user, never for many. Throws RangeError on an empty salt and on iterations out of
 * range.
 */
export function scramVerifier(password: string | Buffer, salt: Buffer, iterations: number = SCRAM_ITERATIONS): string {
  checkCost(salt, iterations);
  return format(iterations, salt, pbkdf2Sync(preparePassword(password), salt, iterations, SCRAM_KEY_BYTES, 'sha256'));
}

/** The same on a thread of Node's pool. Rejects with what `scramVerifier` throws. */
export async function scramVerifierAside(
  password: string | Buffer,
  salt: Buffer,
  iterations: number = SCRAM_ITERATIONS,
): Promise<string> {
  checkCost(salt, iterations);
  return format(iterations, salt, await derive(preparePassword(password), salt, iterations, SCRAM_KEY_BYTES, 'sha256'));
}

const derive = promisify(pbkdf2);

function checkCost(salt: Buffer, iterations: number): void {
  if (salt.length === 0) throw new RangeError('a SCRAM salt is not empty');
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > MAX_SCRAM_ITERATIONS) {
    throw new RangeError('SCRAM iterations out of range');
  }
}

function format(iterations: number, salt: Buffer, salted: Buffer): string {
  const stored = sha256(clientKeyOf(salted)).toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${serverKeyOf(salted).toString('base64')}`;
}
