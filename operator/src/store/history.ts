import { setTimeout as sleep } from 'node:timers/promises';
import { StaleTermError, type RevisionRecord, type RevisionStore } from './revisions.ts';

export interface History {
  /** Ends within PATIENCE_MS, at once when the store is known to be away, whatever the store does, and never rejects. What is not written then is written later. */
  record(record: RevisionRecord): Promise<void>;
  /** The latest revision of each scope in the store; undefined: it is away. */
  latest(): Promise<ReadonlyMap<string, number> | undefined>;
  /** The term that writes are made under from now on. */
  enter(term: number): void;
  /** Records that wait to be written. */
  readonly waiting: number;
  close(): Promise<void>;
}

export interface HistoryEvents {
  /** The condition HistoryDelayed: so many records wait, for this reason. 0: all are written. */
  delayed(waiting: number, cause?: unknown): void;
  /** A record will never be written: a newer leader is at work, or more waited than memory may hold. */
  lost(record: RevisionRecord, why: 'stale-term' | 'too-many'): void;
}

/** A store that is away for longer than this delays the record, never a revocation. */
export const PATIENCE_MS = 1_000;
const MOST_WAITING = 10_000;
const RETRY_MS = { least: 500, most: 15_000 };
/**
 * What goes to the store in one transaction: a change of a backend is one of each scope that has it, and a commit for each
 * would hold all of them up. Users, since documents are as long as they have some.
 */
const TOGETHER = { records: 64, users: 2_000 };

export function createHistory(store: RevisionStore, events: HistoryEvents): History {
  return new BufferedHistory(store, events);
}

interface Waiting {
  readonly record: RevisionRecord;
  /** It is written, or will never be. */
  readonly done: () => void;
}

class BufferedHistory implements History {
  readonly #store: RevisionStore;
  readonly #events: HistoryEvents;
  readonly #waiting: Waiting[] = [];
  readonly #ending = new AbortController();
  #writing: Promise<void> | undefined;
  #term = 0;
  #delayed = false;

  constructor(store: RevisionStore, events: HistoryEvents) {
    this.#store = store;
    this.#events = events;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  enter(term: number): void {
    this.#term = term;
  }

  async record(record: RevisionRecord): Promise<void> {
    let done = (): void => undefined;
    const written = new Promise<void>((resolve) => (done = resolve));
    const waiting: Waiting = { record, done };
    this.#waiting.push(waiting);
    if (this.#waiting.length > MOST_WAITING) this.#lose('too-many');
    this.#writing ??= this.#writeAll();
    if (this.#delayed) {
      this.#delay();
      return; // it is known to be away: nobody waits for that again
    }
    const inTime = await within(PATIENCE_MS, Promise.race([written, this.#writing]));
    if (!inTime && this.#waiting.includes(waiting)) this.#delay();
  }

  async latest(): Promise<ReadonlyMap<string, number> | undefined> {
    const asked = this.#store.latest().catch((error: unknown) => {
      this.#events.delayed(this.waiting, error);
      return undefined;
    });
    return Promise.race([asked, sleep(PATIENCE_MS, undefined)]);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#writing;
    await this.#store.close();
  }

  /** Oldest first, until none waits. */
  async #writeAll(): Promise<void> {
    let pause = RETRY_MS.least;
    for (;;) {
      const batch = nextOf(this.#waiting);
      if (batch.length === 0) break;
      const failure = await this.#write(batch.map(({ record }) => record));
      if (failure === undefined) {
        for (const waiting of batch) this.#forget(waiting);
        pause = RETRY_MS.least;
        continue;
      }
      this.#delay(failure.cause);
      await sleep(pause, undefined, { signal: this.#ending.signal }).catch(() => undefined);
      if (this.#ending.signal.aborted) break;
      pause = Math.min(pause * 2, RETRY_MS.most);
    }
    this.#writing = undefined;
    if (this.#delayed && this.waiting === 0) {
      this.#delayed = false;
      this.#events.delayed(0);
    }
  }

  /** undefined: done with, written or never to be. */
  async #write(records: readonly RevisionRecord[]): Promise<{ readonly cause: unknown } | undefined> {
    try {
      await this.#store.record(records, this.#term);
      return undefined;
    } catch (cause) {
      if (!(cause instanceof StaleTermError)) return { cause };
      for (const record of records) this.#events.lost(record, 'stale-term');
      return undefined;
    }
  }

  #delay(cause?: unknown): void {
    this.#delayed = true;
    this.#events.delayed(this.waiting, cause);
  }

  #forget(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
    waiting.done();
  }

  #lose(why: 'too-many'): void {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return;
    this.#events.lost(oldest.record, why);
    oldest.done();
  }
}

/** The oldest, as many as go together; one at least, if there is one. */
function nextOf(waiting: readonly Waiting[]): readonly Waiting[] {
  let users = 0;
  const end = waiting.slice(0, TOGETHER.records).findIndex(({ record }, index) => {
    users += record.document.backends.reduce((sum, backend) => sum + backend.users.length, 0);
    return index > 0 && users > TOGETHER.users;
  });
  return waiting.slice(0, end < 0 ? TOGETHER.records : end);
}

async function within(milliseconds: number, work: Promise<void>): Promise<boolean> {
  const patience = new AbortController();
  const late = sleep(milliseconds, false, { signal: patience.signal }).catch(() => false);
  const inTime = await Promise.race([work.then(() => true), late]);
  patience.abort();
  return inTime;
}
