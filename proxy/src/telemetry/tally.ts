import { DENIAL_REASONS } from '#contract/policy/decision';
import type { DenialReason } from '#contract/policy/decision';
import type { LinkState, StatementAction, StatementOutcome } from './recorder.ts';

export const ACTIONS = ['read', 'write', 'execute', 'session', 'admin', 'unknown'] as const satisfies StatementAction[];
export const OUTCOMES = ['ok', 'denied', 'failed'] as const satisfies StatementOutcome[];
export const LOGIN_OUTCOMES = ['ok', 'refused', 'failed'] as const;
export const LINK_STATES = ['connecting', 'leased'] as const satisfies LinkState[];

/** Upper bounds in seconds. A statement through a near-by server takes about 0.1 ms, a report minutes. */
export const SECONDS_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 10, 60];

/**
 * What one backend's traffic adds up to, as plain numbers: a statement costs a look-up and three additions.
 * (prom-client's own children hash their labels at each call: 0.2 µs and a string apiece.) Read at scrape time only.
 */
export class BackendTally {
  connections = 0;
  readonly logins = zeros(LOGIN_OUTCOMES);
  readonly statements = {
    read: zeros(OUTCOMES),
    write: zeros(OUTCOMES),
    execute: zeros(OUTCOMES),
    session: zeros(OUTCOMES),
    admin: zeros(OUTCOMES),
    unknown: zeros(OUTCOMES),
  } satisfies Record<StatementAction, Record<StatementOutcome, number>>;
  readonly denials: Record<DenialReason, number> = zeros(DENIAL_REASONS);
  readonly links: Record<LinkState, number> = zeros(LINK_STATES);
  /** Not cumulative; the last one holds what is above every bound. */
  readonly buckets = new Float64Array(SECONDS_BUCKETS.length + 1);
  seconds = 0;

  statement(action: StatementAction, outcome: StatementOutcome, seconds: number): void {
    this.statements[action][outcome] += 1;
    let bucket = 0;
    while (bucket < SECONDS_BUCKETS.length && seconds > (SECONDS_BUCKETS[bucket] ?? Infinity)) bucket += 1;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.seconds += seconds;
  }
}

function zeros<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>;
}
