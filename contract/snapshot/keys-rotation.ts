import { KeysError, type KeyRing, type MasterKey } from './keys.ts';

/** Between publishing a key and using it: replicas have read the Secret by then, and most proxies have asked again. */
export const USE_AFTER_MS = 3_600_000;
/** Between using a key and dropping those before it. */
export const DROP_AFTER_MS = 86_400_000;

export type RotationStep =
  /** Make a pair: addKey, or firstRing when there is none. */
  | { readonly kind: 'publish' }
  | { readonly kind: 'use'; readonly id: string }
  | { readonly kind: 'drop'; readonly id: string }
  /** Nothing to do before that moment (epoch milliseconds). */
  | { readonly kind: 'wait'; readonly until: number };

/**
 * What rotation has to do next. Each step is one write of the Secret; call it again after. every, now: milliseconds;
 * a key older than `every` is followed by a new one. A step that comes late delays those after it, never joins them.
 */
export function nextRotation(ring: KeyRing | undefined, now: number, every: number): RotationStep {
  if (ring === undefined) return { kind: 'publish' };
  const current = ring.keys.get(ring.current);
  if (current === undefined) throw new KeysError('current names a key that is not there');
  const keys = [...ring.keys.values()];

  const newest = keys.filter(({ madeAt }) => madeAt > current.madeAt).at(-1);
  if (newest !== undefined && now >= newest.madeAt + USE_AFTER_MS) return { kind: 'use', id: newest.id };

  const oldest = keys.find(({ madeAt }) => madeAt < current.madeAt);
  if (oldest !== undefined && now >= ring.since + DROP_AFTER_MS) return { kind: 'drop', id: oldest.id };

  if (newest === undefined && now >= current.madeAt + every) return { kind: 'publish' };

  const moments = [
    newest === undefined ? current.madeAt + every : newest.madeAt + USE_AFTER_MS,
    ...(oldest === undefined ? [] : [ring.since + DROP_AFTER_MS]),
  ];
  return { kind: 'wait', until: Math.min(...moments) };
}

/** A ring of one key, in use at once: nobody could hold another. */
export function firstRing(key: MasterKey): KeyRing {
  return { current: key.id, since: key.madeAt, keys: new Map([[key.id, key]]) };
}

/** Published, not yet in use. */
export function addKey(ring: KeyRing, key: MasterKey): KeyRing {
  if (ring.keys.has(key.id)) throw new KeysError('a key of this second is there already');
  const keys = [...ring.keys, [key.id, key] as const].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...ring, keys: new Map(keys) };
}

export function useKey(ring: KeyRing, id: string, now: number): KeyRing {
  if (!ring.keys.has(id)) throw new KeysError('a key that is not there can not be used');
  return { ...ring, current: id, since: Math.floor(now / 1000) * 1000 };
}

export function dropKey(ring: KeyRing, id: string): KeyRing {
  if (id === ring.current) throw new KeysError('the key in use can not be dropped');
  const keys = new Map(ring.keys);
  keys.delete(id);
  return { ...ring, keys };
}
