import { expect } from 'chai';
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as grammar18 from 'pg-query-18';
import type { ResolutionState } from '../inspection.ts';
import { ADMINISTRATION } from './administration.ts';
import { analyse, UNREADABLE } from './analyse.ts';
import type { Node, Statement } from './ast.ts';
import { EXPRESSIONS } from './expression.ts';
import { FROM_ITEMS } from './from.ts';
import { QUERIES } from './query.ts';
import { STATEMENTS } from './statements.ts';

const STATE: ResolutionState = {
  id: 'coverage',
  database: 'shop',
  major: 18,
  path: ['public'],
  outside: { generation: 1, functions: new Map(), operators: new Map(), types: new Map() },
};

/** Read by the node that holds them, by their fields. */
const PARTS = new Set([
  ...['A_Indices', 'A_Star', 'Alias', 'Boolean', 'BitString', 'Float', 'Integer', 'String', 'CTECycleClause'],
  ...['CTESearchClause', 'ColumnDef', 'CommonTableExpr', 'DefElem', 'GroupingSet', 'IndexElem', 'InferClause'],
  ...['IntoClause', 'JsonAggConstructor', 'JsonArgument', 'JsonBehavior', 'JsonFormat', 'JsonOutput'],
  ...['JsonReturning', 'JsonTableColumn', 'JsonTablePathSpec', 'LockingClause', 'MergeWhenClause'],
  ...['OnConflictClause', 'RangeTableFuncCol', 'RawStmt', 'ReturningClause', 'ReturningOption', 'TypeName'],
  ...['WithClause'],
]);

/** Inside statements that only admin allows. */
const ADMINISTRATIVE_PARTS = new Set([
  ...['AccessPriv', 'AlterTableCmd', 'ATAlterConstraint', 'Constraint', 'CreateOpClassItem', 'FunctionParameter'],
  ...['ObjectWithArgs', 'PartitionBoundSpec', 'PartitionCmd', 'PartitionElem', 'PartitionRangeDatum'],
  ...['PartitionSpec', 'PublicationObjSpec', 'PublicationTable', 'RoleSpec', 'StatsElem', 'TableLikeClause'],
  ...['SinglePartitionSpec', 'TriggerTransition', 'VacuumRelation', 'ReturnStmt'],
]);

/** Made after parsing, or by other tools: never in what the grammar hands out. Refused wherever they stand. */
const NEVER = new Set([
  ...['Aggref', 'AlternativeSubPlan', 'ArrayCoerceExpr', 'ArrayExpr', 'CallContext', 'CaseTestExpr'],
  ...['CoerceToDomain', 'CoerceToDomainValue', 'CoerceViaIO', 'CollateExpr', 'ConvertRowtypeExpr', 'DistinctExpr'],
  ...['FieldSelect', 'FieldStore', 'FromExpr', 'FuncExpr', 'InferenceElem', 'InlineCodeBlock', 'IntList'],
  ...['JsonConstructorExpr', 'JsonExpr', 'JsonTablePath', 'JsonTablePathScan', 'JsonTableSiblingJoin'],
  ...['MergeAction', 'NextValueExpr', 'NullIfExpr', 'OidList', 'OnConflictExpr', 'OpExpr', 'PLAssignStmt', 'Param'],
  ...['Query', 'RTEPermissionInfo', 'RangeTblEntry', 'RangeTblFunction', 'RangeTblRef', 'RelabelType'],
  ...['ReturningExpr', 'RowCompareExpr', 'RowMarkClause', 'ScalarArrayOpExpr', 'SetOperationStmt'],
  ...['SortGroupClause', 'SubPlan', 'SubscriptingRef', 'TableFunc', 'TableSampleClause', 'TargetEntry', 'Var'],
  ...['WindowClause', 'WindowFunc', 'WindowFuncRunCondition', 'WithCheckOption'],
  ...['FilterColumn', 'Function', 'ParseResult', 'ScanResult', 'ScanToken', 'SummaryResult', 'Table'],
]);

/** All node names that the types of a major's grammar know. */
function nodeNames(major: number): string[] {
  const grammar = createRequire(import.meta.url).resolve(`pg-query-${String(major)}`);
  const types = createRequire(grammar)
    .resolve('@pgsql/types')
    .replace(/index\.js$/, 'types.d.ts');
  const [, union] = /export type Node = ([^]*?)\};\n/.exec(readFileSync(types, 'utf8').replace('};', '};\n')) ?? [];
  return [...(union ?? '').matchAll(/(\w+): \w+;/g)].map(([, name]) => name ?? '');
}

