/**
 * What of a server's message its reader may know (§54.8). Behind one login that serves many, DETAIL can hold a row that no
 * rule lets this user see (`Failing row contains (…)`), through triggers too; CONTEXT and internal queries tell what
 * functions do.
 */
import { errorField, type MessageFields } from './decode.ts';

export interface Tells {
  readonly all: () => boolean;
  readonly whole: (schema: string, relation: string) => boolean;
}

/** D: detail, W: where, q, p: internal query and its position. */
const TELLING = 'DWqp';

/** The very same fields when nothing is left out. */
export function withoutRows(fields: MessageFields, tells: Tells): MessageFields {
  if (!fields.some(([letter]) => TELLING.includes(letter)) || tells.all()) return fields;
  const schema = errorField(fields, 's');
  const relation = errorField(fields, 't');
  const detail = schema !== undefined && relation !== undefined && tells.whole(schema, relation);
  const kept = fields.filter(([letter]) => !TELLING.includes(letter) || (detail && letter === 'D'));
  return kept.length === fields.length ? fields : kept;
}

/**
 * Source files of the server whose notices are about names and transactions: they can't carry a row. What a function
 * raises comes from others; the field is the server's own and can't be set from SQL.
 */
const HARMLESS_SOURCES: ReadonlySet<string> = new Set([
  'xact.c',
  'scansup.c',
  'namespace.c',
  'tablecmds.c',
  'parse_utilcmd.c',
  'indexcmds.c',
  'dropcmds.c',
  'dependency.c',
]);

export const saysNothingOfRows = (fields: MessageFields): boolean =>
  HARMLESS_SOURCES.has(errorField(fields, 'F') ?? '') && errorField(fields, 'W') === undefined;
