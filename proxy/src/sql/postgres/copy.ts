import type * as Pg from 'pg-query-18';
import type { Analysis } from './analysis.ts';
import { as, type Node } from './ast.ts';
import { askColumnNames, writeTarget } from './modify.ts';
import { relationSource } from './from.ts';
import { askUnnamedCasts } from './names.ts';
import { resolveRelation } from './relations.ts';
import { Level } from './scope.ts';
import type { Draft } from './statements.ts';

const OPTIONS: ReadonlySet<string> = new Set([
  ...['format', 'freeze', 'delimiter', 'null', 'default', 'header', 'quote', 'escape', 'force_quote'],
  ...['force_not_null', 'force_null', 'encoding', 'on_error', 'log_verbosity', 'reject_limit'],
]);

export function copy(analysis: Analysis, statement: Pg.CopyStmt): Draft {
  for (const option of statement.options ?? []) {
    if (!OPTIONS.has(as('DefElem', option)?.defname ?? '')) analysis.notUnderstood('this option of COPY');
  }
  const from = statement.is_from === true;
  if (statement.query !== undefined) analysis.walk.query(analysis, null, statement.query);
  else copyRelation(analysis, statement, from);
  if (statement.is_program === true) analysis.asked.admin('COPY with a program');
  else if (statement.filename !== undefined) analysis.asked.admin("COPY with a file of the server's");
  if (statement.filename !== undefined) return { tag: 'COPY' };
  return { tag: 'COPY', copy: from ? 'from-stdin' : 'to-stdout' };
}

function copyRelation(analysis: Analysis, statement: Pg.CopyStmt, from: boolean): void {
  const range = statement.relation ?? {};
  const target = from ? writeTarget(analysis, range) : resolveRelation(analysis, range);
  askColumnNames(analysis, from ? 'insert' : 'select', target, statement.attlist);
  if (statement.whereClause === undefined) return;
  askUnnamedCasts(analysis);
  const level = new Level(null);
  level.add(relationSource(analysis, range, target));
  analysis.expression(level, statement.whereClause);
}

const EXPLAIN_OPTIONS: ReadonlySet<string> = new Set([
  ...['analyze', 'verbose', 'costs', 'settings', 'generic_plan', 'buffers', 'serialize', 'wal', 'timing'],
  ...['summary', 'memory', 'format'],
]);

export function checkExplainOptions(analysis: Analysis, options: readonly Node[] | undefined): void {
  for (const option of options ?? []) {
    if (!EXPLAIN_OPTIONS.has(as('DefElem', option)?.defname ?? '')) analysis.notUnderstood('this option of EXPLAIN');
  }
}
