import type { Analysis } from './analysis.ts';
import { splitIdentifiers } from './identifiers.ts';

/** A search_path as a setting's value is written; undefined: malformed. */
export function parseSearchPath(value: string): readonly string[] | undefined {
  return splitIdentifiers(value, ',');
}

/** Why a schema can't be on the path at that place; undefined: it can, when the user may use it. */
export function refusedOnPath(schema: string, position: number): string | undefined {
  if (schema === 'pg_catalog') return position === 0 ? undefined : 'pg_catalog can only be first on the search_path';
  if (schema === '$user') return '"$user" can not be on the search_path: it depends on the login';
  if (schema === 'information_schema' || schema.startsWith('pg_')) {
    return `schema "${schema}" can not be on the search_path`;
  }
  return undefined;
}

/** Each schema needs usage; all join the set in which unqualified names are judged. */
export function setSearchPath(analysis: Analysis, schemas: readonly string[] | undefined): void {
  if (schemas === undefined) {
    analysis.asked.refuse('setting', 'this search_path can not be read', 'name the schemas as constants');
    return;
  }
  const added: string[] = [];
  for (const [position, schema] of schemas.entries()) {
    const refused = refusedOnPath(schema, position);
    if (refused !== undefined) analysis.asked.refuse('setting', refused, 'qualify the names instead');
    if (schema === '' || schema === 'pg_catalog') continue;
    analysis.asked.schema(schema);
    added.push(schema);
  }
  if (added.length > 0) analysis.effects.push({ kind: 'path-add', schemas: added });
}
