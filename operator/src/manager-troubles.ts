import type { Log } from './log.ts';

/** What is wrong just now, each thing once: told to the log when it begins and ends, and to whoever asks /readyz. */
export class Troubles {
  readonly #log: Log;
  readonly #now = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** what: in a few words, what is wrong and what follows from it. */
  begin(part: string, what: string, error?: unknown): void {
    if (this.#now.get(part) === what) return;
    this.#now.set(part, what);
    this.#log.warn(error === undefined ? { part } : { part, error }, what);
  }

  end(part: string): void {
    if (this.#now.delete(part)) this.#log.info({ part }, 'in order again');
  }

  list(): readonly string[] {
    return [...this.#now.values()];
  }
}
