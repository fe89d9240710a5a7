/**
 * What a statement asks for, in the words of the policy. One statement makes any number of requests;
 * it passes when every one of them is allowed.
 */

/** PostgreSQL's own privileges by their names, and `admin`: everything that is no privilege of an object. */
export type Action =
  'select' | 'insert' | 'update' | 'delete' | 'truncate' | 'references' | 'execute' | 'usage' | 'admin';

/**
 * Which columns of a relation are touched.
 * `any`: at least one column must be allowed (`count(*)`, `select 1 from t`).
 * `all`: every column that the relation has, or may come to have (`*`, whole rows, INSERT without a list, DELETE).
 * A list: exactly these, as the server stores their names (folded, cut to 63 bytes).
 */
export type Columns = 'any' | 'all' | readonly string[];

export interface RelationResource {
  readonly kind: 'relation';
  readonly database: string;
  /** null: not known which schema, so only a rule for all schemas (`*`) can allow it. */
  readonly schema: string | null;
  readonly name: string;
  readonly columns: Columns;
}

/**
 * An object that is named and not read, outside pg_catalog or a function in it that is not known as harmless: functions (procedures, aggregates and operators are
 * functions here: an operator bears its own signs as its name), sequences, types.
 */
export interface NamedResource {
  readonly kind: 'function' | 'sequence' | 'type';
  readonly database: string;
  readonly schema: string | null;
  readonly name: string;
}

/** A schema that a search_path is to name: allowed when any rule of the user reaches into it. Its action is `usage`. */
export interface SchemaResource {
  readonly kind: 'schema';
  readonly database: string;
  readonly name: string;
}

/**
 * The backend as a whole: what only `admin` allows. `what` says it in a few words for the message, after "may not": a
 * command by its name in capitals ("CREATE TABLE", which is run), or a phrase ("call pg_terminate_backend").
 */
export interface BackendResource {
  readonly kind: 'backend';
  readonly database: string;
  readonly what: string;
}

export type Resource = RelationResource | NamedResource | SchemaResource | BackendResource;

/** Redis and MongoDB join here with resources of their own. */
export interface AccessRequest {
  readonly action: Action;
  readonly resource: Resource;
}
