import type * as Pg from 'pg-query-18';
import type { Analysis, Outputs } from './analysis.ts';
import { as, kindOf, namesOf, type Node } from './ast.ts';
import { jsonTable, xmlTable } from './documents.ts';
import { askFunction, askOperator, askShadowing, askType } from './names.ts';
import { functionColumns } from './outputs.ts';
import { askAll, askAny, askColumn, resolveRelation, type Target } from './relations.ts';
import { certainNames, knownSource, Level, NO_NAMES, NO_OUTPUTS, type Entry, type Source } from './scope.ts';

/** FROM, item by item from left to right, as PostgreSQL's transformFromClause: later items see earlier ones only by LATERAL. */
export function readFrom(analysis: Analysis, level: Level, items: readonly Node[] | undefined): void {
  if (items === undefined) return;
  for (const item of items) {
    const entries = fromItem(analysis, level, item);
    for (const entry of entries) entry.lateralOnly = true;
    level.entries.push(...entries);
  }
  for (const entry of level.entries) entry.lateralOnly = false;
}

type ItemReader = (analysis: Analysis, level: Level, item: Node) => Entry[];

export const FROM_ITEMS: Readonly<Record<string, ItemReader>> = {
  RangeVar: (analysis, level, item) => one(rangeVar(analysis, level, as('RangeVar', item) ?? {})),
  RangeSubselect: (analysis, level, item) => one(rangeSubselect(analysis, level, as('RangeSubselect', item) ?? {})),
  RangeFunction: (analysis, level, item) => one(rangeFunction(analysis, level, as('RangeFunction', item) ?? {})),
  RangeTableSample: (analysis, level, item) => one(tableSample(analysis, level, as('RangeTableSample', item) ?? {})),
  RangeTableFunc: (analysis, level, item) =>
    one(laterally(level, true, () => xmlTable(analysis, level, as('RangeTableFunc', item) ?? {}))),
  JsonTable: (analysis, level, item) =>
    one(laterally(level, true, () => jsonTable(analysis, level, as('JsonTable', item) ?? {}))),
  JoinExpr: (analysis, level, item) => join(analysis, level, as('JoinExpr', item) ?? {}),
};

/** One item of FROM, not yet part of the level. */
export function fromItem(analysis: Analysis, level: Level, item: Node): Entry[] {
  const kind = kindOf(item) ?? '';
  const read = Object.hasOwn(FROM_ITEMS, kind) ? FROM_ITEMS[kind] : undefined;
  if (read === undefined) {
    analysis.notUnderstood(`${kind} in FROM`);
    return [];
  }
  if (!analysis.enter()) return [];
  const entries = read(analysis, level, item);
  analysis.leave();
  return entries;
}

function one(source: Source): Entry[] {
  return [{ source, lateralOnly: false }];
}

function laterally<T>(level: Level, lateral: boolean, read: () => T): T {
  const before = level.lateral;
  level.lateral = lateral;
  const result = read();
  level.lateral = before;
  return result;
}

function rangeVar(analysis: Analysis, level: Level, range: Pg.RangeVar): Source {
  if (range.schemaname === undefined && range.catalogname === undefined) {
    const cte = level.findCte(range.relname ?? '');
    if (cte !== undefined) {
      return knownSource(range.alias?.aliasname ?? range.relname ?? '', cte.outputs, namesOf(range.alias?.colnames));
    }
  }
  const target = resolveRelation(analysis, range);
  askAny(analysis, 'select', target);
  return relationSource(analysis, range, target);
}

/** A real relation in reach. A column list of its alias hides which columns are read: then all of them are. */
export function relationSource(analysis: Analysis, range: Pg.RangeVar, target: Target): Source {
  const renamed = namesOf(range.alias?.colnames);
  if (renamed.length > 0) askAll(analysis, 'select', target);
  return {
    alias: range.alias?.aliasname ?? target.name,
    ...(range.alias === undefined && { writtenSchema: range.schemaname ?? null }),
    targets: [target],
    locks: [target],
    certain: certainNames(renamed),
    names: null,
  };
}

function rangeSubselect(analysis: Analysis, level: Level, item: Pg.RangeSubselect): Source {
  const locks: Target[] = [];
  const outputs = laterally(level, item.lateral === true, () => {
    return analysis.walk.query(analysis, level, item.subquery, locks);
  });
  return knownSource(item.alias?.aliasname ?? null, outputs, namesOf(item.alias?.colnames), locks);
}

