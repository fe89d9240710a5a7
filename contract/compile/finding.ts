import type { FindingReason } from '../names.ts';
import type { Problem } from '../resources/problem.ts';
import type { Kind } from '../resources/schemas.gen.ts';

/** Something about one resource that its owner should know: a part of it, or all, is not in force. */
export interface Finding {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly path?: Problem['path'];
  /** `error`: something asked for isn't done. `warning`: it is, and may not be what was meant. */
  readonly severity: 'error' | 'warning';
  readonly reason: FindingReason;
  /** What is wrong and what to do. Never a value out of a Secret. */
  readonly message: string;
}

/** The resource that a finding is about. */
export interface Subject {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

export function compareFindings(a: Finding, b: Finding): number {
  return compareText(sortKey(a), sortKey(b));
}

function sortKey({ kind, namespace, name, path, reason, message }: Finding): string {
  return JSON.stringify([kind, namespace, name, path ?? [], reason, message]);
}

/** By code units: the same everywhere, whatever the locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
