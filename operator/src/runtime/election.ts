import { jittered, wait, within, type Clock, type Random } from './clock.ts';

/** The record that candidates share. */
export interface LeaseRecord {
  /** Empty: released. */
  readonly holder: string;
  /** How long others must see it unchanged before they may take it. */
  readonly durationMs: number;
  /** How often it changed hands. It begins anew when the record is deleted. */
  readonly transitions: number;
  /** Rises with each leader, and does not begin anew (it is never below the wall clock's milliseconds). */
  readonly term: number;
}

/** A record as it was read, with what its store needs to write it only if nobody else has meanwhile. */
export interface Held {
  readonly record: LeaseRecord;
  readonly version: string;
}

export interface LeaseStore {
  /** undefined: there is none. */
  read(signal: AbortSignal): Promise<Held | undefined>;
  /** Writes over exactly that version (undefined: makes the record). 'lost': somebody else was first. */
  write(record: LeaseRecord, over: string | undefined, signal: AbortSignal): Promise<Held | 'lost'>;
}

export interface ElectionTimes {
  /** How long a leader that says nothing is waited for. */
  readonly leaseMs: number;
  /** How long after its last renewal (counted from before it was sent) a leader still acts. Below leaseMs. */
  readonly actMs: number;
  /** How often it is renewed, and asked for. */
  readonly retryMs: number;
}

export const ELECTION_TIMES: ElectionTimes = { leaseMs: 15_000, actMs: 10_000, retryMs: 2_000 };

export interface ElectionOptions {
  readonly store: LeaseStore;
  /** Of this process alone, not of its pod's name alone. */
  readonly identity: string;
  readonly times?: ElectionTimes;
  readonly clock: Clock;
  /** Milliseconds since 1970, only for the term. */
  readonly wall: () => number;
  readonly random: Random;
  /** Runs while this process leads; must end soon after `leadership.signal` aborts. If it ends or throws by itself, the lead is given up. */
  readonly lead: (leadership: Leadership) => Promise<void>;
  readonly onError?: (error: unknown) => void;
}

/**
 * What a leader may rely on: between `check()` returning and actMs less the time passed, nobody else leads, if clocks run
 * equally fast. A write that is on its way when the time ends is not called back: so writes carry a resourceVersion or the term.
 */
export interface Leadership {
  readonly term: number;
  /** Aborts when the work is to end: the lead is lost, or wanted back. A stopped process learns of that late: hence `check`. */
  readonly signal: AbortSignal;
  /** Whether this process still leads, by the clock, now. */
  leads(): boolean;
  /** Call it before each write. Throws NotLeadingError. */
  check(): void;
  /** Renews now: whether this process leads by the record itself. */
  confirm(): Promise<boolean>;
}

export class NotLeadingError extends Error {
  readonly code = 'NOT_LEADING';
  constructor() {
    super('this replica does not lead any more');
  }
}

/** Stands for election, leads, and stands again, until the signal aborts; then gives the lease back. */
export async function runElection(options: ElectionOptions, signal: AbortSignal): Promise<void> {
  const candidate = new Candidate(options);
  const { clock, random, times = ELECTION_TIMES, onError = () => undefined } = options;
  while (!signal.aborted) {
    const term = await candidate.stand(signal).catch(onError);
    if (typeof term === 'object') await term.serve(signal).catch(onError);
    await wait(clock, jittered(times.retryMs, random), signal);
  }
}

