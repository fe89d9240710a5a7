import type * as Pg from 'pg-query-18';
import type { Analysis } from './analysis.ts';
import { as, kindOf, namesOf } from './ast.ts';
import { ADMIN_FUNCTIONS } from './admin-functions.ts';
import { askAll, catalogFirst, pathSchemas } from './relations.ts';
import type { Source } from './scope.ts';

/**
 * Functions, operators and types by name: free where the list for the server's major says so and nothing outside
 * pg_catalog bears the name, else asked for. Which overload the server picks is not known here, so each that it could
 * pick is judged.
 */

/** Schemas on the path that hold, or may hold, an object of that name. */
function outsideSchemas(
  analysis: Analysis,
  kind: 'functions' | 'operators' | 'types',
  name: string,
): readonly (string | null)[] {
  const { outside, path } = analysis.state;
  if (outside === null) return pathSchemas(analysis);
  const held = outside[kind].get(name);
  if (held === undefined) return [];
  // Objects that someone added to pg_catalog itself are always on the path.
  return path === null ? held : held.filter((schema) => schema === 'pg_catalog' || path.includes(schema));
}

/** A function, aggregate or procedure that is called by these names (`[schema.]name`). */
export function askFunction(analysis: Analysis, names: readonly string[]): void {
  const name = names.at(-1) ?? '';
  const schema = schemaOf(analysis, names);
  if (schema === 'pg_catalog') askCatalogFunction(analysis, name);
  else if (schema === 'information_schema' && analysis.lists.informationSchemaFunctions.has(name)) return;
  else if (schema !== undefined) execute(analysis, schema, name);
  else askUnqualifiedFunction(analysis, name);
}

function askUnqualifiedFunction(analysis: Analysis, name: string): void {
  const { functions, types } = analysis.lists;
  const outside = outsideSchemas(analysis, 'functions', name);
  for (const schema of outside) execute(analysis, schema, name);
  if (types.has(name)) askCastTo(analysis, name);
  if (functions.all.has(name)) {
    if (!functions.free.has(name)) askNotFree(analysis, name);
    return;
  }
  // `typename(x)` is a cast; a name that nothing bears is the server's to refuse.
  if (types.has(name)) return;
  if (analysis.state.outside === null && outside.length > 0) return;
  for (const schema of outsideSchemas(analysis, 'types', name)) useType(analysis, schema, name);
}

/** What outside pg_catalog bears the name of a function of pg_catalog that was judged already. */
export function askShadowing(analysis: Analysis, name: string): void {
  for (const schema of outsideSchemas(analysis, 'functions', name)) execute(analysis, schema, name);
}

function askCatalogFunction(analysis: Analysis, name: string): void {
  const { functions, types } = analysis.lists;
  if (types.has(name)) askCastTo(analysis, name);
  if (functions.free.has(name)) return;
  if (functions.all.has(name)) askNotFree(analysis, name);
  else if (!types.has(name)) analysis.asked.admin(`call pg_catalog.${name}`);
}

/** PostgreSQL's own function that is not harmless: only a rule that names pg_catalog allows it, and some not even that. */
function askNotFree(analysis: Analysis, name: string): void {
  if (ADMIN_FUNCTIONS.has(name)) analysis.asked.admin(`call ${name}`);
  else execute(analysis, 'pg_catalog', name);
}

function execute(analysis: Analysis, schema: string | null, name: string): void {
  analysis.asked.named('execute', 'function', schema, name);
  analysis.pathUnknown();
}

function useType(analysis: Analysis, schema: string | null, name: string): void {
  analysis.asked.named('usage', 'type', schema, name);
  analysis.pathUnknown(); // input functions and domain checks are code too
}

/** The schema that was written, or undefined. A database before it must be the session's. */
function schemaOf(analysis: Analysis, names: readonly string[]): string | undefined {
  if (names.length > 3 || (names.length === 3 && names[0] !== analysis.state.database)) {
    analysis.asked.refuse('not-understood', 'an object of another database can not be reached');
  }
  return names.length > 1 ? names[names.length - 2] : undefined;
}

