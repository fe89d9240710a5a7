import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { jsonOrUndefined } from './json.ts';

/** What one proxy reports under its pod's uid. */
export interface Heartbeat {
  /** (term, revision) of the head in force there; 0, 0: none yet. */
  readonly term: number;
  readonly revision: number;
  /** Epoch milliseconds by the operator's clock. */
  readonly time: number;
  /** The document formats that it reads. */
  readonly formats: readonly number[];
  readonly counters: Readonly<Record<string, number>>;
  /** Id of the key that its MAC is made by. */
  readonly key: string;
}

/** Older than this, a heartbeat doesn't count: the proxy is gone or cut off. */
export const HEARTBEAT_VALID_MS = 30_000;
export const HEARTBEAT_EVERY_MS = 10_000;

/** base64url(JSON) + `.` + base64url(HMAC-SHA-256 over `articdbm-beat-1\n`, scope, uid and the first part, by line). */
export function writeHeartbeat(beat: Heartbeat, scope: string, podUid: string, mac: Buffer): string {
  const first = Buffer.from(JSON.stringify(beat)).toString('base64url');
  return `${first}.${macOf(first, scope, podUid, mac).toString('base64url')}`;
}

export type ReadHeartbeat =
  | { readonly kind: 'heartbeat'; readonly beat: Heartbeat }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'unknown-key'; readonly key: string }
  | { readonly kind: 'forged' };

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const shape: z.ZodType<Heartbeat> = z.strictObject({
  term: whole,
  revision: whole,
  time: whole,
  formats: z.array(whole).min(1).max(16),
  counters: z
    .record(z.string().regex(/^[a-z_]{1,63}$/), whole)
    .refine((counters) => Object.keys(counters).length <= 64),
  key: z.string().regex(/^[0-9A-Za-z]{1,63}$/),
});

/** macKeyOf: the pod's MAC key of that id. */
export function readHeartbeat(
  text: string,
  { scope, podUid }: { readonly scope: string; readonly podUid: string },
  macKeyOf: (id: string) => Buffer | undefined,
): ReadHeartbeat {
  const [first = '', second = '', ...rest] = text.length > 8192 ? [] : text.split('.');
  const { success, data } = shape.safeParse(jsonOrUndefined(Buffer.from(first, 'base64url').toString()));
  const mac = Buffer.from(second, 'base64url');
  if (!success || rest.length > 0 || mac.length !== 32) return { kind: 'malformed' };
  const key = macKeyOf(data.key);
  if (key === undefined) return { kind: 'unknown-key', key: data.key };
  return timingSafeEqual(mac, macOf(first, scope, podUid, key))
    ? { kind: 'heartbeat', beat: data }
    : { kind: 'forged' };
}

function macOf(first: string, scope: string, podUid: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(`articdbm-beat-1\n${scope}\n${podUid}\n${first}`).digest();
}
