import type * as Pg from 'pg-query-18';
import type { Analysis } from './analysis.ts';
import { administrationOf } from './administration.ts';
import { kindOf, as, type Node, type Nodes } from './ast.ts';
import { checkExplainOptions, copy } from './copy.ts';
import { askType, askUnnamedCasts } from './names.ts';
import { QUERIES } from './query.ts';
import { askAll } from './relations.ts';
import { Level } from './scope.ts';
import { setVariable, showVariable } from './variables.ts';
import { writeTarget } from './modify.ts';
import type { InspectedStatement } from '../inspection.ts';

/** What a kind of statement says besides what it asks for. */
export interface Draft {
  readonly tag: string;
  readonly judgedAt?: 'bind';
  readonly copy?: 'from-stdin' | 'to-stdout';
  /** It runs a prepared statement of this name. */
  readonly executes?: string;
  /** It reads a cursor of this name. */
  readonly fetches?: string;
}

/** Analyses a statement inside another (PREPARE). */
export type Nested = (node: Node | undefined) => InspectedStatement;

type Reader<K extends keyof Nodes> = (analysis: Analysis, statement: Nodes[K], nested: Nested) => Draft;
type Readers = { readonly [K in keyof Nodes]?: Reader<K> };

const QUERY_TAGS: Readonly<Record<string, string>> = {
  SelectStmt: 'SELECT',
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
};

const TRANSACTION_TAGS: Readonly<Record<Pg.TransactionStmtKind, string>> = {
  TRANS_STMT_BEGIN: 'BEGIN',
  TRANS_STMT_START: 'START TRANSACTION',
  TRANS_STMT_COMMIT: 'COMMIT',
  TRANS_STMT_ROLLBACK: 'ROLLBACK',
  TRANS_STMT_SAVEPOINT: 'SAVEPOINT',
  TRANS_STMT_RELEASE: 'RELEASE',
  TRANS_STMT_ROLLBACK_TO: 'ROLLBACK TO SAVEPOINT',
  TRANS_STMT_PREPARE: 'PREPARE TRANSACTION',
  TRANS_STMT_COMMIT_PREPARED: 'COMMIT PREPARED',
  TRANS_STMT_ROLLBACK_PREPARED: 'ROLLBACK PREPARED',
};

/** Statements that are neither queries nor administration. */
export const STATEMENTS = {
  TransactionStmt: (analysis, { kind }) => {
    const tag = kind === undefined ? undefined : TRANSACTION_TAGS[kind];
    if (tag === undefined) analysis.notUnderstood('this transaction command');
    if (tag?.endsWith('PREPARED') === true || tag === 'PREPARE TRANSACTION') analysis.asked.admin(tag);
    return { tag: tag ?? 'BEGIN' };
  },
  VariableSetStmt: (analysis, statement) => {
    setVariable(analysis, statement);
    return { tag: statement.kind === 'VAR_RESET' || statement.kind === 'VAR_RESET_ALL' ? 'RESET' : 'SET' };
  },
  VariableShowStmt: (analysis, statement) => {
    showVariable(analysis, statement.name ?? '');
    return { tag: 'SHOW' };
  },
  /** Constraints of the session's own transaction; naming one tells only whether it exists. */
  ConstraintsSetStmt: () => ({ tag: 'SET CONSTRAINTS' }),
  UnlistenStmt: () => ({ tag: 'UNLISTEN' }),
  DiscardStmt: (analysis, { target }) => {
    if (target === 'DISCARD_ALL') analysis.effects.push({ kind: 'discard-all' });
    return { tag: 'DISCARD' };
  },
  PrepareStmt: prepare,
  ExecuteStmt: (analysis, statement) => {
    if (statement.params !== undefined) askUnnamedCasts(analysis);
    analysis.expressions(new Level(null), statement.params);
    return { tag: 'EXECUTE', executes: statement.name ?? '' };
  },
  DeallocateStmt: (analysis, { name, isall }) => {
    analysis.effects.push({ kind: 'deallocate', name: isall === true ? null : (name ?? null) });
    return { tag: 'DEALLOCATE' };
  },
  DeclareCursorStmt: (analysis, statement) => {
    analysis.walk.query(analysis, null, statement.query);
    analysis.effects.push({ kind: 'declare-cursor', name: statement.portalname ?? '' });
    return { tag: 'DECLARE CURSOR' };
  },
  FetchStmt: (_analysis, statement) => ({
    tag: statement.ismove === true ? 'MOVE' : 'FETCH',
    fetches: statement.portalname ?? '',
  }),
  ClosePortalStmt: (analysis, { portalname }) => {
    analysis.effects.push({ kind: 'close-cursor', name: portalname ?? null });
    return { tag: 'CLOSE CURSOR' };
  },
  CopyStmt: copy,
  TruncateStmt: truncate,
  ExplainStmt: explain,
  CreateTableAsStmt: createTableAs,
  CallStmt: call,
} satisfies Readers;

