import type { Snapshot } from '#contract/snapshot/types';

export interface CurrentSnapshot {
  readonly snapshot: Snapshot;
  readonly revision: number;
  /** Epoch milliseconds of the moment it came into force here. */
  readonly since: number;
}

/** Where policy comes from. A snapshot is swapped whole, never edited. */
export interface SnapshotSource {
  /** undefined: none yet; clients get 57P03. */
  current(): CurrentSnapshot | undefined;
  /** Called after each swap, in the same turn. Returns the way to stop. */
  onSwap(listener: (current: CurrentSnapshot) => void): () => void;
}
