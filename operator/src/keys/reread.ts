import { jittered, wait, type Clock, type Random } from '../runtime/clock.ts';

export interface RereadOptions<T> {
  readonly read: (signal: AbortSignal) => Promise<T>;
  readonly same: (one: T, other: T) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  /** Why a reading came to nothing. What was read before stays in force. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds; jittered down to half of it. */
  readonly every?: number;
}

const EVERY_MS = 60_000;
/** A reading has the API client's own deadline, and no caller waits longer than this. */
const DEADLINE_MS = 15_000;

/** Something that is read again and again, and on demand; what was read last is at hand. */
export class Reread<T> {
  readonly #options: RereadOptions<T>;
  readonly #listeners = new Set<(value: T) => void>();
  readonly #stopped = new AbortController();
  #value: T;
  #reading: Promise<T> | undefined;

  constructor(first: T, options: RereadOptions<T>) {
    this.#value = first;
    this.#options = options;
    void this.#run();
  }

  get value(): T {
    return this.#value;
  }

  /** Several callers share one reading. signal: ends the caller's waiting, not the reading. */
  async refresh(signal?: AbortSignal): Promise<T> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return signal === undefined ? this.#reading : unlessAborted(this.#reading, signal);
  }

  /** Newer than what was read: it has just been written. */
  adopt(value: T): void {
    if (this.#options.same(this.#value, value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  onChange(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #read(): Promise<T> {
    const limit = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(DEADLINE_MS)]);
    const before = this.#value;
    const value = await this.#options.read(limit);
    // What was adopted while the reading was under way may be newer than it.
    if (this.#value === before) this.adopt(value);
    return this.#value;
  }

  async #run(): Promise<void> {
    const { clock, random, every = EVERY_MS, onError } = this.#options;
    const { signal } = this.#stopped;
    for (;;) {
      await wait(clock, jittered(every, random), signal);
      if (signal.aborted) return;
      await this.refresh().catch((error: unknown) => {
        if (!signal.aborted) onError(error);
      });
    }
  }
}

const RETRY_MS = 2_000;

/** The first reading, tried until it comes to something. Throws what `isFinal` says is no use to try again, and on abort. */
export async function firstReading<T>(
  { read, clock, onError }: Pick<RereadOptions<T>, 'read' | 'clock' | 'onError'>,
  isFinal: (error: unknown) => boolean,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await read(signal);
    } catch (error) {
      if (isFinal(error) || signal.aborted) throw error;
      onError(error);
    }
    await wait(clock, RETRY_MS, signal);
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
