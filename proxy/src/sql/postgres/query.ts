import type * as Pg from 'pg-query-18';
import type { Analysis, Outputs } from './analysis.ts';
import { as, kindOf, namesOf, type Node } from './ast.ts';
import { readFrom } from './from.ts';
import { deleteRows, insertRows, mergeRows, updateRows } from './modify.ts';
import { askOperator, askUnnamedCasts } from './names.ts';
import { outputsOf } from './outputs.ts';
import { askAny, type Target } from './relations.ts';
import { certainNames, knownSource, Level, NO_OUTPUTS, type Source } from './scope.ts';

type QueryReader = (analysis: Analysis, level: Level, node: Node, locks: Target[]) => Outputs;

export const QUERIES: Readonly<Record<string, QueryReader>> = {
  SelectStmt: (analysis, level, node, locks) => select(analysis, level, as('SelectStmt', node) ?? {}, locks),
  InsertStmt: (analysis, level, node) => insertRows(analysis, level, as('InsertStmt', node) ?? {}),
  UpdateStmt: (analysis, level, node) => updateRows(analysis, level, as('UpdateStmt', node) ?? {}),
  DeleteStmt: (analysis, level, node) => deleteRows(analysis, level, as('DeleteStmt', node) ?? {}),
  MergeStmt: (analysis, level, node) => mergeRows(analysis, level, as('MergeStmt', node) ?? {}),
};

/**
 * A query at a level of its own below `parent`. `locks` collects the relations of its FROM, which FOR UPDATE on the
 * query locks too.
 */
export function readQuery(
  analysis: Analysis,
  parent: Level | null,
  node: Node | undefined,
  locks: Target[] = [],
): Outputs {
  const kind = kindOf(node) ?? '';
  const read = Object.hasOwn(QUERIES, kind) ? QUERIES[kind] : undefined;
  if (read === undefined || node === undefined) {
    analysis.notUnderstood(`${kind} as a query`);
    return NO_OUTPUTS;
  }
  if (!analysis.enter()) return NO_OUTPUTS;
  if (parent === null) askUnnamedCasts(analysis);
  const level = new Level(parent);
  readWith(analysis, level, (Object.values(node)[0] as { readonly withClause?: Pg.WithClause }).withClause);
  if (kind !== 'SelectStmt') analysis.writes = true;
  const outputs = read(analysis, level, node, locks);
  analysis.leave();
  return outputs;
}

/** WITH: each query sees those before it, or all of them when RECURSIVE. */
function readWith(analysis: Analysis, level: Level, clause: Pg.WithClause | undefined): void {
  if (clause === undefined) return;
  const ctes = (clause.ctes ?? []).map((node) => as('CommonTableExpr', node) ?? {});
  if (clause.recursive === true) for (const cte of ctes) level.addCte(cte.ctename ?? '', declaredOutputs(cte));
  for (const cte of ctes) {
    const outputs = analysis.walk.query(analysis, level, cte.ctequery);
    const own = renamed(outputs, namesOf(cte.aliascolnames));
    readSearchAndCycle(analysis, level, cte);
    level.addCte(cte.ctename ?? '', withExtraColumns(own, cte));
  }
}

/** What a recursive query sees of itself: its column list, or nothing certain. */
function declaredOutputs(cte: Pg.CommonTableExpr): Outputs {
  return { names: namesOf(cte.aliascolnames), open: true };
}

function renamed(outputs: Outputs, names: readonly string[]): Outputs {
  const source = knownSource(null, outputs, names);
  return source.names === null ? { names: [...source.certain], open: true } : { names: source.names, open: false };
}

function readSearchAndCycle(analysis: Analysis, level: Level, cte: Pg.CommonTableExpr): void {
  // Column names of the query itself; the marks are constants. The comparison is by the type's default operator.
  analysis.expression(level, cte.cycle_clause?.cycle_mark_value);
  analysis.expression(level, cte.cycle_clause?.cycle_mark_default);
}

function withExtraColumns(outputs: Outputs, cte: Pg.CommonTableExpr): Outputs {
  const { search_clause: search, cycle_clause: cycle } = cte;
  if (search === undefined && cycle === undefined) return outputs;
  const extra = [search?.search_seq_column, cycle?.cycle_mark_column, cycle?.cycle_path_column];
  return { names: [...outputs.names, ...extra.filter((name) => name !== undefined)], open: true };
}

