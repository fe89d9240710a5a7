import type { Snapshot } from '#contract/snapshot/types';

export interface CurrentSnapshot {
  readonly snapshot: Snapshot;
  readonly revision: number;
  /** Epoch milliseconds of the moment it came into force here. */
  readonly since: number;
}

/** Where policy comes from. A snapshot is swapped whole, never edited. */
export interface SnapshotSource {
  /** undefined: none yet, or none that may still be believed; clients get 57P03. */
  current(): CurrentSnapshot | undefined;
  /** Whether there is none because what is held is too old to be believed. Absent: it never is. */
  readonly tooOld?: () => boolean;
  /** Called after each swap, in the same turn, and with undefined when policy has become too old. Returns the way to stop. */
  onSwap(listener: (current: CurrentSnapshot | undefined) => void): () => void;
}
