import type { Clock } from './clock.ts';
import { retry, type Outcome } from './outcome.ts';
import type { WorkQueue } from './queue.ts';

export interface ReconcilerOptions {
  readonly queue: WorkQueue;
  readonly clock: Clock;
  /** Starts from what is there now, whatever happened before. Its signal aborts past its deadline, or when a drain takes too long. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>;
  /** How many keys at once. */
  readonly concurrency: number;
  /** Milliseconds for one reconcile. Past it its signal aborts; its key stays taken until it has really ended. */
  readonly deadlineMs?: number;
  /** For logs and metrics: after each reconcile. What it throws is a bug. */
  readonly onOutcome?: (key: string, outcome: Outcome, milliseconds: number) => void;
}

export interface Reconciler {
  /** Takes no more keys, and waits for what runs: for that many milliseconds, then its signals abort. Ends when all has ended. */
  drain(milliseconds: number): Promise<void>;
}

const DEADLINE_MS = 60_000;

export function startReconciler(options: ReconcilerOptions): Reconciler {
  return new Loop(options);
}

class Loop implements Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #draining = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    options.queue.onReady(() => this.#fill());
    this.#fill();
  }

  async drain(milliseconds: number): Promise<void> {
    this.#draining = true;
    const cancel = this.#options.clock.after(milliseconds, () => this.#abort.abort());
    while (this.#running.size > 0) await Promise.all(this.#running);
    cancel();
    this.#abort.abort();
  }

  #fill(): void {
    while (!this.#draining && this.#running.size < this.#options.concurrency) {
      const key = this.#options.queue.take();
      if (key === undefined) return;
      const run = this.#run(key).finally(() => {
        this.#running.delete(run);
        this.#fill();
      });
      this.#running.add(run);
    }
  }

  async #run(key: string): Promise<void> {
    const { queue, clock, deadlineMs = DEADLINE_MS } = this.#options;
    const deadline = new AbortController();
    const cancel = clock.after(deadlineMs, () => deadline.abort(new Error('the reconcile took too long')));
    const started = clock.now();
    const outcome = await this.#reconcile(key, AbortSignal.any([deadline.signal, this.#abort.signal]));
    cancel();
    queue.finish(key, outcome);
    this.#options.onOutcome?.(key, outcome, clock.now() - started);
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    try {
      return await this.#options.reconcile(key, signal);
    } catch (error) {
      return retry(error);
    }
  }
}
