import type { Clock } from '../runtime/clock.ts';

/** The process's monotonic clock: it goes on while the process is stopped (SIGSTOP), not while its machine is suspended. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
