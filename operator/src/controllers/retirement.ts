import type { Context } from './context.ts';

/**
 * A scope that no resource speaks of has an empty policy, and is kept alive while there may be somebody who asks for it:
 * pods of ours, or a proxy at the second feed. Long after the last of them it fades from Redis.
 */
export class Retirement {
  readonly #context: Pick<Context, 'resources' | 'publications' | 'publisher' | 'clock' | 'settled'>;
  /** By the clock, when somebody was last there for it. */
  readonly #needed = new Map<string, number>();

  constructor(context: Pick<Context, 'resources' | 'publications' | 'publisher' | 'clock' | 'settled'>) {
    this.#context = context;
  }

  asked(scope: string): void {
    this.#needed.set(scope, this.#context.clock.now());
  }

  sweep(): void {
    const { resources, publications, publisher, clock, settled } = this.#context;
    const now = clock.now();
    const spokenOf = resources.scopes();
    for (const scope of [...publications.scopes()]) {
      const known = this.#needed.get(scope);
      if (known === undefined || spokenOf.has(scope) || resources.podsOf(scope).length > 0) {
        this.#needed.set(scope, now);
      } else if (now - known >= settled.retireMs) {
        publisher.retire(scope);
        publications.forget(scope);
        this.#needed.delete(scope);
      }
    }
  }
}
