import type * as Pg from 'pg-query-18';
import type { Analysis, Outputs } from './analysis.ts';
import { as, kindOf, namesOf, type Node } from './ast.ts';
import type { Level } from './scope.ts';

/**
 * Which names a query's columns certainly have. A name given here ends the search for it further out, so only what
 * PostgreSQL's FigureColname gives in every case is given; all else counts as a column without a name.
 */
export function outputsOf(level: Level, targets: readonly Node[] | undefined): Outputs {
  const names: (string | null)[] = [];
  let open = false;
  for (const target of targets ?? []) {
    const item = as('ResTarget', target);
    const expanded = item?.name === undefined ? expandStar(level, item?.val) : undefined;
    if (expanded === undefined) names.push(item?.name ?? columnName(item?.val));
    else if (expanded === null) open = true;
    else names.push(...expanded);
  }
  return { names, open };
}

/** undefined: no `*`; null: a `*` over something whose columns aren't known. */
function expandStar(level: Level, node: Node | undefined): readonly (string | null)[] | null | undefined {
  if (!endsInStar(node)) return undefined;
  const fields = as('ColumnRef', node)?.fields;
  if (fields?.length !== 1 || level.merges) return null;
  const names: (string | null)[] = [];
  for (const source of level.readable()) {
    if (source.names === null) return null;
    names.push(...source.names);
  }
  return names;
}

function endsInStar(node: Node | undefined): boolean {
  const last = as('ColumnRef', node)?.fields?.at(-1) ?? as('A_Indirection', node)?.indirection?.at(-1);
  return kindOf(last) === 'A_Star';
}

/** The name that an expression without AS gets, where it is certain. */
function columnName(node: Node | undefined): string | null {
  switch (kindOf(node)) {
    case 'ColumnRef':
      return namesOf(as('ColumnRef', node)?.fields).at(-1) ?? null;
    case 'FuncCall':
      return namesOf(as('FuncCall', node)?.funcname).at(-1) ?? null;
    case 'A_Indirection':
      return indirectionName(as('A_Indirection', node));
    case 'TypeCast':
      return columnName(as('TypeCast', node)?.arg);
    case 'CollateClause':
      return columnName(as('CollateClause', node)?.arg);
    default:
      return null;
  }
}

function indirectionName(node: Pg.A_Indirection | undefined): string | null {
  return namesOf(node?.indirection).at(-1) ?? columnName(node?.arg);
}

/** Functions of pg_catalog in FROM, by the names of their columns; null: one that is called as the item is. */
const FUNCTION_COLUMNS: ReadonlyMap<string, readonly string[] | null> = new Map([
  ['generate_series', null],
  ['generate_subscripts', null],
  ['regexp_split_to_table', null],
  ['string_to_table', null],
  ['json_array_elements', ['value']],
  ['jsonb_array_elements', ['value']],
  ['json_array_elements_text', ['value']],
  ['jsonb_array_elements_text', ['value']],
  ['json_each', ['key', 'value']],
  ['jsonb_each', ['key', 'value']],
  ['json_each_text', ['key', 'value']],
  ['jsonb_each_text', ['key', 'value']],
]);

/** What `FROM f(…)` shows, for the few functions that FROM mostly has and that nothing outside pg_catalog can replace. */
export function functionColumns(analysis: Analysis, calls: readonly Node[], alias: string | null): Outputs {
  const unknown: Outputs = { names: [], open: true };
  if (calls.length !== 1) return unknown;
  const names = namesOf(as('FuncCall', calls[0])?.funcname);
  const name = names.at(-1) ?? '';
  const columns = FUNCTION_COLUMNS.get(name);
  if (columns === undefined) return unknown;
  if (names.length === 1 && analysis.state.outside?.functions.has(name) !== false) return unknown;
  if (names.length > 1 && names[0] !== 'pg_catalog') return unknown;
  return { names: columns ?? [alias], open: true };
}
