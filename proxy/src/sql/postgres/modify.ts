import type * as Pg from 'pg-query-18';
import type { Analysis, Outputs } from './analysis.ts';
import { as, namesOf, type Delete, type Insert, type Merge, type MergeWhen, type Node, type Update } from './ast.ts';
import { askUnqualified } from './columns.ts';
import { indirection } from './expression.ts';
import { fromItem, readFrom, relationSource } from './from.ts';
import { outputsOf } from './outputs.ts';
import { askAll, askAny, askColumn, resolveRelation, type Target } from './relations.ts';
import { NO_NAMES, type Entry, type Level, type Source } from './scope.ts';

/** What a statement writes to is never a CTE. */
export function writeTarget(analysis: Analysis, range: Pg.RangeVar | undefined): Target {
  const target = resolveRelation(analysis, range ?? {});
  if (target.name === 'pg_settings' && (range?.schemaname ?? 'pg_catalog') === 'pg_catalog') {
    analysis.asked.refuse('setting', 'settings can not be changed through pg_settings', 'use SET');
  }
  return target;
}

export function insertRows(analysis: Analysis, level: Level, insert: Insert): Outputs {
  const range = insert.relation ?? {};
  const target = writeTarget(analysis, range);
  if (insert.cols !== undefined) assigned(analysis, level, 'insert', target, insert.cols);
  else if (insert.selectStmt === undefined) askAny(analysis, 'insert', target);
  else askAll(analysis, 'insert', target);
  if (insert.selectStmt !== undefined) analysis.walk.query(analysis, level, insert.selectStmt);
  const source = relationSource(analysis, range, target);
  level.add(source);
  if (insert.onConflictClause !== undefined) onConflict(analysis, level, insert.onConflictClause, target);
  return returning(analysis, level, insert, target);
}

/** The columns that are written, with subscripts and fields of what is written into; values are read by the caller or here. */
function assigned(
  analysis: Analysis,
  level: Level,
  action: 'insert' | 'update',
  target: Target,
  columns: readonly Node[] | undefined,
): void {
  for (const node of columns ?? []) {
    const column = as('ResTarget', node);
    if (column?.name === undefined) {
      analysis.notUnderstood('this assignment');
      continue;
    }
    askColumn(analysis, action, target, column.name);
    assignmentSteps(analysis, level, column.indirection);
    analysis.expression(level, column.val);
  }
}

/** Fields that are assigned to are fields: no function can stand there. */
function assignmentSteps(analysis: Analysis, level: Level, steps: readonly Node[] | undefined): void {
  for (const step of steps ?? []) if (as('String', step) === undefined) indirection(analysis, level, [step]);
}

function onConflict(analysis: Analysis, level: Level, clause: Pg.OnConflictClause, target: Target): void {
  arbiter(analysis, level, clause.infer, target);
  if (clause.action !== 'ONCONFLICT_UPDATE') return;
  const before = level.entries;
  level.entries = [...before];
  level.add({ ...plainSource(target, 'excluded'), onlyByAlias: true });
  assigned(analysis, level, 'update', target, clause.targetList);
  analysis.expression(level, clause.whereClause);
  level.entries = before;
}

/** What conflicts are looked for by. A constraint's columns aren't known here, so all are asked for. */
function arbiter(analysis: Analysis, level: Level, infer: Pg.InferClause | undefined, target: Target): void {
  if (infer === undefined) return;
  if (infer.conname !== undefined) askAll(analysis, 'select', target);
  for (const node of infer.indexElems ?? []) {
    const element = as('IndexElem', node);
    if (element === undefined) analysis.notUnderstood('this conflict target');
    if (element?.name !== undefined) askUnqualified(analysis, level, element.name);
    analysis.expression(level, element?.expr);
  }
  analysis.expression(level, infer.whereClause);
}

function plainSource(target: Target, alias: string): Source {
  return { alias, targets: [target], locks: [], certain: NO_NAMES, names: null };
}

interface WithReturning {
  readonly returningList?: Node[];
  readonly returningClause?: Pg.ReturningClause;
}

/** RETURNING reads; on 18 also by OLD and NEW, under names of one's own choice. */
function returning(analysis: Analysis, level: Level, statement: WithReturning, target: Target): Outputs {
  const list = statement.returningList ?? statement.returningClause?.exprs;
  const renamed = (statement.returningClause?.options ?? []).map((node) => as('ReturningOption', node)?.value ?? '');
  if (statement.returningClause !== undefined) {
    for (const alias of ['old', 'new', ...renamed]) {
      level.add({ ...plainSource(target, alias), onlyByAlias: true });
    }
  }
  const outputs = outputsOf(level, list);
  analysis.expressions(level, list);
  return outputs;
}

/** The target, which FROM and USING can not see. */
function addTarget(analysis: Analysis, level: Level, range: Pg.RangeVar, target: Target): void {
  level.add(relationSource(analysis, range, target));
  for (const entry of level.entries) entry.lateralOnly = true;
}

