import type { SnapshotBackend, SnapshotRule, SnapshotUser } from '../snapshot/types.ts';
import { grantsAction, grantsOf, grantsWithoutCeiling, namesReached, type Grant } from './grant.ts';
import type { Action } from './request.ts';
import { ACTIONS, OBJECT_KINDS, type ObjectKind } from './rule.ts';

/** A user's rules on one backend, indexed for `evaluate`. Made once per snapshot, never edited, shared by all sessions. */
export interface UserPolicy {
  readonly user: string;
  /** The backend's default database. */
  readonly database: string;
  readonly enabled: boolean;
  /** Epoch milliseconds; Infinity: never. */
  readonly until: number;
  readonly grants: readonly Grant[];
  readonly objects: Readonly<Record<ObjectKind, ReadonlyMap<Action, Bucket>>>;
  /** The same rules as if every owner had consented; only asked to say why something is refused. */
  readonly rules: readonly SnapshotRule[];
}

/** Grants for one kind of object and one action. A lookup by name finds those of exact names; the rest are walked. */
export interface Bucket {
  readonly byName: ReadonlyMap<string, readonly Grant[]>;
  readonly patterned: readonly Grant[];
}

export function compilePolicy(user: SnapshotUser, backend: SnapshotBackend): UserPolicy {
  const grants = user.rules.flatMap(grantsOf);
  return {
    user: user.name,
    database: backend.database,
    enabled: user.enabled,
    until: user.expiresAt ?? Infinity,
    grants,
    objects: indexObjects(grants),
    rules: user.rules,
  };
}

/** As `compilePolicy`, with every ceiling taken away. */
export function withoutCeilings(policy: UserPolicy): UserPolicy {
  const grants = policy.rules.flatMap(grantsWithoutCeiling);
  return { ...policy, grants, objects: indexObjects(grants) };
}

function indexObjects(grants: readonly Grant[]): UserPolicy['objects'] {
  const of = (kind: ObjectKind): ReadonlyMap<Action, Bucket> =>
    new Map(ACTIONS.map((action) => [action, fillBucket(grants, kind, action)]));
  const [relation, func, sequence, type] = OBJECT_KINDS.map(of);
  if (!relation || !func || !sequence || !type) throw new Error('a kind of object has no index');
  return { relation, function: func, sequence, type };
}

function fillBucket(grants: readonly Grant[], kind: ObjectKind, action: Action): Bucket {
  const byName = new Map<string, Grant[]>();
  const patterned: Grant[] = [];
  for (const grant of grants) {
    if (!grantsAction(grant, action) || grant.rule.objects[kind] === undefined) continue;
    const names = namesReached(grant, kind);
    if (names === undefined) patterned.push(grant);
    else for (const name of names) listUnder(byName, name).push(grant);
  }
  return { byName, patterned };
}

function listUnder(map: Map<string, Grant[]>, name: string): Grant[] {
  const known = map.get(name);
  if (known !== undefined) return known;
  const made: Grant[] = [];
  map.set(name, made);
  return made;
}
