import type { SnapshotRule } from '../snapshot/types.ts';
import { matchersMeet, type NameMatcher } from './name-matcher.ts';
import type { Action } from './request.ts';
import {
  coversAllColumns,
  prepareRule,
  reachesObject,
  reachesSchema,
  rulesMeet,
  type ObjectKind,
  type Rule,
} from './rule.ts';

/**
 * One way to be allowed: a rule, or a rule together with one rule of the ceiling, both of which must allow the same
 * request. A permission's rule under a ceiling of n rules makes up to n grants.
 */
export interface Grant {
  /** Epoch milliseconds; Infinity: never expires. */
  readonly until: number;
  readonly rule: Rule;
  readonly ceiling: Rule | undefined;
  /** Every column of the relations that it reaches. */
  readonly allColumns: boolean;
  /** At least one column of them. */
  readonly anyColumn: boolean;
}

export function grantsOf(rule: SnapshotRule): Grant[] {
  const own = prepareRule(rule.sql);
  const ceilings = rule.ceiling === undefined ? [undefined] : rule.ceiling.map(prepareRule);
  return ceilings
    .filter((ceiling) => rulesMeet(own, ceiling ?? own))
    .map((ceiling) => makeGrant(rule.expiresAt ?? Infinity, own, ceiling));
}

/** What the rule would grant if the backend's owner consented to everything: only to say why something is refused. */
export function grantsWithoutCeiling({ ceiling: _, ...rule }: SnapshotRule): Grant[] {
  return grantsOf(rule);
}

function makeGrant(until: number, rule: Rule, ceiling: Rule | undefined): Grant {
  return {
    until,
    rule,
    ceiling,
    allColumns: coversAllColumns(rule) && (ceiling === undefined || coversAllColumns(ceiling)),
    anyColumn: ceiling === undefined ? rule.columns.patterns.length > 0 : matchersMeet(rule.columns, ceiling.columns),
  };
}

export function grantsAction(grant: Grant, action: Action): boolean {
  return grant.rule.actions.has(action) && (grant.ceiling === undefined || grant.ceiling.actions.has(action));
}

export function grantReachesObject(
  grant: Grant,
  kind: ObjectKind,
  place: { readonly database: string; readonly schema: string | null; readonly name: string },
): boolean {
  return (
    reachesObject(grant.rule, kind, place) && (grant.ceiling === undefined || reachesObject(grant.ceiling, kind, place))
  );
}

export function grantReachesSchema(grant: Grant, database: string, schema: string): boolean {
  return (
    reachesSchema(grant.rule, database, schema) &&
    (grant.ceiling === undefined || reachesSchema(grant.ceiling, database, schema))
  );
}

export function grantCoversColumn(grant: Grant, column: string): boolean {
  return grant.rule.columns.matches(column) && (grant.ceiling === undefined || grant.ceiling.columns.matches(column));
}

export function grantReachesDatabase(grant: Grant, database: string): boolean {
  return (
    grant.rule.databases.matches(database) && (grant.ceiling === undefined || grant.ceiling.databases.matches(database))
  );
}

/** The exact names of that kind that the grant can reach at most; undefined: a pattern, so any. */
export function namesReached(grant: Grant, kind: ObjectKind): NameMatcher['names'] {
  return grant.rule.objects[kind]?.names ?? grant.ceiling?.objects[kind]?.names;
}
