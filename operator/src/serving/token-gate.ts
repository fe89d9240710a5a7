import { createHash } from 'node:crypto';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../runtime/clock.ts';
import { busy, refused } from './answers.ts';
import { FairBudget } from './fair-budget.ts';
import { judgeReview, reviewRequest, type Reviewed } from './token-review.ts';

export interface TokenGateOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** Why the API server could not be asked. */
  readonly onError: (error: unknown) => void;
}

export interface TokenGate {
  /** from: the peer's address. Every call with a token that may be good asks the API server: nothing good is remembered. */
  review(authorization: string | undefined, from: string, signal: AbortSignal): Promise<Reviewed>;
}

/**
 * Why these: the API client keeps 16 connections, and the leader's writes need theirs. One pod asks every ten minutes, so
 * 16 that wait from one address are many pods behind one, or one that means ill.
 */
const AT_ONCE = 6;
const WAITING = { all: 512, each: 16 };
/** Refusals that one address may have at once, and how many milliseconds it takes to be forgiven one. */
const FAILURES = { most: 20, each: 1_000, addresses: 10_000 };
/** A token that was refused is refused again without asking: this long, since its pod may only just have appeared. */
const REFUSED_MS = 5_000;
const REFUSED_MOST = 2_000;
const DEADLINE_MS = 8_000;
/** RFC 7515: three parts in base64url. A token of Kubernetes has one to two thousand characters. */
const TOKEN = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;
const MOST_CHARACTERS = 8_192;

/**
 * In front of the API server, so that no flood of tokens becomes one of TokenReviews. Who is good is never remembered: a pod
 * that is deleted is nobody from then on, as far as the API server knows.
 */
export function openTokenGate({ client, clock, onError }: TokenGateOptions): TokenGate {
  const turns = new Turns(AT_ONCE);
  const waiting = new FairBudget(WAITING.all, WAITING.each);
  const failures = new Failures(clock);
  const known = new RecentlyRefused(clock);

  const ask = async (token: string, signal: AbortSignal): Promise<Reviewed> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
    try {
      return await turns.take(limit, async () => {
        const path = '/apis/authentication.k8s.io/v1/tokenreviews';
        return judgeReview(await client.request({ method: 'POST', path, body: reviewRequest(token), signal: limit }));
      });
    } catch (error) {
      if (!signal.aborted) onError(error);
      const message = 'the API server could not be asked who the token is of: ask again';
      return { kind: 'refused', answer: busy(503, 'ApiServerAway', message, 5) };
    }
  };

  return {
    async review(authorization, from, signal) {
      const token = (authorization ?? '').length > MOST_CHARACTERS ? undefined : TOKEN.exec(authorization ?? '')?.[1];
      if (token === undefined) return NO_TOKEN;
      const before = known.get(token);
      if (before !== undefined) return before;
      if (failures.tooMany(from)) return TOO_MANY;
      if (!waiting.take(from, 1)) return BUSY;
      try {
        const reviewed = await ask(token, signal);
        if (reviewed.kind === 'refused' && reviewed.answer.status < 500) {
          failures.count(from);
          known.add(token, reviewed);
        }
        return reviewed;
      } finally {
        waiting.give(from, 1);
      }
    },
  };
}

const NO_TOKEN: Reviewed = {
  kind: 'refused',
  answer: refused(401, 'NoToken', "send the pod's token: Authorization: Bearer …"),
};
const TOO_MANY: Reviewed = {
  kind: 'refused',
  answer: busy(429, 'TooManyRefused', 'too many tokens from this address were refused: ask again later', 10),
};
const BUSY: Reviewed = {
  kind: 'refused',
  answer: busy(429, 'TooManyReviews', 'too many tokens are being looked at: ask again', 2),
};

/** So many at once, the others in their order. */
class Turns {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  /** Resolves with the turn of one that has ended. */
  #wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const turn = (): void => {
      signal.removeEventListener('abort', leave);
      resolve(undefined);
    };
    const leave = (): void => {
      this.#queue.splice(this.#queue.indexOf(turn), 1);
      reject(signal.reason as Error);
    };
    this.#queue.push(turn);
    signal.addEventListener('abort', leave, { once: true });
    return promise;
  }
}

/** Per address, refusals that are forgiven one by one. */
class Failures {
  readonly #clock: Clock;
  /** When all of an address will be forgiven. */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  tooMany(from: string): boolean {
    return (this.#until.get(from) ?? 0) - this.#clock.now() > (FAILURES.most - 1) * FAILURES.each;
  }

  count(from: string): void {
    const now = this.#clock.now();
    const until = Math.max(this.#until.get(from) ?? 0, now) + FAILURES.each;
    this.#until.delete(from); // put last
    this.#until.set(from, until);
    for (const [address, end] of this.#until) {
      if (end > now && this.#until.size <= FAILURES.addresses) break;
      this.#until.delete(address);
    }
  }
}

/** Tokens by their digests, oldest first. */
class RecentlyRefused {
  readonly #clock: Clock;
  readonly #refused = new Map<string, { readonly until: number; readonly reviewed: Reviewed }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(token: string): Reviewed | undefined {
    const found = this.#refused.get(digestOf(token));
    return found === undefined || found.until <= this.#clock.now() ? undefined : found.reviewed;
  }

  add(token: string, reviewed: Reviewed): void {
    const now = this.#clock.now();
    this.#refused.set(digestOf(token), { until: now + REFUSED_MS, reviewed });
    for (const [digest, { until }] of this.#refused) {
      if (until > now && this.#refused.size <= REFUSED_MOST) break;
      this.#refused.delete(digest);
    }
  }
}

const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64');
