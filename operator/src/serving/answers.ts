import type { Refusal } from '#contract/bootstrap/answer';

/** What goes back: JSON, with a word that says what became of the request, for metrics. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** `ok`, or the reason of a refusal. */
  readonly outcome: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The rest of the request is not read. */
  readonly close?: true;
}

export const ok = (body: unknown, outcome = 'ok'): Answer => ({ status: 200, body, outcome });

export function refused(status: number, reason: string, message: string): Answer {
  const body: Refusal = { reason, message };
  return { status, body, outcome: reason };
}

/** Not now. seconds: when to ask again, at the earliest. */
export const busy = (status: 429 | 503, reason: string, message: string, seconds = 2): Answer => ({
  ...refused(status, reason, message),
  headers: { 'retry-after': String(seconds) },
});
