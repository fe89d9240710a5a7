import type { Denial, DenialReason } from '#contract/policy/decision';

/** Something that a client asked for and does not get, in what it may know of it. */
export interface Refusal {
  /** A closed set: it labels a metric. */
  readonly reason: DenialReason | 'limit' | 'timeout' | 'gone' | 'protocol' | 'unavailable';
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** 1-based, in characters of the statement. */
  readonly position?: number;
  readonly denial?: Denial;
}

/** insufficient_privilege; statement_too_complex for what is too deep to be judged, as where the parser finds it so. */
export const refusalOf = (denial: Denial): Refusal => ({
  reason: denial.reason,
  sqlstate: denial.reason === 'too-large' ? '54001' : '42501',
  message: denial.message,
  ...(denial.hint === undefined ? {} : { hint: denial.hint }),
  denial,
});
