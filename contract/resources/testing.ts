import { parse } from 'yaml';
import type { Kind } from './schemas.gen.ts';
import { validateResource } from './validate.ts';
import type { Schema } from './schema.ts';

/** For tests: visits every schema with its path; `[]` stands for the items of a list. */
export function walkSchema(
  schema: Schema,
  path: readonly string[],
  visit: (schema: Schema, path: readonly string[]) => void,
): void {
  visit(schema, path);
  if (schema.items) walkSchema(schema.items, [...path, '[]'], visit);
  for (const [name, child] of Object.entries(schema.properties ?? {})) walkSchema(child, [...path, name], visit);
}

const BACKEND = `
protocol: postgresql
endpoints: [{name: primary, host: db.prod.svc}]
database: orders
credentialsSecretRef: {name: orders-db}
`;
const USER = 'username: reporting\n';
const PERMISSION = `
userRef: {name: reporting}
backendRef: {name: orders, namespace: prod}
rules: [{sql: {tables: [orders], actions: [select]}}]
`;
const SPECS: Readonly<Record<Kind, string>> = { DatabaseBackend: BACKEND, DbUser: USER, DbPermission: PERMISSION };

/** A right resource of that kind, with some fields of its spec put in place of its own. */
export function resource(kind: Kind, changes = ''): Record<string, unknown> {
  const spec = { ...(parse(SPECS[kind]) as object), ...(parse(changes) as object | null) };
  return { apiVersion: 'articdbm.io/v1alpha1', kind, metadata: { name: 'it', namespace: 'prod' }, spec };
}

/** A permission's rules: one of these fields. */
export const rule = (sql: string): string => `rules: [{sql: {${sql}}}]`;
/** What is said of it: `path: what is wrong: what to do`. */
export const said = (kind: Kind, changes: string): string[] =>
  validateResource(resource(kind, changes)).map(
    ({ path, message, fix }) => `${path.join('.')}: ${message}: ${fix ?? ''}`,
  );

/** Kind, change, and the whole of what is said: path, what is wrong, what to do. */
export type Case = readonly [situation: string, kind: Kind, changes: string, ...said: string[]];
