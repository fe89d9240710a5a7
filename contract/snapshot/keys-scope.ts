import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { KeysError, macKey, sealKey, type KeyRing } from './keys.ts';

/** One key of a bootstrap answer, as JSON: what a pod of the scope may do with it and no more. 32 bytes each, base64url. */
export interface ScopeKeyText {
  readonly id: string;
  /** Opens the scope's documents. */
  readonly seal: string;
  /** The public key that heads are verified by. */
  readonly verify: string;
  /** Of this pod alone: its heartbeats. */
  readonly mac: string;
}

export interface ScopeKey {
  readonly id: string;
  readonly seal: Buffer;
  readonly verify: KeyObject;
  readonly mac: Buffer;
}

export type ScopeKeys = ReadonlyMap<string, ScopeKey>;

/** Every key of the ring: one that is published is known to the proxies before it is used. A pure function, so replicas agree. */
export function scopeKeysFor(ring: KeyRing, scope: string, podUid: string): readonly ScopeKeyText[] {
  return [...ring.keys.values()].map((key) => ({
    id: key.id,
    seal: sealKey(key, scope).toString('base64url'),
    verify: createPublicKey(key.signing).export({ format: 'jwk' }).x ?? '',
    mac: macKey(key, podUid).toString('base64url'),
  }));
}

const bytes32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const answer = z
  .array(z.strictObject({ id: z.string().min(1).max(63), seal: bytes32, verify: bytes32, mac: bytes32 }))
  .min(1)
  .max(64);

/** Reads what scopeKeysFor wrote. Throws KeysError, which names no value. */
export function parseScopeKeys(value: unknown): ScopeKeys {
  const result = answer.safeParse(value);
  if (!result.success) throw new KeysError('the keys of the answer are not as they must be');
  return new Map(
    result.data.map(({ id, seal, verify, mac }) => [
      id,
      { id, seal: Buffer.from(seal, 'base64url'), verify: publicKey(verify), mac: Buffer.from(mac, 'base64url') },
    ]),
  );
}

function publicKey(x: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
