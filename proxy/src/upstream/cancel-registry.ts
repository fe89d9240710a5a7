import { timingSafeEqual } from 'node:crypto';

interface Entry {
  readonly pid: number;
  readonly key: Buffer;
  readonly cancel: () => Promise<unknown>;
}

/**
 * Whom a client's cancel request means: by the server's own number, which drivers compare with that of notifications, and
 * a secret of ours, never the server's. Servers may use one number at the same time.
 */
export class CancelRegistry {
  readonly #entries = new Map<number, Set<Entry>>();
  readonly #random: (length: number) => Buffer;

  constructor(random: (length: number) => Buffer) {
    this.#random = random;
  }

  /** keyBytes: as the client's protocol version has it. `leave` must follow. */
  enter(pid: number, keyBytes: number, cancel: () => Promise<unknown>): { readonly key: Buffer; leave(): void } {
    const entry = { pid, key: this.#random(keyBytes), cancel };
    const others = this.#entries.get(pid);
    if (others === undefined) this.#entries.set(pid, new Set([entry]));
    else others.add(entry);
    return { key: entry.key, leave: () => this.#leave(entry) };
  }

  #leave(entry: Entry): void {
    const entries = this.#entries.get(entry.pid);
    entries?.delete(entry);
    if (entries?.size === 0) this.#entries.delete(entry.pid);
  }

  /** Does nothing for a pair that is not known. Resolves when the server has the request. */
  async cancel(pid: number, key: Buffer): Promise<void> {
    for (const entry of this.#entries.get(pid) ?? []) {
      if (entry.key.length === key.length && timingSafeEqual(entry.key, key)) await entry.cancel();
    }
  }
}
