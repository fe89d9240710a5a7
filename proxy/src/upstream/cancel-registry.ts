import { timingSafeEqual } from 'node:crypto';

/** Whom a client's cancel request means: by a number and a secret of ours, never by the server's. */
export class CancelRegistry {
  readonly #sessions = new Map<number, { readonly key: Buffer; readonly cancel: () => Promise<unknown> }>();
  readonly #random: (length: number) => Buffer;

  constructor(random: (length: number) => Buffer) {
    this.#random = random;
  }

  /** keyBytes: as the client's protocol version has it. */
  enter(keyBytes: number, cancel: () => Promise<unknown>): { readonly pid: number; readonly key: Buffer } {
    const key = this.#random(keyBytes);
    for (;;) {
      const pid = this.#random(4).readUInt32BE(0) >>> 1; // clients take it for a positive number
      if (pid === 0 || this.#sessions.has(pid)) continue;
      this.#sessions.set(pid, { key, cancel });
      return { pid, key };
    }
  }

  leave(pid: number): void {
    this.#sessions.delete(pid);
  }

  /** Does nothing for a pair that is not known. Resolves when the server has the request. */
  async cancel(pid: number, key: Buffer): Promise<void> {
    const session = this.#sessions.get(pid);
    if (session?.key.length !== key.length) return;
    if (timingSafeEqual(session.key, key)) await session.cancel();
  }
}
