/** What became of a reconcile; README.md says what follows from each. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'later'; readonly milliseconds: number }
  | { readonly kind: 'retry'; readonly cause?: unknown }
  | { readonly kind: 'never'; readonly reason: string };

export const DONE: Outcome = { kind: 'done' };
export const later = (milliseconds: number): Outcome => ({ kind: 'later', milliseconds });
export const retry = (cause?: unknown): Outcome => ({ kind: 'retry', cause });
/** reason: for the log, without received values. */
export const never = (reason: string): Outcome => ({ kind: 'never', reason });
