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

/** A reply that was being ended came to its end before the cancel request did its work: it must not pass for whole. */
export class ReplyCut extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super('the reply was cut');
    this.name = 'ReplyCut';
    this.refusal = refusal;
  }
}

/** insufficient_privilege; statement_too_complex for what is too deep to be judged, as where the parser finds it so. */
export const refusalOf = (denial: Denial): Refusal => ({
  reason: denial.reason,
  sqlstate: denial.reason === 'too-large' ? '54001' : '42501',
  message: denial.message,
  ...(denial.hint === undefined ? {} : { hint: denial.hint }),
  denial,
});
