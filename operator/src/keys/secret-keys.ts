import { encodeKeyRing, KeysError, makeKey, PAIR_BYTES, type KeyRing } from '#contract/snapshot/keys';
import { firstRing } from '#contract/snapshot/keys-rotation';
import type { Leadership } from '../runtime/election.ts';
import type { KeySecret } from './key-secret.ts';
import { firstReading, Reread } from './reread.ts';
import { ringOf, type KeySecretOptions } from './ring.ts';
import { rotateKeys } from './rotate-keys.ts';

export interface OperatorKeys extends KeySecret {
  /** Run by the leader until its lead ends: a key older than `every` milliseconds is followed by a new one. */
  rotateKeys(leadership: Leadership, every: number): Promise<void>;
  stop(): void;
}

/**
 * Reads the Secret, or makes the first ring of an empty one, and reads it again every minute. While the API server is away
 * it tries on. Throws KeysError at content that is not its own: that is never overwritten.
 */
export async function openKeySecret(options: KeySecretOptions, signal: AbortSignal): Promise<OperatorKeys> {
  const { clock, random, onError, rereadEvery } = options;
  const read = (limit: AbortSignal): Promise<KeyRing> => readOrMake(options, limit);
  const first = await firstReading({ read, clock, onError }, (error) => error instanceof KeysError, signal);
  const reread = new Reread(first, {
    ...{ read, same: sameRing, clock, random, onError },
    ...(rereadEvery === undefined ? {} : { every: rereadEvery }),
  });
  return {
    ring: () => reread.value,
    refresh: (limit) => reread.refresh(limit),
    onChange: (listener) => reread.onChange(listener),
    rotateKeys: (leadership, every) =>
      rotateKeys({ ...options, adopt: (ring) => reread.adopt(ring) }, leadership, every),
    stop: () => reread.stop(),
  };
}

async function readOrMake(options: KeySecretOptions, signal: AbortSignal): Promise<KeyRing> {
  const { secret, wall, randomBytes } = options;
  for (;;) {
    const held = await secret.read(signal);
    if (Object.keys(held.data).length > 0) return ringOf(held, secret);
    const ring = firstRing(makeKey(wall(), randomBytes(PAIR_BYTES)));
    const written = await secret.write(encodeKeyRing(ring), held, signal);
    if (written !== 'lost') return ringOf(written, secret);
  }
}

function sameRing(one: KeyRing, other: KeyRing): boolean {
  const idsOf = ({ keys }: KeyRing): string => [...keys.keys()].join();
  if (one.current !== other.current || one.since !== other.since || idsOf(one) !== idsOf(other)) return false;
  return [...one.keys.values()].every(({ id, master, signing }) => {
    const same = other.keys.get(id);
    return same !== undefined && same.master.equals(master) && same.signing.equals(signing);
  });
}