function rangeFunction(analysis: Analysis, level: Level, item: Pg.RangeFunction): Source {
  const calls: Node[] = [];
  const defined: string[] = [];
  laterally(level, true, () => {
    for (const entry of item.functions ?? []) {
      const [call, definitions] = as('List', entry)?.items ?? [];
      if (call !== undefined) calls.push(call);
      analysis.expression(level, call);
      defined.push(...columnDefinitions(analysis, as('List', definitions)?.items));
    }
    defined.push(...columnDefinitions(analysis, item.coldeflist));
  });
  const renamed = namesOf(item.alias?.colnames);
  const alias = item.alias?.aliasname ?? lastName(calls[0]);
  const own: Outputs =
    defined.length > 0 && calls.length === 1
      ? { names: defined, open: item.ordinality === true }
      : functionColumns(analysis, calls, alias);
  return knownSource(alias, own, renamed);
}

/** What a function without an alias is called. */
function lastName(call: Node | undefined): string | null {
  return namesOf(as('FuncCall', call)?.funcname).at(-1) ?? null;
}

function columnDefinitions(analysis: Analysis, definitions: readonly Node[] | undefined): string[] {
  const names: string[] = [];
  for (const definition of definitions ?? []) {
    const column = as('ColumnDef', definition);
    if (column === undefined) analysis.notUnderstood('this column definition');
    askType(analysis, column?.typeName);
    names.push(column?.colname ?? '');
  }
  return names;
}

/** pg_catalog has these two methods; another is a function with a name of its own. */
const SAMPLE_METHODS: ReadonlySet<string> = new Set(['bernoulli', 'system']);

function tableSample(analysis: Analysis, level: Level, item: Pg.RangeTableSample): Source {
  const method = namesOf(item.method);
  const known = SAMPLE_METHODS.has(method.at(-1) ?? '');
  if (!known || (method.length > 1 && method[0] !== 'pg_catalog')) askFunction(analysis, method);
  else if (method.length === 1) askShadowing(analysis, method[0] ?? '');
  analysis.expressions(level, item.args);
  analysis.expression(level, item.repeatable);
  return rangeVar(analysis, level, as('RangeVar', item.relation) ?? {});
}

function join(analysis: Analysis, level: Level, item: Pg.JoinExpr): Entry[] {
  const left = item.larg === undefined ? [] : fromItem(analysis, level, item.larg);
  for (const entry of left) entry.lateralOnly = true;
  const before = level.entries;
  level.entries = [...before, ...left];
  const right = item.rarg === undefined ? [] : fromItem(analysis, level, item.rarg);
  const both = [...left, ...right];
  for (const entry of both) entry.lateralOnly = false;
  if (item.isNatural === true || item.usingClause !== undefined) {
    level.merges = true;
    mergeColumns(analysis, both, item);
  }
  // ON sees the two sides and what is outside the query, nothing else of this FROM.
  level.entries = both;
  analysis.expression(level, item.quals);
  level.entries = before;
  return joinEntries(analysis, both, item);
}

/** USING and NATURAL compare columns of both sides with `=`. */
function mergeColumns(analysis: Analysis, both: readonly Entry[], item: Pg.JoinExpr): void {
  askOperator(analysis, ['=']);
  for (const target of both.flatMap((entry) => (entry.source.onlyByAlias === true ? [] : entry.source.targets))) {
    if (item.isNatural === true) askAll(analysis, 'select', target);
    else for (const column of namesOf(item.usingClause)) askColumn(analysis, 'select', target, column);
  }
}

function joinEntries(analysis: Analysis, both: Entry[], item: Pg.JoinExpr): Entry[] {
  const merged = item.join_using_alias?.aliasname;
  const using = merged === undefined ? [] : one(usingSource(merged, namesOf(item.usingClause)));
  const alias = item.alias?.aliasname;
  if (alias === undefined) return [...both, ...using];
  const inner = both.filter((entry) => entry.source.onlyByAlias !== true).map((entry) => entry.source);
  const renamed = namesOf(item.alias?.colnames);
  const targets = inner.flatMap((source) => source.targets);
  if (renamed.length > 0) for (const target of targets) askAll(analysis, 'select', target);
  const certain = renamed.length > 0 ? certainNames(renamed) : NO_NAMES;
  const locks = inner.flatMap((source) => source.locks);
  const joined: Source = { alias, targets, locks, hidden: inner, certain, names: null };
  return [...one(joined), ...using];
}

/** The alias of USING shows the merged columns only; both sides' were asked for. */
function usingSource(alias: string, columns: readonly string[]): Source {
  return { ...knownSource(alias, NO_OUTPUTS, []), certain: certainNames(columns), onlyByAlias: true };
}
