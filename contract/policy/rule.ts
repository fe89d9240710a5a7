import type { SqlRule } from '../snapshot/types.ts';
import { EVERYTHING, matchersMeet, nameMatcher, schemaMatcher, type NameMatcher } from './name-matcher.ts';
import type { Action } from './request.ts';

/** Kinds of objects that rules select by name. */
export type ObjectKind = 'relation' | 'function' | 'sequence' | 'type';
export const OBJECT_KINDS: readonly ObjectKind[] = ['relation', 'function', 'sequence', 'type'];

export const ACTIONS: readonly Action[] = [
  'select',
  'insert',
  'update',
  'delete',
  'truncate',
  'references',
  'execute',
  'usage',
  'admin',
];

/** An SqlRule, ready to be asked. `admin` is simply every action on everything in its databases. */
export interface Rule {
  readonly actions: ReadonlySet<Action>;
  readonly databases: NameMatcher;
  readonly schemas: NameMatcher;
  /** A kind that is absent is not selected at all. */
  readonly objects: Readonly<Partial<Record<ObjectKind, NameMatcher>>>;
  readonly columns: NameMatcher;
}

export function prepareRule(sql: SqlRule): Rule {
  const databases = nameMatcher(sql.databases);
  if (sql.actions.includes('admin')) return { ...ADMIN, databases };
  const objects: Partial<Record<ObjectKind, NameMatcher>> = {};
  if (sql.tables) objects.relation = nameMatcher(sql.tables);
  if (sql.functions) objects.function = nameMatcher(sql.functions);
  if (sql.sequences) objects.sequence = nameMatcher(sql.sequences);
  if (sql.types) objects.type = nameMatcher(sql.types);
  return {
    actions: new Set(sql.actions),
    databases,
    schemas: schemaMatcher(sql.schemas),
    objects,
    columns: sql.columns ? nameMatcher(sql.columns) : EVERYTHING,
  };
}

const ADMIN: Omit<Rule, 'databases'> = {
  actions: new Set(ACTIONS),
  schemas: EVERYTHING,
  objects: { relation: EVERYTHING, function: EVERYTHING, sequence: EVERYTHING, type: EVERYTHING },
  columns: EVERYTHING,
};

/** Whether the rule selects the object, whatever the action. A schema that isn't known is only in `*`. */
export function reachesObject(
  rule: Rule,
  kind: ObjectKind,
  place: { readonly database: string; readonly schema: string | null; readonly name: string },
): boolean {
  const objects = rule.objects[kind];
  if (!objects?.matches(place.name)) return false;
  return reachesSchema(rule, place.database, place.schema);
}

export function reachesSchema(rule: Rule, database: string, schema: string | null): boolean {
  const inSchema = schema === null ? rule.schemas.everything : rule.schemas.matches(schema);
  return inSchema && rule.databases.matches(database);
}

/** Whether the rule covers every column that a relation has or may come to have. */
export function coversAllColumns(rule: Rule): boolean {
  return rule.columns.everything;
}

/** Whether there is an object that both could allow something on: what they must share to reach into a schema at all. */
export function rulesMeet(a: Rule, b: Rule): boolean {
  return (
    ACTIONS.some((action) => a.actions.has(action) && b.actions.has(action)) &&
    matchersMeet(a.databases, b.databases) &&
    matchersMeet(a.schemas, b.schemas) &&
    OBJECT_KINDS.some((kind) => objectsMeet(a.objects[kind], b.objects[kind]))
  );
}

function objectsMeet(a: NameMatcher | undefined, b: NameMatcher | undefined): boolean {
  return a !== undefined && b !== undefined && matchersMeet(a, b);
}
