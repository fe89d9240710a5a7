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
  /** Called after each swap, in the same turn, and with undefined when policy has become too old. Returns the way to stop. */
  onSwap(listener: (current: CurrentSnapshot | undefined) => void): () => void;
}