class Candidate {
  readonly #options: ElectionOptions;
  readonly #times: ElectionTimes;
  /** What was last read, and since when (by our clock) it has not changed. */
  #seen: { readonly version: string; readonly since: number } | undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#times = options.times ?? ELECTION_TIMES;
  }

  /** One attempt: undefined while somebody else may lead. */
  async stand(signal: AbortSignal): Promise<Term | undefined> {
    const { clock } = this.#options;
    const won = await within(clock, this.#times.actMs, signal, (limit) => this.#take(limit));
    if (won === undefined) return undefined;
    const term = new Term(this.#options, this.#times, won.held, won.asked);
    return won.clean || (await term.waitOut(signal)) ? term : undefined;
  }

  async #take(limit: AbortSignal) {
    const { store, clock, identity } = this.#options;
    const held = await store.read(limit);
    if (held !== undefined && !this.#mayTake(held)) return undefined;
    const asked = clock.now();
    const written = await store.write(this.#next(held?.record), held?.version, limit);
    if (written === 'lost') return undefined;
    this.#seen = undefined;
    // A record that is not there, or still bears this identity, may have been a leader's a moment ago: wait out what it may act.
    return { held: written, asked, clean: held !== undefined && held.record.holder !== identity };
  }

  #mayTake({ record, version }: Held): boolean {
    const now = this.#options.clock.now();
    if (this.#seen?.version !== version) this.#seen = { version, since: now };
    if (record.holder === '' || record.holder === this.#options.identity) return true;
    return now - this.#seen.since > Math.max(record.durationMs, this.#times.leaseMs);
  }

  #next(record: LeaseRecord | undefined): LeaseRecord {
    return {
      holder: this.#options.identity,
      durationMs: this.#times.leaseMs,
      transitions: record === undefined ? 0 : record.transitions + 1,
      term: Math.max((record?.term ?? 0) + 1, this.#options.wall()),
    };
  }
}

/** One time of leading: from the lease won to the lease lost or given back. */
class Term implements Leadership {
  readonly term: number;
  readonly #options: ElectionOptions;
  readonly #times: ElectionTimes;
  /** Aborts when the work is to end: the lead is lost, or given up (then it still leads, to finish what it began). */
  readonly #over = new AbortController();
  #held: Held;
  /** By the clock, until when this process may act. Once it has passed, or the record is another's, nothing raises it again. */
  #until: number;
  #renewal: Promise<void> | undefined;

  constructor(options: ElectionOptions, times: ElectionTimes, held: Held, asked: number) {
    this.#options = options;
    this.#times = times;
    this.#held = held;
    this.#until = asked + times.actMs;
    this.term = held.record.term;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  leads(): boolean {
    if (this.#options.clock.now() < this.#until) return true;
    this.#lose();
    return false;
  }

  check(): void {
    if (!this.leads()) throw new NotLeadingError();
  }

  async confirm(): Promise<boolean> {
    // What is under way may have been answered for already, by a record that is another's by now.
    await this.#renewal;
    if (!this.leads()) return false;
    const before = this.#until;
    await this.#renew();
    return this.leads() && this.#until > before;
  }

  /** Renews without acting until no earlier holder can be acting. false: lost meanwhile, or no more wanted. */
  async waitOut(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    const end = clock.now() + this.#times.actMs;
    while (clock.now() < end && !signal.aborted && this.leads()) {
      await wait(clock, Math.min(this.#times.retryMs, end - clock.now()), signal);
      await this.#renew();
    }
    if (!signal.aborted) return this.leads();
    await this.#release();
    return false;
  }

  async serve(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#over.abort(new Error('the lead is given up'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const ended = new AbortController();
    const work = this.#options.lead(this).finally(() => ended.abort());
    const outcome = work.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    await this.#keep(ended.signal);
    const failed = await outcome;
    signal.removeEventListener('abort', stop);
    await this.#release();
    if (failed !== undefined) throw failed.error;
  }

  /** Renews until the work has ended, while it drains too; once the lead is lost there is nothing to keep. */
  async #keep(ended: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const goesOn = (): boolean => !ended.aborted && this.leads();
    while (goesOn()) {
      await wait(clock, Math.min(this.#times.retryMs, this.#until - clock.now()), ended);
      if (goesOn()) await this.#renew();
    }
  }

  /** Never throws: what failed is tried again until the time is up. Renewals that overlap are one. */
  #renew(): Promise<void> {
    const { clock, onError = () => undefined } = this.#options;
    // A request that hangs must leave time for another; one that outlives the time to act is of no use.
    const limit = Math.min(this.#times.actMs / 2, this.#until - clock.now());
    this.#renewal ??= within(clock, limit, undefined, (signal) => this.#write(clock.now(), signal))
      .catch(onError)
      .finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #write(asked: number, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    let written = await store.write(this.#held.record, this.#held.version, signal);
    if (written === 'lost') {
      // Somebody wrote: perhaps we, in a request whose answer was lost, or a person who left the holder alone.
      const held = await store.read(signal);
      if (!this.#isOurs(held)) {
        this.#lose();
        return;
      }
      this.#held = held;
      written = await store.write(held.record, held.version, signal);
    }
    if (written === 'lost') return;
    this.#held = written;
    if (this.leads()) this.#until = asked + this.#times.actMs;
  }

  #isOurs(held: Held | undefined): held is Held {
    const { holder, term } = this.#held.record;
    return held?.record.holder === holder && held.record.term === term;
  }

  #lose(): void {
    this.#until = Number.NEGATIVE_INFINITY;
    if (!this.#over.signal.aborted) this.#over.abort(new NotLeadingError());
  }

  /** So that the next one need not wait. If it fails, it waits. */
  async #release(): Promise<void> {
    const { store, clock, onError = () => undefined } = this.#options;
    await this.#renewal;
    this.#lose();
    const released = { ...this.#held.record, holder: '' };
    const limit = this.#times.retryMs;
    await within(clock, limit, undefined, (signal) => store.write(released, this.#held.version, signal)).catch(onError);
  }
}
