import type { SnapshotBackend, SnapshotRule, SnapshotUser } from '../snapshot/types.ts';
import { grantsAction, grantsOf, grantsWithoutCeiling, namesReached, type Grant } from './grant.ts';
import type { Action } from './request.ts';
import { OBJECT_KINDS, type ObjectKind } from './rule.ts';

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

type Fillable = Record<ObjectKind, Map<Action, { byName: Map<string, Grant[]>; patterned: Grant[] }>>;

function indexObjects(grants: readonly Grant[]): UserPolicy['objects'] {
  const index: Fillable = { relation: new Map(), function: new Map(), sequence: new Map(), type: new Map() };
  for (const grant of grants) {
    for (const action of grant.rule.actions) if (grantsAction(grant, action)) listGrant(index, grant, action);
  }
  return index;
}

function listGrant(index: Fillable, grant: Grant, action: Action): void {
  for (const kind of OBJECT_KINDS) {
    if (grant.rule.objects[kind] === undefined) continue;
    const bucket = under(index[kind], action, () => ({ byName: new Map(), patterned: [] }));
    const names = namesReached(grant, kind);
    if (names === undefined) bucket.patterned.push(grant);
    else for (const name of names) under(bucket.byName, name, () => []).push(grant);
  }
}

function under<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