export function askOperator(analysis: Analysis, names: readonly string[]): void {
  const name = names.at(-1) ?? '';
  const schema = schemaOf(analysis, names);
  if (schema !== undefined && schema !== 'pg_catalog') {
    execute(analysis, schema, name);
    return;
  }
  if (schema === undefined)
    for (const outside of outsideSchemas(analysis, 'operators', name)) execute(analysis, outside, name);
  if (!analysis.lists.operators.has(name)) askUnknownOperator(analysis, name, schema);
}

/** Not on the list: someone's outside pg_catalog (asked for already), nobody's (the server's to refuse), or dangerous. */
function askUnknownOperator(analysis: Analysis, name: string, schema: string | undefined): void {
  const { outside } = analysis.state;
  if (schema === undefined && (outside === null || outside.operators.has(name))) return;
  analysis.asked.admin(`use operator ${name}`);
}

/** A type in a cast, a column definition, a RETURNING clause. Its modifiers are constants and bare words, never columns. */
export function askType(analysis: Analysis, type: Pg.TypeName | undefined): void {
  if (type === undefined) return;
  if (type.pct_type === true) analysis.notUnderstood('%TYPE');
  for (const modifier of type.typmods ?? []) {
    const kind = kindOf(modifier);
    const word = as('ColumnRef', modifier)?.fields?.length === 1;
    if (kind !== 'A_Const' && !word) analysis.notUnderstood('this type modifier');
  }
  const names = namesOf(type.names);
  // float(n) is one of the two by the value of n (gram.y, opt_float).
  if (FLOATS.has(names.at(-1) ?? '')) analysis.constantsMatter = true;
  askTypeName(analysis, names);
}

const FLOATS: ReadonlySet<string> = new Set(['float4', 'float8']);

function askTypeName(analysis: Analysis, names: readonly string[]): void {
  const name = names.at(-1) ?? '';
  const schema = schemaOf(analysis, names);
  const { types } = analysis.lists;
  if (schema === 'pg_catalog') {
    if (types.has(name)) askCastTo(analysis, name);
    else analysis.asked.admin(`use type pg_catalog.${name}`);
    return;
  }
  if (schema !== undefined) {
    useType(analysis, schema, name);
    return;
  }
  if (types.has(name) && catalogFirst(analysis)) {
    askCastTo(analysis, name);
    return;
  }
  const held = outsideSchemas(analysis, 'types', name);
  for (const place of held.length > 0 ? held : pathSchemas(analysis)) useType(analysis, place, name);
}

/** A type of pg_catalog: a user's cast to it, whatever the path, is a function that bears the type's name. */
function askCastTo(analysis: Analysis, name: string): void {
  const { outside } = analysis.state;
  const schemas = outside === null ? pathSchemas(analysis) : outside.types.get(name);
  for (const schema of schemas ?? []) useType(analysis, schema, name);
}

/** Users' casts that the server applies where no one wrote them. */
export function askUnnamedCasts(analysis: Analysis): void {
  for (const { schema, name } of analysis.state.outside?.unnamedCasts ?? []) execute(analysis, schema, name);
}

/** Functions of pg_catalog that are free, take any row as their only argument, and tell what is in it. */
const ROW_TELLING: ReadonlySet<string> = new Set([
  ...['row_to_json', 'to_json', 'to_jsonb', 'json_agg', 'jsonb_agg', 'json_agg_strict', 'jsonb_agg_strict'],
  ...['json_build_array', 'jsonb_build_array', 'array_agg', 'any_value', 'concat', 'quote_literal', 'quote_nullable'],
  ...['record_send', 'hash_record'],
]);
/** Of rows only since 18. */
const EXTREMES: ReadonlySet<string> = new Set(['max', 'min']);

/**
 * `a.b` where b is no column of a is the call b(a): a function in a column's clothing.
 * Source: PostgreSQL's transformColumnRef and ParseFuncOrColumn.
 */
export function askClothing(analysis: Analysis, name: string, source?: Source): void {
  if (source?.certain.has(name)) return;
  const outside = outsideSchemas(analysis, 'functions', name);
  for (const schema of outside) execute(analysis, schema, name);
  if (analysis.lists.rowFunctionsNotFree.has(name)) analysis.asked.admin(`call ${name}`);
  if (source === undefined) return;
  const tells = ROW_TELLING.has(name) || (analysis.state.major >= 18 && EXTREMES.has(name));
  if (outside.length === 0 && !tells) return;
  for (const target of source.targets) askAll(analysis, 'select', target);
}
