import { jittered, type Clock, type Random } from './clock.ts';
import type { Outcome } from './outcome.ts';

export interface QueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The delay after a first failure, doubled by each further one up to the most. Default 200 ms and 2 minutes. */
  readonly firstDelayMs?: number;
  readonly mostDelayMs?: number;
}

export interface QueueCounts {
  readonly ready: number;
  readonly running: number;
  /** Waiting for a time: to be tried again, or to be looked at later. */
  readonly waiting: number;
  /** Keys whose last reconcile failed. */
  readonly failing: number;
}

/**
 * A key's state. Legal moves: ready → running; waiting → ready; running → (gone) | ready | waiting; add makes it ready,
 * or brings a waiting one forward, or marks a running one as changed.
 */
type Entry =
  | { readonly state: 'ready'; readonly since: number }
  | { readonly state: 'waiting'; readonly due: number; readonly cancel: () => void }
  | { readonly state: 'running'; readonly changed: boolean };

/** Keys that are to be reconciled, each at most once at a time, in the order in which they became ready. */
export class WorkQueue {
  readonly #options: Required<QueueOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #failures = new Map<string, number>();
  /** Insertion order is the order of service. */
  readonly #ready = new Set<string>();
  #running = 0;
  #onReady: () => void = () => undefined;

  constructor(options: QueueOptions) {
    this.#options = { firstDelayMs: 200, mostDelayMs: 120_000, ...options };
  }

  /** Called whenever a key becomes ready. */
  onReady(listener: () => void): void {
    this.#onReady = listener;
  }

  /** The key changed, or may have. Costs nothing while it is ready. */
  add(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.state === 'ready') return;
    if (entry?.state === 'running') {
      if (!entry.changed) this.#entries.set(key, { state: 'running', changed: true });
      return;
    }
    if (entry?.state === 'waiting' && this.#failures.has(key)) {
      this.#bringForward(key, entry);
      return;
    }
    if (entry?.state === 'waiting') entry.cancel();
    this.#makeReady(key);
  }

  /** The next key to reconcile: `finish` must be called for it. */
  take(): string | undefined {
    const [key] = this.#ready;
    if (key === undefined) return undefined;
    this.#ready.delete(key);
    this.#entries.set(key, { state: 'running', changed: false });
    this.#running++;
    return key;
  }

  finish(key: string, outcome: Outcome): void {
    const entry = this.#entries.get(key);
    if (entry?.state !== 'running') throw new Error('finished what was not running');
    this.#running--;
    this.#entries.delete(key);
    if (outcome.kind === 'retry') {
      this.#again(key, entry.changed);
      return;
    }
    this.#failures.delete(key);
    if (entry.changed) this.#makeReady(key);
    else if (outcome.kind === 'later') this.#waitFor(key, outcome.milliseconds);
  }

  counts(): QueueCounts {
    const ready = this.#ready.size;
    const waiting = this.#entries.size - ready - this.#running;
    return { ready, running: this.#running, waiting, failing: this.#failures.size };
  }

  /** Milliseconds for which the key that is ready longest has been so. */
  oldestMs(): number {
    const [key] = this.#ready;
    const entry = key === undefined ? undefined : this.#entries.get(key);
    return entry?.state === 'ready' ? this.#options.clock.now() - entry.since : 0;
  }

  /** Forgets what is not running, with its timers and failures. For after a drain. */
  clear(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.state === 'waiting') entry.cancel();
      if (entry.state !== 'running') this.#entries.delete(key);
      else if (entry.changed) this.#entries.set(key, { state: 'running', changed: false });
    }
    this.#ready.clear();
    this.#failures.clear();
  }

  /** A change may well be the cure, so it is tried soon; but a reconcile that causes changes and fails must not spin. */
  #bringForward(key: string, entry: Entry & { state: 'waiting' }): void {
    const soon = this.#options.firstDelayMs;
    if (entry.due <= this.#options.clock.now() + soon) return;
    entry.cancel();
    this.#waitFor(key, soon);
  }

  #again(key: string, changed: boolean): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const { firstDelayMs, mostDelayMs, random } = this.#options;
    const delay = Math.min(firstDelayMs * 2 ** Math.min(failures - 1, 30), mostDelayMs);
    this.#waitFor(key, jittered(changed ? firstDelayMs : delay, random));
  }

  #waitFor(key: string, milliseconds: number): void {
    const { clock } = this.#options;
    const cancel = clock.after(milliseconds, () => this.#makeReady(key));
    this.#entries.set(key, { state: 'waiting', due: clock.now() + milliseconds, cancel });
  }

  #makeReady(key: string): void {
    this.#entries.set(key, { state: 'ready', since: this.#options.clock.now() });
    this.#ready.add(key);
    this.#onReady();
  }
}
