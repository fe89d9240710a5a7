import type { PasswordRef } from '#contract/compile/needs';
import type { DbUser } from '#contract/resources/types.gen';
import { currentKey, saltOf, type KeyRing } from '#contract/snapshot/keys';
import { SCRAM_SALT_BYTES, scramVerifierAside } from '#contract/snapshot/verifier';
import type { Secrets } from '../../secrets/secrets.ts';

interface Made {
  /** Of what it was made. */
  readonly from: string;
  readonly verifier: string;
}

/** So many at once: one thread of Node's pool each, and others want some too. */
const AT_ONCE = 3;

/**
 * A user's verifier, made anew only when its Secret or our key is another: a salt is a function of these, so every leader
 * makes the same. PBKDF2 takes milliseconds, so they are made aside, before the compile that asks for them.
 */
export class VerifierCache {
  readonly #secrets: Secrets;
  readonly #ring: () => KeyRing;
  /** By uid: the last one is the one. */
  readonly #made = new Map<string, Made>();

  constructor(secrets: Secrets, ring: () => KeyRing) {
    this.#secrets = secrets;
    this.#ring = ring;
  }

  /** Makes those that are not at hand. Their Secrets must have been loaded. */
  async warm(refs: readonly PasswordRef[], signal: AbortSignal): Promise<void> {
    const missing = refs.filter(({ user }) => this.of(user) === undefined);
    const workers = Array.from({ length: Math.min(AT_ONCE, missing.length) }, async () => {
      for (let ref = missing.pop(); ref !== undefined; ref = missing.pop()) {
        signal.throwIfAborted();
        await this.#make(ref);
      }
    });
    await Promise.all(workers);
  }

  /** undefined: it is not made yet, or there is nothing to make it of. */
  of(user: DbUser): string | undefined {
    const made = this.#made.get(user.metadata.uid ?? '');
    return made?.from === this.#sourceOf(user) ? made.verifier : undefined;
  }

  /** Forgets those of users that are gone. */
  keep(uids: ReadonlySet<string>): void {
    for (const uid of this.#made.keys()) if (!uids.has(uid)) this.#made.delete(uid);
  }

  async #make({ user, namespace, name, key }: PasswordRef): Promise<void> {
    const { uid } = user.metadata;
    const from = this.#sourceOf(user);
    const version = this.#secrets.resourceVersion(namespace, name);
    const password = this.#secrets.read(namespace, name, key);
    // Nothing can be made of these: compile finds that out by itself, and says it.
    if (uid === undefined || version === undefined || password === undefined || password === '') return;
    const salt = saltOf(currentKey(this.#ring()), uid, version).subarray(0, SCRAM_SALT_BYTES);
    this.#made.set(uid, { from, verifier: await scramVerifierAside(password, salt) });
  }

  #sourceOf(user: DbUser): string {
    const { name = '', key = 'password' } = user.spec.passwordSecretRef ?? {};
    const version = this.#secrets.resourceVersion(user.metadata.namespace ?? '', name) ?? '';
    return [name, key, version, this.#ring().current].join('\n');
  }
}