const HANDLED: readonly (readonly [string, ReadonlySet<string>])[] = [
  ['an expression', new Set(Object.keys(EXPRESSIONS))],
  ['a statement', new Set(Object.keys(STATEMENTS))],
  ['a query', new Set(Object.keys(QUERIES))],
  ['an item of FROM', new Set(Object.keys(FROM_ITEMS))],
  ['administration', new Set(Object.keys(ADMINISTRATION))],
  ['a part', PARTS],
  ['a part of administration', ADMINISTRATIVE_PARTS],
  ['never parsed', NEVER],
];

const asExpression = (node: Node): Node => ({ SelectStmt: { targetList: [{ ResTarget: { val: node } }] } });
const asFrom = (node: Node): Node => ({ SelectStmt: { fromClause: [node] } });

function outcome(node: Node): string {
  const [statement] = analyse(Buffer.alloc(0), [{ stmt: node }], STATE).statements;
  return statement?.ask.kind ?? 'nothing';
}

describe('nothing of the grammar goes unread', () => {
  before(() => grammar18.loadModule());

  for (const major of [15, 16, 17, 18]) {
    it(`knows every node of PostgreSQL ${String(major)}, each in one role`, () => {
      const names = nodeNames(major);
      expect(names.length).to.be.greaterThan(200);
      for (const name of names) {
        const roles = HANDLED.filter(([, set]) => set.has(name)).map(([role]) => role);
        expect(roles, name).to.have.lengthOf(1);
      }
    });
  }

  it('has no handler for what no grammar knows', () => {
    const names = new Set([15, 16, 17, 18].flatMap(nodeNames));
    for (const [role, set] of HANDLED)
      for (const name of set) expect(names.has(name), `${role} ${name}`).to.equal(true);
  });

  it('refuses a node that is no expression, wherever an expression can stand', () => {
    for (const name of nodeNames(18)) {
      if (Object.hasOwn(EXPRESSIONS, name)) continue;
      expect(outcome(asExpression({ [name]: {} } as unknown as Node)), name).to.equal('refused');
    }
  });

  it('refuses in FROM what is no item of FROM', () => {
    for (const name of nodeNames(18)) {
      if (Object.hasOwn(FROM_ITEMS, name)) continue;
      expect(outcome(asFrom({ [name]: {} } as unknown as Node)), name).to.equal('refused');
    }
  });

  it('refuses as a statement what is none', () => {
    const statements = [STATEMENTS, QUERIES, ADMINISTRATION];
    for (const name of [...nodeNames(18), 'constructor', '__proto__', 'toString']) {
      if (statements.some((known) => Object.hasOwn(known, name))) continue;
      expect(outcome({ [name]: {} } as unknown as Node), name).to.equal('refused');
    }
  });

  /** Holds names that PostgreSQL looks up but that give no access, or nothing at all. */
  const INERT = new Set([
    ...['CollateClause.collname', 'IndexElem.collation', 'IndexElem.opclass', 'LockingClause.lockedRels'],
    ...['CopyStmt.options', 'DefElem.arg', 'ExplainStmt.options', 'TransactionStmt.options', 'RangeVar.alias'],
    ...['ConstraintsSetStmt.constraints', 'VariableSetStmt.args', 'TypeName.arrayBounds', 'TypeName.typmods'],
    ...['CommonTableExpr.search_clause', 'CommonTableExpr.cycle_clause', 'SelectStmt.intoClause', 'Alias.colnames'],
    ...['JsonOutput.returning', 'A_Const.ival', 'A_Const.fval', 'A_Const.sval'],
    ...['A_Const.boolval', 'A_Const.bsval', 'CreateTableAsStmt.into', 'ColumnRef.fields', 'RangeSubselect.alias'],
    ...['ReturningClause.options', 'CTESearchClause.search_col_list', 'CTECycleClause.cycle_col_list'],
    'A_Expr.name', // BETWEEN's own words
    'MultiAssignRef.source', // the same for each column, read at the first
  ]);

  for (const file of readdirSync(new URL('testdata/', import.meta.url)).filter((name) => name.endsWith('.golden'))) {
    it(`reads the whole tree of each statement of ${file}`, () => {
      for (const text of goldenStatements(file)) {
        for (const { stmt } of parse(text)) {
          if (stmt === undefined || Object.hasOwn(ADMINISTRATION, Object.keys(stmt)[0] ?? '')) continue;
          const read = new Set<object>();
          const spied = spy({ stmt }, read) as Statement;
          const [statement] = analyse(Buffer.alloc(0), [spied], STATE).statements;
          if (statement?.ask.kind === 'refused') continue;
          expect(unread(stmt, read, ''), text).to.deep.equal([]);
        }
      }
    });
  }

  function unread(value: unknown, read: ReadonlySet<object>, place: string): string[] {
    if (typeof value !== 'object' || value === null || INERT.has(place)) return [];
    if (place.endsWith('.format')) return []; // FORMAT JSON
    if (!Array.isArray(value) && !read.has(value) && Object.keys(value).length > 0 && place !== '') return [place];
    const entries = Object.entries(value) as [string, unknown][];
    if (Array.isArray(value)) return entries.flatMap(([, item]) => unread(item, read, place));
    const kind = entries.length === 1 && /^[A-Z]/.test(entries[0]?.[0] ?? '') ? undefined : place;
    return entries.flatMap(([key, child]) =>
      unread(child, read, kind === undefined ? key : `${lastPart(place)}.${key}`),
    );
  }

  const FIELD_KINDS: Readonly<Record<string, string>> = {
    relation: 'RangeVar',
    alias: 'Alias',
    typeName: 'TypeName',
    withClause: 'WithClause',
    larg: 'SelectStmt',
    rarg: 'SelectStmt',
    output: 'JsonOutput',
    returning: 'JsonReturning',
    context_item: 'JsonValueExpr',
    value: 'JsonValueExpr',
    returningClause: 'ReturningClause',
    search_clause: 'CTESearchClause',
    cycle_clause: 'CTECycleClause',
  };

  /** The kind of what a place holds: the node's own name, or that of the field's type. */
  function lastPart(place: string): string {
    const field = place.slice(place.lastIndexOf('.') + 1);
    return FIELD_KINDS[field] ?? field;
  }

  it('neither throws nor overflows on trees that no grammar makes', () => {
    const trees = readdirSync(new URL('testdata/', import.meta.url))
      .filter((name) => name.endsWith('.golden'))
      .flatMap(goldenStatements)
      .flatMap((text) => parse(text).map(({ stmt }) => stmt));
    const pieces = trees.flatMap((tree) => places(tree)).map(([holder, key]) => holder[key]);
    fc.assert(
      fc.property(fc.nat(trees.length - 1), fc.nat(), fc.nat(pieces.length - 1), (index, at, piece) => {
        const tree: unknown = structuredClone(trees[index]);
        const found = places({ tree });
        const [holder, key] = found[at % found.length] ?? [{}, ''];
        holder[key] = pieces[piece];
        const [statement] = analyse(Buffer.alloc(0), [{ stmt: tree as Node }], STATE).statements;
        expect(statement?.ask).to.not.have.property('message', UNREADABLE);
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses what is nested too deeply, and overflows nothing', () => {
    let expression: Node = { A_Const: { isnull: true } };
    let union: Node = { SelectStmt: {} };
    for (let depth = 0; depth < 20_000; depth += 1) {
      expression = { NullTest: { arg: expression } };
      union = { SelectStmt: { op: 'SETOP_UNION', larg: union.SelectStmt, rarg: {} } };
    }
    expect(outcome(asExpression(expression))).to.equal('refused');
    expect(outcome(union)).to.equal('refused');
    let subselect: Node = { SelectStmt: {} };
    let join: Node = { RangeVar: { relname: 't' } };
    for (let depth = 0; depth < 20_000; depth += 1) {
      subselect = asFrom({ RangeSubselect: { subquery: subselect } });
      join = { JoinExpr: { larg: join, rarg: { RangeVar: { relname: 't' } } } };
    }
    expect(outcome(subselect)).to.equal('refused');
    expect(outcome(asFrom(join))).to.equal('refused');
  });
});

function parse(text: string): readonly Statement[] {
  return (grammar18.parseSync(text) as { readonly stmts?: readonly Statement[] }).stmts ?? [];
}

function goldenStatements(name: string): string[] {
  const lines = readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('> ')).map((line) => line.slice(2));
}

/** A view of a tree that notes which objects in it were fetched. */
function spy(value: object, read: Set<object>): object {
  return new Proxy(value, {
    get(target, key, receiver) {
      const child: unknown = Reflect.get(target, key, receiver);
      if (typeof child !== 'object' || child === null) return child;
      read.add(child);
      return spy(child, read);
    },
  });
}

/** Where a node stands: what holds it, and under which key. */
function places(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => {
    const child = holder[key];
    const below = places(child);
    return isNode(child) ? [[holder, key] as [Record<string, unknown>, string], ...below] : below;
  });
}

function isNode(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const [key, ...more] = Object.keys(value);
  return key !== undefined && more.length === 0 && /^[A-Z]/.test(key);
}
