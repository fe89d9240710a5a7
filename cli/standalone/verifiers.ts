import { createHash, createHmac } from 'node:crypto';
import { resolve } from 'node:path';
import type { CompileInput } from '#contract/compile/compile';
import { SCRAM_ITERATIONS, SCRAM_SALT_BYTES, scramVerifier } from '#contract/snapshot/verifier';

/** Salts of unknown users outlive a restart as those of known ones do: who compares two starts learns no name. */
export const mockSecretOf = (folder: string): Buffer =>
  createHmac('sha256', 'articdbm-standalone-mock-1').update(resolve(folder)).digest();

/**
 * Verifiers that a restart does not change: the salt comes from the folder's path and the user's name. A salt is no
 * secret (whoever starts a login is told it); it makes a table of guesses good for one user of one folder only. It must
 * never come from a password by a fast hash, which would let a guess be checked without PBKDF2.
 * Kept in memory by user and password, so that a reload costs PBKDF2 (2 ms) for changed passwords only.
 */
export function createVerifiers(folder: string): CompileInput['verifier'] {
  const place = resolve(folder);
  const known = new Map<string, { readonly password: string; readonly verifier: string }>();
  return ({ metadata }, password) => {
    const user = `${metadata.namespace ?? 'default'}/${metadata.name}`;
    const digest = createHash('sha256').update(password).digest('hex');
    const found = known.get(user);
    if (found?.password === digest) return found.verifier;
    const salt = createHmac('sha256', 'articdbm-standalone-salt-1').update(`${place}\0${user}`).digest();
    const verifier = scramVerifier(password, salt.subarray(0, SCRAM_SALT_BYTES), SCRAM_ITERATIONS);
    known.set(user, { password: digest, verifier });
    return verifier;
  };
}
