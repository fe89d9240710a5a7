import type * as Pg from 'pg-query-18';
import type { Analysis } from './analysis.ts';
import { as, type Node, type Nodes } from './ast.ts';
import { askType } from './names.ts';
import { certainNames, type Level, type Source } from './scope.ts';

/** JSON and XML constructs of the grammar. What they call is fixed inside the server; only what is written in them is judged. */

type Handler<K extends keyof Nodes> = (analysis: Analysis, level: Level, node: Nodes[K]) => void;
type Handlers = { readonly [K in keyof Nodes]?: Handler<K> };

export const DOCUMENT_EXPRESSIONS = {
  XmlExpr: (analysis, level, node) => {
    analysis.expressions(level, node.named_args);
    analysis.expressions(level, node.args);
  },
  XmlSerialize: (analysis, level, node) => {
    analysis.expression(level, node.expr);
    askType(analysis, node.typeName);
  },
  JsonIsPredicate: (analysis, level, node) => analysis.expression(level, node.expr),
  JsonValueExpr: (analysis, level, node) => jsonValue(analysis, level, node),
  JsonKeyValue: (analysis, level, node) => keyValue(analysis, level, node),
  JsonFuncExpr: (analysis, level, node) => {
    jsonValue(analysis, level, node.context_item);
    analysis.expression(level, node.pathspec);
    passing(analysis, level, node.passing);
    askType(analysis, node.output?.typeName);
    analysis.expression(level, node.on_empty?.expr);
    analysis.expression(level, node.on_error?.expr);
  },
  JsonParseExpr: (analysis, level, node) => {
    jsonValue(analysis, level, node.expr);
    askType(analysis, node.output?.typeName);
  },
  JsonScalarExpr: (analysis, level, node) => {
    analysis.expression(level, node.expr);
    askType(analysis, node.output?.typeName);
  },
  JsonSerializeExpr: (analysis, level, node) => {
    jsonValue(analysis, level, node.expr);
    askType(analysis, node.output?.typeName);
  },
  JsonObjectConstructor: (analysis, level, node) => {
    analysis.expressions(level, node.exprs);
    askType(analysis, node.output?.typeName);
  },
  JsonArrayConstructor: (analysis, level, node) => {
    analysis.expressions(level, node.exprs);
    askType(analysis, node.output?.typeName);
  },
  JsonArrayQueryConstructor: (analysis, level, node) => {
    analysis.walk.query(analysis, level, node.query);
    askType(analysis, node.output?.typeName);
  },
  JsonObjectAgg: (analysis, level, node) => {
    aggregate(analysis, level, node.constructor);
    keyValue(analysis, level, node.arg);
  },
  JsonArrayAgg: (analysis, level, node) => {
    aggregate(analysis, level, node.constructor);
    jsonValue(analysis, level, node.arg);
  },
} satisfies Handlers;

function jsonValue(analysis: Analysis, level: Level, value: Pg.JsonValueExpr | undefined): void {
  analysis.expression(level, value?.raw_expr);
  analysis.expression(level, value?.formatted_expr);
}

function keyValue(analysis: Analysis, level: Level, pair: Pg.JsonKeyValue | undefined): void {
  analysis.expression(level, pair?.key);
  jsonValue(analysis, level, pair?.value);
}

function passing(analysis: Analysis, level: Level, list: readonly Node[] | undefined): void {
  for (const node of list ?? []) {
    const argument = as('JsonArgument', node);
    if (argument === undefined) analysis.notUnderstood('this PASSING argument');
    jsonValue(analysis, level, argument?.val);
  }
}

/** `constructor` is an object's own function where the parser wrote no such field. */
function aggregate(analysis: Analysis, level: Level, aggregated: Pg.JsonAggConstructor | undefined): void {
  if (typeof aggregated !== 'object') return;
  askType(analysis, aggregated.output?.typeName);
  analysis.expression(level, aggregated.agg_filter);
  analysis.expressions(level, aggregated.agg_order);
  if (aggregated.over !== undefined) analysis.expression(level, { WindowDef: aggregated.over });
}

export function jsonTable(analysis: Analysis, level: Level, item: Pg.JsonTable): Source {
  jsonValue(analysis, level, item.context_item);
  analysis.expression(level, item.pathspec?.string);
  passing(analysis, level, item.passing);
  analysis.expression(level, item.on_error?.expr);
  const names: string[] = [];
  jsonColumns(analysis, level, item.columns, names);
  return tableSource(item.alias, names);
}

function jsonColumns(analysis: Analysis, level: Level, columns: readonly Node[] | undefined, names: string[]): void {
  if (!analysis.enter()) return;
  for (const node of columns ?? []) {
    const column = as('JsonTableColumn', node);
    if (column === undefined) analysis.notUnderstood('this JSON_TABLE column');
    else jsonColumn(analysis, level, column, names);
  }
  analysis.leave();
}

function jsonColumn(analysis: Analysis, level: Level, column: Pg.JsonTableColumn, names: string[]): void {
  if (column.name !== undefined) names.push(column.name);
  askType(analysis, column.typeName);
  analysis.expression(level, column.pathspec?.string);
  analysis.expression(level, column.on_empty?.expr);
  analysis.expression(level, column.on_error?.expr);
  jsonColumns(analysis, level, column.columns, names);
}

export function xmlTable(analysis: Analysis, level: Level, item: Pg.RangeTableFunc): Source {
  analysis.expression(level, item.docexpr);
  analysis.expression(level, item.rowexpr);
  analysis.expressions(level, item.namespaces);
  const names: string[] = [];
  for (const node of item.columns ?? []) {
    const column = as('RangeTableFuncCol', node);
    if (column === undefined) analysis.notUnderstood('this XMLTABLE column');
    if (column?.colname !== undefined) names.push(column.colname);
    askType(analysis, column?.typeName);
    analysis.expression(level, column?.colexpr);
    analysis.expression(level, column?.coldefexpr);
  }
  return tableSource(item.alias, names);
}

/** A column list of the alias renames columns; then only its names are certain. */
function tableSource(alias: Pg.Alias | undefined, names: readonly string[]): Source {
  const renamed = (alias?.colnames ?? []).map((node) => as('String', node)?.sval ?? '');
  const certain = certainNames(renamed.length > 0 ? renamed : names);
  return { alias: alias?.aliasname ?? null, targets: [], locks: [], certain, names: null };
}
