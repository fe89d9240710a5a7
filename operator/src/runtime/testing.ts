import type { Clock } from './clock.ts';

interface Timer {
  readonly due: number;
  readonly run: () => void;
}

/** For tests: time that passes only when told to. */
export class FakeClock implements Clock {
  #now = 1_000;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { due: this.#now + milliseconds, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Runs what falls due, in order, and after each what awaits it. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await flush();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.due);
      this.#timers.delete(next);
      next.run();
      await flush();
    }
    this.#now = end;
  }

  /** As advance, for what awaits nothing. */
  advanceSync(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.due);
      this.#timers.delete(next);
      next.run();
    }
    this.#now = end;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers)
      if (timer.due <= end && (first === undefined || timer.due < first.due)) first = timer;
    return first;
  }
}

/** Until all promises that can go on have done so. */
export async function flush(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
}

/** More than any chain of promises here is long. */
const TURNS = 100;

/** Random numbers that a seed repeats (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
