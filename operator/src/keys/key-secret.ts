import type { KeyRing } from '#contract/snapshot/keys';

/** The Secret articdbm-keys, as every replica reads it. */
export interface KeySecret {
  /** As last read. */
  ring(): KeyRing;
  /** Reads it afresh, as when a key id is not known. Several callers share one reading. */
  refresh(signal?: AbortSignal): Promise<KeyRing>;
  /** After a reading that found other keys than before: republish, answer anew. Returns the way to stop. */
  onChange(listener: (ring: KeyRing) => void): () => void;
}
