import type { DatabaseBackend, DbPermission, DbUser } from '../resources/types.gen.ts';
import { idOf, namespaceOf, type Intake } from './intake.ts';

/** The scope of a proxy that takes its policy from files: everything, whoever asks. */
export const STANDALONE = 'standalone';

/** The ServiceAccount whose pods a scope is about. */
export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** Of `namespace/serviceaccount`; undefined: standalone. A text that is neither gives an account that nothing names. */
export function accountOf(scope: string): Account | undefined {
  if (scope === STANDALONE) return undefined;
  const [, namespace = '', name = ''] = /^([^/]+)\/([^/]+)$/.exec(scope) ?? [];
  return { namespace, name };
}

/** Whether pods of the account are this user. */
export function isBound(user: DbUser, account: Account): boolean {
  return namespaceOf(user) === account.namespace && (user.spec.serviceAccounts ?? []).includes(account.name);
}

/** Whether pods of the account serve all users of the backend. */
export function isGateway(backend: DatabaseBackend, account: Account): boolean {
  return namespaceOf(backend) === account.namespace && (backend.spec.gateways ?? []).includes(account.name);
}

/** What of a scope's backends its document may hold: those it is a gateway of, and those that its users ask for. */
export function backendsInReach(
  account: Account,
  backends: Intake<DatabaseBackend>,
  users: Intake<DbUser>,
  permissions: Intake<DbPermission>,
): ReadonlySet<string> {
  const reach = new Set<string>();
  for (const [id, backend] of backends.usable) if (isGateway(backend, account)) reach.add(id);
  for (const permission of permissions.usable.values()) {
    const { user, backend } = refsOf(permission);
    const bound = users.usable.get(user);
    if (bound !== undefined && isBound(bound, account)) reach.add(backend);
  }
  return reach;
}

/** Whom and what a permission is about, each as `namespace/name`. */
export function refsOf(permission: DbPermission): { readonly user: string; readonly backend: string } {
  const namespace = namespaceOf(permission);
  const { userRef, backendRef } = permission.spec;
  return {
    user: idOf({ namespace, name: userRef.name }),
    backend: idOf({ namespace: backendRef.namespace ?? namespace, name: backendRef.name }),
  };
}