function select(analysis: Analysis, level: Level, query: Pg.SelectStmt, locks: Target[]): Outputs {
  if (query.intoClause !== undefined) {
    analysis.asked.admin('SELECT INTO');
    analysis.writes = true;
    analysis.pathUnknown();
  }
  if (query.op !== undefined && query.op !== 'SETOP_NONE') return setOperation(analysis, level, query);
  if (query.valuesLists !== undefined) return values(analysis, level, query);
  readFrom(analysis, level, query.fromClause);
  for (const { source } of level.entries) locks.push(...source.locks);
  const outputs = outputsOf(level, query.targetList);
  analysis.expressions(level, query.targetList);
  analysis.expression(level, query.whereClause);
  groupBy(analysis, level, query.groupClause);
  analysis.expression(level, query.havingClause);
  analysis.expressions(level, query.windowClause);
  byOutputName(analysis, level, query.distinctClause, outputs);
  orderAndLimit(analysis, level, query, outputs);
  lockRows(analysis, level, query.lockingClause);
  return outputs;
}

function orderAndLimit(analysis: Analysis, level: Level, query: Pg.SelectStmt, outputs: Outputs): void {
  orderBy(analysis, level, query.sortClause, outputs);
  limitTo(analysis, level, query);
}

function orderBy(analysis: Analysis, level: Level, clause: readonly Node[] | undefined, outputs: Outputs): void {
  for (const node of clause ?? []) {
    const sort = as('SortBy', node);
    if (sort === undefined) analysis.notUnderstood('this ORDER BY');
    if (sort?.useOp !== undefined) askOperator(analysis, namesOf(sort.useOp));
    if (sort?.node !== undefined) byOutputName(analysis, level, [sort.node], outputs);
  }
}

function limitTo(analysis: Analysis, level: Level, query: Pg.SelectStmt): void {
  analysis.expression(level, query.limitOffset);
  analysis.expression(level, query.limitCount);
}

/** ORDER BY and DISTINCT ON take a bare name as an output column first. Source: findTargetlistEntrySQL92. */
function byOutputName(analysis: Analysis, level: Level, nodes: readonly Node[] | undefined, outputs: Outputs): void {
  for (const node of nodes ?? []) {
    const fields = as('ColumnRef', node)?.fields;
    const name = fields?.length === 1 ? namesOf(fields)[0] : undefined;
    if (name === undefined || !outputs.names.includes(name)) analysis.expression(level, node);
  }
}

/** GROUP BY takes a bare name as an input column first, so it is judged as one. */
function groupBy(analysis: Analysis, level: Level, nodes: readonly Node[] | undefined): void {
  for (const node of nodes ?? []) {
    const set = as('GroupingSet', node);
    if (set === undefined) analysis.expression(level, node);
    else groupBy(analysis, level, set.content);
  }
}

function values(analysis: Analysis, level: Level, query: Pg.SelectStmt): Outputs {
  let width = 0;
  for (const row of query.valuesLists ?? []) {
    const items = as('List', row)?.items ?? [];
    width = Math.max(width, items.length);
    analysis.expressions(level, items);
  }
  const outputs = { names: Array.from({ length: width }, (_, index) => `column${index + 1}`), open: false };
  level.add(outputSource(outputs));
  orderAndLimit(analysis, level, query, outputs);
  lockRows(analysis, level, query.lockingClause);
  return outputs;
}

/**
 * The sides are queries below this level; ORDER BY sees what they put out, and LIMIT nothing of this level.
 * Source: transformSetOperationStmt.
 */
function setOperation(analysis: Analysis, level: Level, query: Pg.SelectStmt): Outputs {
  const left = side(analysis, level, query.larg);
  side(analysis, level, query.rarg);
  level.add(outputSource(left));
  orderBy(analysis, level, query.sortClause, left);
  level.entries = [];
  limitTo(analysis, level, query);
  lockRows(analysis, level, query.lockingClause);
  return left;
}

function side(analysis: Analysis, level: Level, query: Pg.SelectStmt | undefined): Outputs {
  return analysis.walk.query(analysis, level, query && { SelectStmt: query });
}

function outputSource(outputs: Outputs): Source {
  return { alias: null, targets: [], locks: [], certain: certainNames(outputs.names), names: null };
}

/** FOR UPDATE, SHARE and their kin need update on what they lock. */
function lockRows(analysis: Analysis, level: Level, clauses: readonly Node[] | undefined): void {
  for (const node of clauses ?? []) {
    const clause = as('LockingClause', node);
    if (clause === undefined) analysis.notUnderstood('this locking clause');
    const named = clause?.lockedRels?.map((range) => as('RangeVar', range)?.relname);
    for (const { source } of level.entries) {
      for (const target of lockedBy(source, named)) askAny(analysis, 'update', target);
    }
  }
}

/** A join's alias hides its parts from all names but those of OF. Source: transformLockingClause, which takes any item. */
function lockedBy(source: Source, named: readonly (string | undefined)[] | undefined): readonly Target[] {
  if (named === undefined || named.includes(source.alias ?? '')) return source.locks;
  return (source.hidden ?? []).flatMap((part) => lockedBy(part, named));
}
