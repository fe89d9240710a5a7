import type { Finding } from '#contract/compile/compile';
import type { DatabaseBackend, DbPermission, DbUser } from '#contract/resources/types.gen';
import { renderTable } from './table.ts';

/** What is in force, as the table shows it. */
export interface Status {
  readonly backends: readonly DatabaseBackend[];
  readonly users: readonly DbUser[];
  readonly permissions: readonly DbPermission[];
  readonly findings: readonly Finding[];
  /** By backend `namespace/name`: where clients reach it. */
  readonly addresses: ReadonlyMap<string, string>;
}

/** Three tables with the columns of `kubectl get`; empty ones are left out. now: epoch milliseconds. */
export function renderStatus(status: Status, now: number): string {
  const tables = [
    renderTable(
      ['BACKEND', 'PROTOCOL', 'HOST', 'DATABASE', 'ADDRESS', 'READY', 'REASON'],
      status.backends.map((backend) => backendRow(status, backend)),
    ),
    renderTable(
      ['USER', 'USERNAME', 'ENABLED', 'EXPIRES', 'READY', 'REASON'],
      status.users.map((user) => userRow(status, user, now)),
    ),
    renderTable(
      ['PERMISSION', 'USER', 'BACKEND', 'RULES', 'EXPIRES', 'READY', 'REASON'],
      status.permissions.map((permission) => permissionRow(status, permission, now)),
    ),
  ];
  return tables.filter((table) => table !== '').join('\n');
}

function backendRow(status: Status, backend: DatabaseBackend): string[] {
  const { protocol, endpoints, database } = backend.spec;
  const [primary] = endpoints; // the only one there can be today
  const host = primary === undefined ? '' : `${primary.host}:${primary.port}`;
  const address = status.addresses.get(identityOf(backend));
  const reason = faultOf(status, backend) ?? (address === undefined ? 'NoListener' : undefined);
  return [nameOf(backend), protocol, host, database, address ?? '', ...readiness(reason)];
}

function userRow(status: Status, user: DbUser, now: number): string[] {
  const { username, enabled, expiresAt } = user.spec;
  const reason = faultOf(status, user) ?? (enabled ? expiry(expiresAt, now) : 'Disabled');
  return [nameOf(user), username, String(enabled), expiresAt ?? 'never', ...readiness(reason)];
}

function permissionRow(status: Status, permission: DbPermission, now: number): string[] {
  const { userRef, backendRef, rules, expiresAt } = permission.spec;
  const namespace = namespaceOf(permission);
  const backend = short(backendRef.namespace ?? namespace, backendRef.name);
  const reason = faultOf(status, permission) ?? expiry(expiresAt, now);
  const user = short(namespace, userRef.name);
  return [nameOf(permission), user, backend, String(rules.length), expiresAt ?? 'never', ...readiness(reason)];
}

type Resource = DatabaseBackend | DbUser | DbPermission;

/** Findings that mean that the resource does not do its work, though they are no errors. */
const NOT_READY: readonly Finding['reason'][] = ['NoPassword'];

function faultOf({ findings }: Status, resource: Resource): string | undefined {
  const { kind, metadata } = resource;
  const own = findings.filter(
    (finding) => finding.kind === kind && finding.namespace === namespaceOf(resource) && finding.name === metadata.name,
  );
  return own.find(({ severity, reason }) => severity === 'error' || NOT_READY.includes(reason))?.reason;
}

const expiry = (expiresAt: string | null | undefined, now: number): string | undefined =>
  expiresAt !== undefined && expiresAt !== null && Date.parse(expiresAt) <= now ? 'Expired' : undefined;

const readiness = (reason: string | undefined): [string, string] =>
  reason === undefined ? ['True', ''] : ['False', reason];

const namespaceOf = ({ metadata }: Resource): string => metadata.namespace ?? 'default';
const identityOf = (resource: Resource): string => `${namespaceOf(resource)}/${resource.metadata.name}`;
const nameOf = (resource: Resource): string => short(namespaceOf(resource), resource.metadata.name);
/** As kubectl shows it to somebody in the namespace `default`. */
const short = (namespace: string, name: string): string => (namespace === 'default' ? name : `${namespace}/${name}`);
