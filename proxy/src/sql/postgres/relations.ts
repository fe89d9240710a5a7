import type * as Pg from 'pg-query-18';
import type { Action } from '#contract/policy/request';
import type { Analysis } from './analysis.ts';

/** A relation as it was named, with all that its name may mean. */
export interface Target {
  readonly name: string;
  /** Schemas that it may lie in, each of which is asked for; null in it: not known which. */
  readonly schemas: readonly (string | null)[];
  /** A system relation, `pg_catalog.x`: no rule names it, the list says what of it isn't free; null: all is. */
  readonly system?: { readonly name: string; readonly withheld: ReadonlySet<string> | null };
}

const SYSTEM_SCHEMAS: ReadonlySet<string> = new Set(['pg_catalog', 'information_schema']);

/** The schemas that an unqualified name is looked up in besides pg_catalog. */
export function pathSchemas(analysis: Analysis): readonly (string | null)[] {
  const { path } = analysis.state;
  return path === null ? [null] : path.filter((schema) => schema !== 'pg_catalog' && schema !== 'pg_temp');
}

/** Whether pg_catalog is certainly looked at before any other schema. */
export function catalogFirst(analysis: Analysis): boolean {
  const { path } = analysis.state;
  return path !== null && path.lastIndexOf('pg_catalog') <= 0;
}

/** Resolves a relation that is no CTE; what no one may read at all is asked for (admin) or refused here. */
export function resolveRelation(analysis: Analysis, range: Pg.RangeVar): Target {
  const name = range.relname ?? '';
  const { catalogname: database, schemaname: schema } = range;
  if (database !== undefined && database !== analysis.state.database) {
    analysis.asked.refuse('not-understood', 'a table of another database can not be reached');
  }
  if (schema !== undefined) return qualifiedRelation(analysis, schema, name);
  const system = systemRelation(analysis, 'pg_catalog', name);
  if (system !== undefined && catalogFirst(analysis)) return system;
  return { name, schemas: pathSchemas(analysis), ...(system?.system && { system: system.system }) };
}

function qualifiedRelation(analysis: Analysis, schema: string, name: string): Target {
  if (SYSTEM_SCHEMAS.has(schema)) {
    const found = systemRelation(analysis, schema, name);
    if (found !== undefined) return found;
    analysis.asked.admin(`read ${schema}.${name}`);
    return { name, schemas: [] };
  }
  if (schema.startsWith('pg_')) {
    analysis.asked.admin(`use schema ${schema}`);
    return { name, schemas: [] };
  }
  return { name, schemas: [schema] };
}

function systemRelation(analysis: Analysis, schema: string, name: string): Target | undefined {
  const full = `${schema}.${name}`;
  const verdict = analysis.lists.relations.get(full);
  if (verdict === undefined) return undefined;
  if (verdict === 'refused') {
    analysis.asked.admin(`read ${full}`);
    return { name, schemas: [] };
  }
  return { name, schemas: [], system: { name: full, withheld: verdict === 'free' ? null : verdict.withheld } };
}

/** Some column. */
export function askAny(analysis: Analysis, action: Action, target: Target): void {
  for (const schema of target.schemas) analysis.asked.relation(action, schema, target.name);
  if (target.system !== undefined && action !== 'select') analysis.asked.admin(`write ${target.system.name}`);
}

export function askColumn(analysis: Analysis, action: Action, target: Target, column: string): void {
  for (const schema of target.schemas) analysis.asked.column(action, { schema, name: target.name }, column);
  const { system } = target;
  if (system === undefined) return;
  if (action !== 'select') analysis.asked.admin(`write ${system.name}`);
  else if (system.withheld?.has(column) === true) {
    analysis.asked.admin(`read ${system.name}.${column}`);
  }
}

export function askAll(analysis: Analysis, action: Action, target: Target): void {
  for (const schema of target.schemas) analysis.asked.allColumns(action, schema, target.name);
  const { system } = target;
  if (system === undefined) return;
  if (action !== 'select') analysis.asked.admin(`write ${system.name}`);
  else if (system.withheld !== null) analysis.asked.admin(`read all columns of ${system.name}`);
}
