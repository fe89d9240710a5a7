import type { Environment } from './config.ts';
import type { InFlight, Link } from './protocols/protocol.ts';
import type { Refusal } from './protocols/refusal.ts';

export interface WatchContext {
  readonly link: Link;
  readonly environment: Environment;
  /** Milliseconds that a statement may take; 0: any. */
  readonly timeout: () => number;
  /** Sends a cancel request; resolves once its connection has closed, and never rejects. */
  readonly cancel: () => Promise<void>;
  /** A reply is being ended. */
  readonly ending: () => void;
  /** A rule that something in flight rests on has expired. */
  readonly expired: () => void;
  /** Messages may go to the link again. */
  readonly released: () => void;
}

/** Milliseconds until a cancel request that had no effect is sent again; doubled each time. */
const FIRST_RETRY = 50;
const LAST_RETRY = 2_000;

/** setTimeout takes no more. */
const LONGEST = 0x7fffffff;

/** Milliseconds for which a timer goes by what the wall's clock said when it was set. */
const LOOK_AGAIN = 10_000;

const TIMED_OUT: Refusal = {
  reason: 'timeout',
  sqlstate: '57014',
  message: 'canceling statement due to statement timeout',
};

/**
 * Ends what is in flight: for policy, for time. A COPY from the client is told to fail; all else is cancelled, and then
 * nothing more goes to the link until the cancel request has done its work and the reply has ended: it must hit nothing else.
 */
export class InFlightWatch {
  readonly #context: WatchContext;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #expiresAt = Infinity;
  #cancelled: InFlight | undefined;
  #requestDone = false;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;
  #copyFailed: InFlight | undefined;

  constructor(context: WatchContext) {
    this.#context = context;
  }

  get holding(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Something was sent; until: epoch milliseconds at which what allowed it expires. */
  sent(until: number): void {
    if (this.#timer === undefined && this.#context.timeout() > 0) this.#arm(this.#context.timeout());
    if (until < this.#expiresAt) this.#expireAt(until);
  }

  /** Replies came, or entries are to be ended. */
  moved(): void {
    const { link } = this.#context;
    const { first } = link;
    this.#release(first);
    if (first?.ending === undefined || first === this.#cancelled || first === this.#copyFailed) return;
    this.#context.ending();
    if (link.failCopy(first.ending.message)) this.#copyFailed = first;
    else this.#cancel(first);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#timer);
    clearTimeout(this.#expiry);
  }

  #cancel(entry: InFlight): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = entry;
    this.#request(FIRST_RETRY);
  }

  /** A server that is just between two commands drops the request (ProcessClientReadInterrupt): then again. */
  #request(retryAfter: number): void {
    this.#requestDone = false;
    void this.#context.cancel().then(() => {
      this.#requestDone = true;
      this.moved();
      if (!this.holding) {
        this.#context.released();
        return;
      }
      this.#retry = setTimeout(() => {
        if (!this.#stopped && this.holding) this.#request(Math.min(retryAfter * 2, LAST_RETRY));
      }, retryAfter);
    });
  }

  #release(first: InFlight | undefined): void {
    if (this.#cancelled === undefined || !this.#requestDone || first === this.#cancelled) return;
    this.#cancelled = undefined;
    clearTimeout(this.#retry);
  }

  /** One timer for all statements in turn: it looks at the first in flight, and comes again if that is younger. */
  #arm(milliseconds: number): void {
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        const { link, environment } = this.#context;
        const limit = this.#context.timeout();
        const { first } = link;
        if (first === undefined || limit === 0) return;
        const left = limit - (environment.monotonic() - link.firstSince);
        if (left > 0) {
          this.#arm(Math.ceil(left));
          return;
        }
        first.ending ??= TIMED_OUT;
        this.moved();
        this.#arm(limit);
      },
      Math.min(milliseconds, LONGEST),
    );
  }

  #expireAt(until: number): void {
    clearTimeout(this.#expiry);
    this.#expiresAt = until;
    const left = Math.max(1, until - this.#context.environment.now());
    this.#expiry = setTimeout(
      () => {
        this.#expiresAt = Infinity;
        // The wall's clock may have been set meanwhile, and a timer's is a little ahead of it.
        if (this.#context.environment.now() < until) this.#expireAt(until);
        else this.#context.expired();
      },
      Math.min(left, LOOK_AGAIN),
    );
  }
}