export function updateRows(analysis: Analysis, level: Level, update: Update): Outputs {
  const range = update.relation ?? {};
  const target = writeTarget(analysis, range);
  addTarget(analysis, level, range, target);
  readFrom(analysis, level, update.fromClause);
  for (const entry of level.entries) entry.lateralOnly = false;
  assigned(analysis, level, 'update', target, update.targetList);
  analysis.expression(level, update.whereClause);
  return returning(analysis, level, update, target);
}

export function deleteRows(analysis: Analysis, level: Level, statement: Delete): Outputs {
  const range = statement.relation ?? {};
  const target = writeTarget(analysis, range);
  askAll(analysis, 'delete', target);
  addTarget(analysis, level, range, target);
  readFrom(analysis, level, statement.usingClause);
  for (const entry of level.entries) entry.lateralOnly = false;
  analysis.expression(level, statement.whereClause);
  return returning(analysis, level, statement, target);
}

export function mergeRows(analysis: Analysis, level: Level, merge: Merge): Outputs {
  const range = merge.relation ?? {};
  const target = writeTarget(analysis, range);
  // The data source is read before the target is in sight.
  level.entries.push(...mergeSource(analysis, level, merge.sourceRelation));
  level.add(relationSource(analysis, range, target));
  analysis.expression(level, merge.joinCondition);
  for (const node of merge.mergeWhenClauses ?? []) {
    const clause: MergeWhen | undefined = as('MergeWhenClause', node);
    if (clause === undefined) analysis.notUnderstood('this WHEN clause');
    else mergeAction(analysis, level, clause, target);
  }
  return returning(analysis, level, merge, target);
}

/**
 * A join without an alias can be named in WHEN clauses: the server calls it this way, and makes it visible by that name
 * together with its columns. Source: setNamespaceForMergeWhen and addRangeTableEntryForJoin.
 */
const UNNAMED_JOIN = 'unnamed_join';

function mergeSource(analysis: Analysis, level: Level, item: Node | undefined): Entry[] {
  if (item === undefined) return [];
  const entries = fromItem(analysis, level, item);
  const join = as('JoinExpr', item);
  if (join === undefined || join.alias !== undefined) return entries;
  const targets = entries.flatMap(({ source }) => source.targets);
  const source = { alias: UNNAMED_JOIN, targets, locks: [], certain: NO_NAMES, names: null, onlyByAlias: true };
  return [...entries, { source, lateralOnly: false }];
}

function mergeAction(analysis: Analysis, level: Level, clause: MergeWhen, target: Target): void {
  const before = level.entries;
  if (withoutTarget(clause)) level.entries = before.filter((entry) => !entry.source.targets.includes(target));
  else if (withoutSource(clause)) level.entries = onlyByName(before, target);
  mergeWhen(analysis, level, clause, target);
  level.entries = before;
}

/** WHEN NOT MATCHED [BY TARGET] has no row of the target to read. */
function withoutTarget(clause: MergeWhen): boolean {
  if (clause.commandType === 'CMD_INSERT') return true;
  return clause.matchKind === undefined
    ? clause.matched !== true
    : clause.matchKind === 'MERGE_WHEN_NOT_MATCHED_BY_TARGET';
}

/**
 * The source hides its columns; but what an unaliased join is made of can still be named, as the server hides the join
 * itself only. A relation that stands alone is hidden altogether, yet no harm is done by looking at it too.
 */
function onlyByName(entries: readonly Entry[], target: Target): Entry[] {
  return entries.map((entry) =>
    entry.source.targets.includes(target) ? entry : { ...entry, source: { ...entry.source, onlyByAlias: true } },
  );
}

/** WHEN NOT MATCHED BY SOURCE has no row of the source to read. Source: setNamespaceForMergeWhen. */
const withoutSource = (clause: MergeWhen): boolean => clause.matchKind === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE';

function mergeWhen(analysis: Analysis, level: Level, clause: MergeWhen, target: Target): void {
  analysis.expression(level, clause.condition);
  switch (clause.commandType) {
    case 'CMD_UPDATE':
      assigned(analysis, level, 'update', target, clause.targetList);
      break;
    case 'CMD_DELETE':
      askAll(analysis, 'delete', target);
      break;
    case 'CMD_INSERT':
      if (clause.targetList !== undefined) assigned(analysis, level, 'insert', target, clause.targetList);
      else if (clause.values === undefined) askAny(analysis, 'insert', target);
      else askAll(analysis, 'insert', target);
      analysis.expressions(level, clause.values);
      break;
    case 'CMD_NOTHING':
      askAny(analysis, 'select', target);
      break;
    default:
      analysis.notUnderstood('this WHEN clause');
  }
}

/** Columns of COPY and the like, by name. */
export function askColumnNames(
  analysis: Analysis,
  action: 'select' | 'insert',
  target: Target,
  list: readonly Node[] | undefined,
): void {
  if (list === undefined) askAll(analysis, action, target);
  else for (const name of namesOf(list)) askColumn(analysis, action, target, name);
}
