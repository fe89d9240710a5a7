import type { Snapshot } from '#contract/snapshot/types';
import type { CurrentSnapshot, SnapshotSource } from './source.ts';

/** A source that is handed its snapshots in memory. */
export interface SnapshotHolder extends SnapshotSource {
  /** Puts it in force whole; revisions only rise. Listeners hear of it in the same turn. */
  swap(snapshot: Snapshot): CurrentSnapshot;
}

/** now: epoch milliseconds. */
export function createSnapshotHolder(now: () => number): SnapshotHolder {
  let current: CurrentSnapshot | undefined;
  const listeners = new Set<(current: CurrentSnapshot) => void>();
  return {
    current: () => current,
    onSwap: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    swap: (snapshot) => {
      const since = now();
      current = { snapshot, revision: Math.max((current?.revision ?? 0) + 1, since), since };
      for (const listener of [...listeners]) listener(current);
      return current;
    },
  };
}
