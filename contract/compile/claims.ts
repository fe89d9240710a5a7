import { parseTime } from '../resources/time.ts';
import type { DbUser } from '../resources/types.gen.ts';
import { compareText } from './finding.ts';
import { idOf, namespaceOf } from './intake.ts';

/** A DbUser's claim to a user name on one backend. */
export interface Claim {
  readonly id: string;
  readonly user: DbUser;
}

export interface Settled {
  readonly winners: readonly Claim[];
  /** Each with the one that has the name. */
  readonly losers: readonly { readonly claim: Claim; readonly winner: Claim }[];
}

/**
 * One DbUser per user name: the backend's own namespace first, then the older, then the smaller uid. Those without a
 * time of creation (from files) count as youngest.
 */
export function settleClaims(claims: readonly Claim[], backendNamespace: string): Settled {
  const byName = new Map<string, Claim[]>();
  for (const claim of claims) {
    const { username } = claim.user.spec;
    const rivals = byName.get(username);
    if (rivals === undefined) byName.set(username, [claim]);
    else rivals.push(claim);
  }
  const winners: Claim[] = [];
  const losers: { claim: Claim; winner: Claim }[] = [];
  for (const [, rivals] of [...byName].sort(([a], [b]) => compareText(a, b))) {
    const [winner, ...rest] = rivals.sort((a, b) => compareClaims(a, b, backendNamespace));
    if (winner === undefined) continue;
    winners.push(winner);
    losers.push(...rest.map((claim) => ({ claim, winner })));
  }
  return { winners, losers };
}

function compareClaims(a: Claim, b: Claim, backendNamespace: string): number {
  const foreign = (claim: Claim): number => (namespaceOf(claim.user) === backendNamespace ? 0 : 1);
  return (
    foreign(a) - foreign(b) ||
    Math.sign(bornAt(a.user) - bornAt(b.user)) ||
    compareText(uidOf(a.user), uidOf(b.user)) ||
    compareText(a.id, b.id)
  );
}

/** Far behind any real time, and finite, so that two of them compare as equal. */
const YOUNGEST = 8.64e15;

function bornAt(user: DbUser): number {
  return parseTime(user.metadata.creationTimestamp ?? '') ?? YOUNGEST;
}

/** Resources from files have no uid: their name stands for it. */
export function uidOf(user: DbUser): string {
  return user.metadata.uid ?? idOf({ namespace: namespaceOf(user), name: user.metadata.name });
}
