import { sign, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { jsonOrUndefined } from './json.ts';
import type { MasterKey } from './keys.ts';

/** Says which document of a scope is in force, and that it still was at `issuedAt`. */
export interface Head {
  readonly scope: string;
  /** Milliseconds of the epoch or more: max(last signed + 1, now). Only rises. */
  readonly revision: number;
  /** Of the leader that signed it. Only rises. */
  readonly term: number;
  /** Of the sealed document: 64 hexadecimal digits. */
  readonly digest: string;
  /** Epoch milliseconds by the operator's clock. */
  readonly issuedAt: number;
  /** Id of the key that signed it. */
  readonly key: string;
}

/** base64url(JSON) + `.` + base64url(Ed25519 over `articdbm-head-1\n` and the first part). */
export function signHead(head: Omit<Head, 'key'>, key: MasterKey): string {
  const first = Buffer.from(canonical({ ...head, key: key.id })).toString('base64url');
  return `${first}.${sign(null, signed(first), key.signing).toString('base64url')}`;
}

export type ReadHead =
  | { readonly kind: 'head'; readonly head: Head }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'unknown-key'; readonly key: string }
  | { readonly kind: 'forged' }
  /** Signed by us, for another scope. */
  | { readonly kind: 'other-scope' };

/** No head is longer. */
export const HEAD_CHARACTERS = 4096;
const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const shape: z.ZodType<Head> = z.strictObject({
  scope: z.string().min(1).max(400),
  revision: whole,
  term: whole,
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  issuedAt: whole,
  key: z.string().regex(/^[0-9A-Za-z]{1,63}$/),
});

/** Only the one spelling that signHead writes is read. verifyKeyOf: the public key of that id. */
export function readHead(text: string, scope: string, verifyKeyOf: (id: string) => KeyObject | undefined): ReadHead {
  const parts = takeApart(text);
  if (parts === undefined) return { kind: 'malformed' };
  const key = verifyKeyOf(parts.head.key);
  if (key === undefined) return { kind: 'unknown-key', key: parts.head.key };
  if (!verify(null, signed(parts.first), key, parts.signature)) return { kind: 'forged' };
  return parts.head.scope === scope ? { kind: 'head', head: parts.head } : { kind: 'other-scope' };
}

interface Parts {
  readonly first: string;
  readonly head: Head;
  readonly signature: Buffer;
}

function takeApart(text: string): Parts | undefined {
  if (text.length > HEAD_CHARACTERS) return;
  const [first = '', second = '', ...rest] = text.split('.');
  const json = exactly(first)?.toString();
  const signature = exactly(second);
  if (rest.length > 0 || json === undefined || signature?.length !== 64) return;
  const { success, data } = shape.safeParse(jsonOrUndefined(json));
  return success && canonical(data) === json ? { first, head: data, signature } : undefined;
}

/** undefined unless it is the one spelling of its bytes: unused bits of the last character would be free otherwise. */
function exactly(base64url: string): Buffer | undefined {
  const bytes = Buffer.from(base64url, 'base64url');
  return bytes.toString('base64url') === base64url ? bytes : undefined;
}

const canonical = ({ scope, revision, term, digest, issuedAt, key }: Head): string =>
  JSON.stringify({ scope, revision, term, digest, issuedAt, key });

const signed = (first: string): Buffer => Buffer.from(`articdbm-head-1\n${first}`);

/** What a head means to who holds another. */
export type HeadOrder =
  /** Another document comes into force. */
  | 'newer'
  /** The same document, confirmed: a beat, or a new leader's. */
  | 'confirms'
  /** The very one, or one signed before it. */
  | 'known'
  /** An older leader or revision: a replay, a restored dump, a leader that does not know of its end. */
  | 'older'
  /** The same term and revision over another document: one of the two is a lie. */
  | 'contradicts';

export function compareHeads(candidate: Head, held: Head | undefined): HeadOrder {
  if (held === undefined) return 'newer';
  const order = candidate.term - held.term || candidate.revision - held.revision;
  if (order < 0) return 'older';
  if (candidate.digest !== held.digest) return order > 0 ? 'newer' : 'contradicts';
  if (order > 0) return 'confirms';
  return candidate.issuedAt > held.issuedAt ? 'confirms' : 'known';
}

/** The next revision. last: of the last head that was signed; now: epoch milliseconds. */
export function nextRevision(last: number | undefined, now: number): number {
  return Math.max((last ?? 0) + 1, now);
}

/** Milliseconds of age from which on a head … */
export const PULL_AGE_MS = 75_000; // … is pulled again
export const ASK_AGE_MS = 90_000; // … makes the proxy ask the operator, when Redis has none younger
export const WARN_AGE_MS = 15 * 60_000; // … is warned of
export const REFUSE_AGE_MS = 24 * 3_600_000; // … is not believed any more: the default of refuseAfter
/** The least that refuseAfter may be: less would refuse between two beats. */
export const LEAST_REFUSE_AGE_MS = 120_000;
/** How often the leader signs heads anew. */
export const BEAT_MS = 30_000;

/** Each holds what those before it hold. */
export const AGES = ['fresh', 'pull', 'ask', 'warn', 'refuse'] as const;
export type Age = (typeof AGES)[number];

/** age, refuseAfter: milliseconds. refuseAfter wins, however short it is. */
export function judgeAge(age: number, refuseAfter: number): Age {
  if (age >= refuseAfter) return 'refuse';
  if (age >= WARN_AGE_MS) return 'warn';
  if (age >= ASK_AGE_MS) return 'ask';
  return age >= PULL_AGE_MS ? 'pull' : 'fresh';
}

/**
 * How old a head is. By its date and the clock here, or by the time for which nothing newer has been seen, whichever says
 * more: a head dated into the future by a clock that ran ahead ages all the same. All in epoch milliseconds.
 */
export function ageOf(head: Head, firstSeen: number, now: number): number {
  return Math.max(0, now - head.issuedAt, now - firstSeen);
}
