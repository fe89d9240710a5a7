import { readFileSync } from 'node:fs';

/** What the machine tells of time. */
export interface MachineClock {
  /** Epoch milliseconds, which anybody may set. */
  wall(): number;
  /** Milliseconds that only pass; on Linux since the machine began, the same for every process on it. */
  monotonic(): number;
  /** Which run of the machine `monotonic` belongs to; empty: not known. */
  readonly boot: string;
}

/** A moment by the clock of this machine. */
export interface Reading {
  readonly wall: number;
  readonly monotonic: number;
  readonly boot: string;
}

export const read = (clock: MachineClock): Reading => ({
  wall: clock.wall(),
  monotonic: clock.monotonic(),
  boot: clock.boot,
});

/** Epoch milliseconds by the operator's clock: what it said once, and the time that has passed since. */
export class OperatorClock {
  readonly #machine: MachineClock;
  #said: { readonly now: number; readonly at: number } | undefined;

  constructor(machine: MachineClock) {
    this.#machine = machine;
  }

  /** Before anything is known, this machine's own. */
  now(): number {
    const said = this.#said;
    return said === undefined ? this.#machine.wall() : Math.round(said.now + this.#machine.monotonic() - said.at);
  }

  /**
   * The operator's clock stood at `now` when this machine's stood at `at`, maybe before this process began. Over a restart
   * of the machine only its wall clock tells what has passed, and never that time went back.
   */
  set(now: number, at: Reading): void {
    const machine = read(this.#machine);
    const same = at.boot !== '' && at.boot === machine.boot && at.monotonic <= machine.monotonic;
    this.#said = same
      ? { now, at: at.monotonic }
      : { now: now + Math.max(0, machine.wall - at.wall), at: machine.monotonic };
  }
}

const NANOSECONDS = 1_000_000n;

export const SYSTEM_CLOCK: MachineClock = {
  wall: () => Date.now(),
  // Not performance.now(), which begins with the process: what is kept must mean something to the next one.
  monotonic: () => Number(process.hrtime.bigint() / NANOSECONDS),
  boot: bootId(),
};

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}
