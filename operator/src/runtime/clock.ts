/** Time, handed in. Milliseconds of a clock that never goes back or jumps; what it counts from means nothing. */
export interface Clock {
  now(): number;
  /** Runs once after that time; the returned function takes it back. */
  after(milliseconds: number, run: () => void): () => void;
}

/** In [0, 1). */
export type Random = () => number;

/** Ends early, without an error, when the signal aborts. */
export function wait(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(milliseconds, end);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Between half of it and all of it: so that many who wait for one thing don't come back at once. */
export const jittered = (milliseconds: number, random: Random): number => milliseconds * (0.5 + random() / 2);

/** Runs it with a signal that aborts after that time, or with the other one. */
export async function within<T>(
  clock: Clock,
  milliseconds: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const cancel = clock.after(milliseconds, () => limit.abort(new Error('no answer in time')));
  try {
    return await run(signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]));
  } finally {
    cancel();
  }
}