type AnyReader = (analysis: Analysis, statement: unknown, nested: Nested) => Draft;
const BY_KIND = new Map<string, AnyReader>(Object.entries(STATEMENTS) as [string, AnyReader][]);

export function readStatement(analysis: Analysis, node: Node | undefined, nested: Nested): Draft {
  const kind = kindOf(node) ?? '';
  if (node !== undefined && Object.hasOwn(QUERIES, kind)) {
    analysis.walk.query(analysis, null, node);
    const tag = QUERY_TAGS[kind] ?? 'SELECT';
    return tag === 'SELECT' && !analysis.writes ? { tag, judgedAt: 'bind' } : { tag };
  }
  analysis.constantsMatter = true;
  const read = BY_KIND.get(kind);
  if (read !== undefined) return read(analysis, node?.[kind as keyof Node], nested);
  const administration = node === undefined ? undefined : administrationOf(kind, node);
  if (administration === undefined) {
    analysis.notUnderstood('this statement');
    return { tag: 'UNKNOWN' };
  }
  analysis.asked.admin(administration.tag);
  if (administration.runsCode) analysis.pathUnknown();
  return { tag: administration.tag };
}

/** What can't be understood is refused here; all else when it is executed, types of parameters included. */
function prepare(analysis: Analysis, statement: Pg.PrepareStmt, nested: Nested): Draft {
  const inner = nested({ PrepareStmt: statement });
  if (inner.ask.kind === 'refused') analysis.asked.refuse(inner.ask.reason, inner.ask.message, inner.ask.hint);
  analysis.effects.push({ kind: 'prepare', name: statement.name ?? '', inner });
  return { tag: 'PREPARE' };
}

/** The statement that PREPARE keeps, with the types of its parameters. */
export function readPrepared(analysis: Analysis, statement: Pg.PrepareStmt, nested: Nested): Draft {
  for (const type of statement.argtypes ?? []) askType(analysis, as('TypeName', type));
  if (!Object.hasOwn(QUERIES, kindOf(statement.query) ?? '')) {
    analysis.notUnderstood('this statement in PREPARE');
    return { tag: 'UNKNOWN' };
  }
  return readStatement(analysis, statement.query, nested);
}

function truncate(analysis: Analysis, statement: Pg.TruncateStmt): Draft {
  for (const node of statement.relations ?? []) {
    askAll(analysis, 'truncate', writeTarget(analysis, as('RangeVar', node)));
  }
  if (statement.restart_seqs === true) analysis.asked.admin('TRUNCATE RESTART IDENTITY');
  if (statement.behavior === 'DROP_CASCADE') analysis.asked.admin('TRUNCATE CASCADE');
  return { tag: 'TRUNCATE' };
}

/** As the statement itself, whether or not it is run. */
function explain(analysis: Analysis, statement: Pg.ExplainStmt, nested: Nested): Draft {
  checkExplainOptions(analysis, statement.options);
  const { query } = statement;
  const cursor = as('DeclareCursorStmt', query);
  if (cursor !== undefined) analysis.walk.query(analysis, null, cursor.query);
  else if (!EXPLAINED.has(kindOf(query) ?? '')) analysis.notUnderstood('this statement in EXPLAIN');
  else {
    const { executes } = readStatement(analysis, query, nested);
    if (executes !== undefined) return { tag: 'EXPLAIN', executes };
  }
  return { tag: 'EXPLAIN' };
}

const EXPLAINED: ReadonlySet<string> = new Set([
  ...Object.keys(QUERIES),
  'CreateTableAsStmt',
  'RefreshMatViewStmt',
  'ExecuteStmt',
]);

function createTableAs(analysis: Analysis, statement: Pg.CreateTableAsStmt): Draft {
  const tag = statement.objtype === 'OBJECT_MATVIEW' ? 'CREATE MATERIALIZED VIEW' : 'CREATE TABLE AS';
  analysis.asked.admin(tag);
  analysis.pathUnknown();
  const execute = as('ExecuteStmt', statement.query);
  if (execute === undefined) {
    analysis.walk.query(analysis, null, statement.query);
    return { tag };
  }
  analysis.expressions(new Level(null), execute.params);
  return { tag, executes: execute.name ?? '' };
}

function call(analysis: Analysis, statement: Pg.CallStmt): Draft {
  askUnnamedCasts(analysis);
  const before = analysis.asked.requests().length;
  if (statement.funccall !== undefined) analysis.expression(new Level(null), { FuncCall: statement.funccall });
  if (analysis.asked.requests().length === before) analysis.asked.admin('CALL');
  analysis.pathUnknown();
  return { tag: 'CALL' };
}
