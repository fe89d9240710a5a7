import type { Snapshot } from './types.ts';

/** Canonical JSON: keys sorted, no white space. Equal snapshots give equal bytes. */
export function serialiseSnapshot(snapshot: Snapshot): string {
  return JSON.stringify(snapshot, sortKeys);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
