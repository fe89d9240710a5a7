import type * as Pg from 'pg-query-18';
import type { Analysis } from './analysis.ts';
import { as, kindOf, namesOf, type Node, type Nodes } from './ast.ts';
import { askColumnRef } from './columns.ts';
import { DOCUMENT_EXPRESSIONS } from './documents.ts';
import { askClothing, askFunction, askOperator, askType } from './names.ts';
import type { Level } from './scope.ts';
import { askSpecialFunction } from './special-functions.ts';

type Handler<K extends keyof Nodes> = (analysis: Analysis, level: Level, node: Nodes[K]) => void;
type Handlers = { readonly [K in keyof Nodes]?: Handler<K> };

/** Holds nothing that could name an object. */
const inert = (): void => undefined;

/** Every node that an expression can be made of. What isn't here is refused. */
export const EXPRESSIONS = {
  ...DOCUMENT_EXPRESSIONS,
  A_Const: inert,
  ParamRef: inert,
  SetToDefault: inert,
  /** current_user, current_date and their kin. */
  SQLValueFunction: inert,
  /** merge_action() */
  MergeSupportFunc: inert,
  /** The cursor was judged when it was declared. */
  CurrentOfExpr: inert,
  ColumnRef: askColumnRef,
  A_Expr: (analysis, level, node) => operatorExpression(analysis, level, node),
  TypeCast: (analysis, level, node) => {
    analysis.expression(level, node.arg);
    askType(analysis, node.typeName);
  },
  /** Collations hold no data and run no code of a user's. */
  CollateClause: (analysis, level, node) => analysis.expression(level, node.arg),
  FuncCall: (analysis, level, node) => call(analysis, level, node),
  NamedArgExpr: (analysis, level, node) => analysis.expression(level, node.arg),
  A_Indirection: (analysis, level, node) => {
    analysis.expression(level, node.arg);
    indirection(analysis, level, node.indirection);
  },
  A_ArrayExpr: (analysis, level, node) => analysis.expressions(level, node.elements),
  List: (analysis, level, node) => analysis.expressions(level, node.items),
  RowExpr: (analysis, level, node) => analysis.expressions(level, node.args),
  BoolExpr: (analysis, level, node) => analysis.expressions(level, node.args),
  CoalesceExpr: (analysis, level, node) => analysis.expressions(level, node.args),
  MinMaxExpr: (analysis, level, node) => analysis.expressions(level, node.args),
  GroupingFunc: (analysis, level, node) => analysis.expressions(level, node.args),
  NullTest: (analysis, level, node) => analysis.expression(level, node.arg),
  BooleanTest: (analysis, level, node) => analysis.expression(level, node.arg),
  CaseExpr: (analysis, level, node) => {
    if (node.arg !== undefined) askOperator(analysis, ['=']);
    analysis.expression(level, node.arg);
    analysis.expressions(level, node.args);
    analysis.expression(level, node.defresult);
  },
  CaseWhen: (analysis, level, node) => {
    analysis.expression(level, node.expr);
    analysis.expression(level, node.result);
  },
  SubLink: (analysis, level, node) => {
    // IN (SELECT …) is written without its operator.
    if (node.operName !== undefined) askOperator(analysis, namesOf(node.operName));
    else if (node.subLinkType === 'ANY_SUBLINK') askOperator(analysis, ['=']);
    analysis.expression(level, node.testexpr);
    analysis.walk.query(analysis, level, node.subselect);
  },
  MultiAssignRef: (analysis, level, node) => {
    // (a, b) = source repeats the source for each column.
    if ((node.colno ?? 1) === 1) analysis.expression(level, node.source);
  },
  ResTarget: (analysis, level, node) => {
    indirection(analysis, level, node.indirection);
    analysis.expression(level, node.val);
  },
  SortBy: (analysis, level, node) => {
    if (node.useOp !== undefined) askOperator(analysis, namesOf(node.useOp));
    analysis.expression(level, node.node);
  },
  WindowDef: (analysis, level, node) => windowDefinition(analysis, level, node),
} satisfies Handlers;

type AnyHandler = (analysis: Analysis, level: Level, node: unknown) => void;
const BY_KIND = new Map<string, AnyHandler>(Object.entries(EXPRESSIONS) as [string, AnyHandler][]);

export function readExpression(analysis: Analysis, level: Level, node: Node | undefined): void {
  for (const kind in node) {
    const handle = BY_KIND.get(kind);
    if (handle === undefined) {
      analysis.notUnderstood(kind);
      return;
    }
    if (!analysis.enter()) return;
    handle(analysis, level, node[kind as keyof Node]);
    analysis.leave();
  }
}

/** Operators that the grammar implies by a keyword. */
const IMPLIED: Readonly<Partial<Record<NonNullable<Pg.A_Expr['kind']>, readonly string[]>>> = {
  AEXPR_BETWEEN: ['>=', '<='],
  AEXPR_NOT_BETWEEN: ['<', '>'],
  AEXPR_BETWEEN_SYM: ['>=', '<='],
  AEXPR_NOT_BETWEEN_SYM: ['<', '>'],
};

function operatorExpression(analysis: Analysis, level: Level, node: Pg.A_Expr): void {
  const implied = node.kind === undefined ? undefined : IMPLIED[node.kind];
  if (implied === undefined) askOperator(analysis, namesOf(node.name));
  else for (const name of implied) askOperator(analysis, [name]);
  analysis.expression(level, node.lexpr);
  analysis.expression(level, node.rexpr);
}

function call(analysis: Analysis, level: Level, node: Pg.FuncCall): void {
  const names = namesOf(node.funcname);
  if (!askSpecialFunction(analysis, names, node.args)) askFunction(analysis, names);
  analysis.expressions(level, node.args);
  analysis.expressions(level, node.agg_order);
  analysis.expression(level, node.agg_filter);
  if (node.over !== undefined) windowDefinition(analysis, level, node.over);
}

function windowDefinition(analysis: Analysis, level: Level, node: Pg.WindowDef): void {
  analysis.expressions(level, node.partitionClause);
  analysis.expressions(level, node.orderClause);
  analysis.expression(level, node.startOffset);
  analysis.expression(level, node.endOffset);
}

/** Fields, which may be functions in a field's clothing, subscripts, and `.*` of what was judged already. */
export function indirection(analysis: Analysis, level: Level, steps: readonly Node[] | undefined): void {
  for (const step of steps ?? []) {
    switch (kindOf(step)) {
      case 'String':
        askClothing(analysis, as('String', step)?.sval ?? '');
        break;
      case 'A_Indices':
        analysis.expression(level, as('A_Indices', step)?.lidx);
        analysis.expression(level, as('A_Indices', step)?.uidx);
        break;
      case 'A_Star':
        break;
      default:
        analysis.notUnderstood('this selection');
    }
  }
}
