import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds of many of the same, as p50, p99 and the greatest. */
export interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Throws on none. */
export function distributionOf(milliseconds: readonly number[]): Distribution {
  const sorted = [...milliseconds].sort((one, other) => one - other);
  const at = (share: number): number => {
    const value = sorted[Math.ceil(sorted.length * share) - 1];
    if (value === undefined) throw new RangeError('distribution of nothing');
    return value;
  };
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** Milliseconds by a clock that all processes of a machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Begins one after another at that rate, however long each takes; ends when all have. Rejects with the first that did. */
export async function atRate<T>(perSecond: number, count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const began = now();
  const running: Promise<T>[] = [];
  for (let index = 0; index < count; index++) {
    const wait = began + (index * 1000) / perSecond - now();
    if (wait > 0) await sleep(wait);
    running.push(work(index));
    running.at(-1)?.catch(() => undefined); // it is looked at below
  }
  return Promise.all(running);
}

/** So many at a time. */
export async function inParallel<T>(
  many: Iterable<T>,
  workers: number,
  work: (one: T) => Promise<unknown>,
): Promise<void> {
  const left = many[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (let next = left.next(); next.done !== true; next = left.next()) await work(next.value);
    }),
  );
}
