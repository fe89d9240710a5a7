import { ageOf, ASK_AGE_MS, judgeAge, PULL_AGE_MS, WARN_AGE_MS, type Head } from '#contract/snapshot/head';

/**
 * A feed's state follows from the head that it holds and the time; nothing else is remembered.
 *
 * | state | holds | policy in force | a newer head with its document | a confirming head | an older, forged, contradicting one | time |
 * |---|---|---|---|---|---|---|
 * | waiting | nothing | none | swap → fresh | – | reported | asks Redis and, unless that has one younger than 90 s, the operator before it is believed, every 1–3 s |
 * | fresh | a head younger than 15 min | it | swap | dated anew | reported; nothing moves | pull every 45–75 s; at 75 s of age again; from 90 s on the operator, every 10–20 s → stale |
 * | stale | one older than that | it, with a warning | swap → fresh | → fresh | reported; nothing moves | as before → refusing |
 * | refusing | one older than refuseAfter | none | swap → fresh | → fresh, the same policy again | reported; nothing moves | as before |
 *
 * No state leads back to waiting, and no head replaces one of a higher (term, revision).
 */
export const FEED_STATES = ['waiting', 'fresh', 'stale', 'refusing'] as const;
export type FeedState = (typeof FEED_STATES)[number];

export interface HeldHead {
  readonly head: Head;
  /** The text as it was signed. */
  readonly text: string;
  /** Monotonic milliseconds of when it was first seen here. */
  readonly seenAt: number;
}

/** Both in milliseconds: `now` of the epoch by the operator's clock, `monotonic` of this process. */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

export function headAge({ head, seenAt }: HeldHead, { now, monotonic }: Moment): number {
  return ageOf(head, now - (monotonic - seenAt), now);
}

export function stateOf(held: HeldHead | undefined, moment: Moment, refuseAfter: number): FeedState {
  if (held === undefined) return 'waiting';
  const age = judgeAge(headAge(held, moment), refuseAfter);
  if (age === 'refuse') return 'refusing';
  return age === 'warn' ? 'stale' : 'fresh';
}

/** Whether the operator itself is to be asked, after Redis has been. */
export function shouldAsk(held: HeldHead | undefined, moment: Moment): boolean {
  return held === undefined || headAge(held, moment) >= ASK_AGE_MS;
}

const PULL_MS = { least: 45_000, most: 75_000 };
const RETRY_MS = { least: 10_000, most: 20_000 };
const WAITING_MS = { least: 1_000, most: 3_000 };

/** Milliseconds from one pull to the next. chance: from 0 to 1, so that proxies spread. */
export function untilNextPull(held: HeldHead | undefined, moment: Moment, chance: number): number {
  if (held === undefined) return between(WAITING_MS, chance);
  const age = headAge(held, moment);
  if (age >= PULL_AGE_MS) return between(RETRY_MS, chance);
  return Math.min(between(PULL_MS, chance), PULL_AGE_MS - age);
}

/** Milliseconds until the state may change by time alone; undefined: it will not. */
export function untilNextAge(held: HeldHead | undefined, moment: Moment, refuseAfter: number): number | undefined {
  if (held === undefined) return undefined;
  const age = headAge(held, moment);
  const ahead = [WARN_AGE_MS, refuseAfter].filter((limit) => limit > age);
  return ahead.length === 0 ? undefined : Math.min(...ahead) - age;
}

const between = ({ least, most }: { readonly least: number; readonly most: number }, chance: number): number =>
  least + (most - least) * chance;
