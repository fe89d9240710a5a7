import { UrlProblem, readUrl, type UrlSource } from './options-urls.ts';
import { wait, type Clock } from './runtime/clock.ts';

const LOOK_MS = 10_000;

/**
 * Ends with the flag of the source whose file now says something else than `before`, or when the signal aborts. A file
 * that can't be read just now says nothing: it is being replaced, or what holds it is away.
 */
export async function urlChange(
  sources: readonly { readonly source: UrlSource; readonly before: string }[],
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (;;) {
    await wait(clock, LOOK_MS, signal);
    if (signal.aborted) return undefined;
    const changed = sources.find(({ source, before }) => (readable(source) ?? before) !== before);
    if (changed !== undefined) return changed.source.flag;
  }
}

function readable(source: UrlSource): string | undefined {
  try {
    return readUrl(source);
  } catch (error) {
    if (error instanceof UrlProblem) return undefined;
    throw error;
  }
}

/** What was read last, read again when it is older than that; a reading that fails leaves it in force. */
export class KeptUrl<T> {
  readonly #read: () => T;
  readonly #now: () => number;
  #value: T;
  #at: number;

  /** Throws what `read` throws. now: milliseconds. */
  constructor(read: () => T, now: () => number) {
    this.#read = read;
    this.#now = now;
    this.#value = read();
    this.#at = now();
  }

  current(): T {
    if (this.#now() - this.#at < LOOK_MS) return this.#value;
    this.#at = this.#now();
    try {
      this.#value = this.#read();
    } catch (error) {
      if (!(error instanceof UrlProblem)) throw error;
    }
    return this.#value;
  }
}
