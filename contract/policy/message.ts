import type { DenialReason } from './decision.ts';
import { escapePattern } from './pattern.ts';
import type { AccessRequest, Action, NamedResource, RelationResource, Resource } from './request.ts';

/** What is known when a request is refused. `allowed` judges any other request by the same policy and time. */
export interface Refusal {
  readonly user: string;
  /** The backend's default database, which a rule need not name. */
  readonly database: string;
  /** All that the statement asked for, and the one of it that is refused. */
  readonly requests: readonly AccessRequest[];
  readonly request: AccessRequest;
  readonly reason: DenialReason;
  readonly allowed: (request: AccessRequest) => boolean;
}

/** A hint lists at most so many columns. */
const MOST_COLUMNS = 16;

/** What the client reads, in PostgreSQL's tone: who may not do what to which object, and what would help. */
export function describeDenial(refusal: Refusal): { message: string; hint: string } {
  const columns = refusedColumns(refusal);
  const message = `user "${refusal.user}" may not ${phrase(refusal.request, columns)}`;
  const fewer = columns === 'all' ? 'name the columns that are needed' : undefined;
  const advice = [qualifyAdvice(refusal, columns), fewer, remedy(refusal, columns)].filter(
    (text) => text !== undefined,
  );
  return { message, hint: advice.join('; or ') };
}

/** The columns that are refused while others of the relation are allowed; undefined: the relation itself is refused. */
type RefusedColumns = 'all' | readonly string[] | undefined;

function refusedColumns({ request, allowed }: Refusal): RefusedColumns {
  const { action, resource } = request;
  if (resource.kind !== 'relation' || resource.columns === 'any') return undefined;
  const ask = (columns: RelationResource['columns']): boolean =>
    allowed({ action, resource: { ...resource, columns } });
  if (!ask('any')) return undefined;
  if (resource.columns === 'all' || resource.columns.length === 0) return 'all';
  const refused = resource.columns.filter((column) => !ask([column]));
  return refused.length === 0 ? 'all' : [...new Set(refused)];
}

// ---- the message ---------------------------------------------------------------------------------------------------

const ON_RELATION: Partial<Record<Action, string>> = {
  select: 'select from',
  insert: 'insert into',
  delete: 'delete from',
  references: 'reference',
  usage: 'use',
  admin: 'administer',
};

const ON_COLUMN: Partial<Record<Action, string>> = { ...ON_RELATION, select: 'select' };

function phrase({ action, resource }: AccessRequest, columns: RefusedColumns): string {
  if (resource.kind === 'backend') return /^[a-z]/.test(resource.what) ? resource.what : `run ${resource.what}`;
  if (resource.kind === 'schema') return `use schema "${resource.name}"`;
  const object = `${resource.kind} "${qualified(resource)}"`;
  if (columns === undefined) return `${ON_RELATION[action] ?? action} ${object}`;
  const verb = ON_COLUMN[action] ?? action;
  return columns === 'all' ? `${verb} all columns of ${object}` : `${verb} column "${columns[0] ?? ''}" of ${object}`;
}

function qualified(resource: RelationResource | NamedResource): string {
  return resource.schema === null ? resource.name : `${resource.schema}.${resource.name}`;
}

// ---- the hint ------------------------------------------------------------------------------------------------------

function remedy(refusal: Refusal, columns: RefusedColumns): string {
  if (refusal.reason === 'expired') return 'the DbPermission that allowed it has expired: renew its expiresAt';
  const rule = missingRule(refusal, columns);
  return refusal.reason === 'consent'
    ? `needs the consent of the backend's owner, in the ceiling of its spec.consumers: ${rule}`
    : `needs a DbPermission rule${refusal.request.resource.kind === 'schema' ? ' for something in it, such as' : ''}: ${rule}`;
}

const SELECTORS = { relation: 'tables', function: 'functions', sequence: 'sequences', type: 'types' } as const;

/** The smallest rule that would allow the request, as one line of YAML. */
function missingRule(refusal: Refusal, columns: RefusedColumns): string {
  const { action, resource } = refusal.request;
  const fields: string[] = [];
  if (resource.database !== refusal.database) fields.push(field('databases', [escapePattern(resource.database)]));
  if (action !== 'admin' && resource.kind !== 'backend') fields.push(...objectFields(resource, columns));
  fields.push(field('actions', [actionOf(action, resource)]));
  return `sql: {${fields.join(', ')}}`;
}

/** Any rule that reaches into a schema lets it be named: here one to read. */
function actionOf(action: Action, { kind }: Resource): Action {
  if (kind === 'backend') return 'admin';
  return kind === 'schema' && action === 'usage' ? 'select' : action;
}

function objectFields(resource: Exclude<Resource, { kind: 'backend' }>, columns: RefusedColumns): string[] {
  if (resource.kind === 'schema') return [field('schemas', [escapePattern(resource.name)]), field('tables', ['*'])];
  const schema = resource.schema === null ? '*' : escapePattern(resource.schema);
  const fields = [field('schemas', [schema]), field(SELECTORS[resource.kind], [escapePattern(resource.name)])];
  if (Array.isArray(columns)) fields.push(field('columns', columns.slice(0, MOST_COLUMNS).map(escapePattern)));
  return fields;
}

function field(key: string, values: readonly string[]): string {
  return `${key}: [${values.map(yamlScalar).join(', ')}]`;
}

/** Words that YAML reads as something else than themselves. */
const NOT_PLAIN = new Set(['true', 'false', 'null', 'yes', 'no', 'on', 'off', 'y', 'n']);

function yamlScalar(text: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !NOT_PLAIN.has(text.toLowerCase()) ? text : JSON.stringify(text);
}

/** A name that could mean several objects was judged as each: naming the one that is meant may be all that is needed. */
function qualifyAdvice(refusal: Refusal, columns: RefusedColumns): string | undefined {
  const { request, requests } = refusal;
  const { resource } = request;
  if (resource.kind === 'schema' || resource.kind === 'backend') return undefined;
  if (resource.schema === null || requests.some((other) => isSameNameElsewhere(other, request))) {
    return `qualify "${resource.name}" with its schema`;
  }
  const listed = columns === 'all' || columns === undefined ? [] : columns;
  const shared = listed.find((column) => requests.some((other) => mayHoldColumn(other, request, column)));
  return shared === undefined ? undefined : `qualify column "${shared}" with its relation`;
}

function isSameNameElsewhere(other: AccessRequest, { action, resource }: AccessRequest): boolean {
  if (resource.kind === 'schema' || resource.kind === 'backend' || other.resource.kind !== resource.kind) return false;
  return other.action === action && other.resource.name === resource.name && other.resource.schema !== resource.schema;
}

function mayHoldColumn(other: AccessRequest, { action, resource }: AccessRequest, column: string): boolean {
  if (resource.kind !== 'relation' || other.resource.kind !== 'relation' || other.action !== action) return false;
  if (qualified(other.resource) === qualified(resource)) return false;
  return Array.isArray(other.resource.columns) && other.resource.columns.includes(column);
}
