import { expiryOf } from './expiry.ts';
import type { DatabaseBackend, DbPermission, DbUser } from '../resources/types.gen.ts';
import type { SnapshotRule } from '../snapshot/types.ts';
import type { FindingReason } from '../names.ts';
import type { Finding } from './finding.ts';
import { idOf, namespaceOf, type Intake } from './intake.ts';
import { compileRules } from './rules.ts';

/** What a permission comes to: rules for one user on one backend. */
export interface Granted {
  readonly backend: string;
  readonly user: string;
  readonly rules: readonly SnapshotRule[];
}

interface Resources {
  readonly backends: Intake<DatabaseBackend>;
  readonly users: Intake<DbUser>;
}

type Say = (path: readonly string[], reason: FindingReason, message: string) => void;

/** undefined: the permission is void; findings say why. */
export function compilePermission(
  permission: DbPermission,
  { backends, users }: Resources,
  findings: Finding[],
): Granted | undefined {
  const namespace = namespaceOf(permission);
  const { name } = permission.metadata;
  const { userRef, backendRef } = permission.spec;
  const user = idOf({ namespace, name: userRef.name });
  const backendId = idOf({ namespace: backendRef.namespace ?? namespace, name: backendRef.name });
  const say: Say = (path, reason, message) => {
    findings.push({
      kind: 'DbPermission',
      namespace,
      name,
      path: ['spec', ...path],
      severity: 'error',
      reason,
      message,
    });
  };

  const userThere = isThere(users, user, (reason, message) => {
    say(['userRef', 'name'], `User${reason}`, `DbUser ${user} ${message}`);
  });
  const backendThere = isThere(backends, backendId, (reason, message) => {
    say(['backendRef', 'name'], `Backend${reason}`, `DatabaseBackend ${backendId} ${message}`);
  });
  const backend = backends.usable.get(backendId);
  if (!backendThere || backend === undefined) return undefined;
  const ceiling = ceilingFor(backend, namespace);
  if (ceiling === undefined) {
    const message = `DatabaseBackend ${backendId} does not name namespace ${namespace} in spec.consumers: ask its owner to`;
    say(['backendRef', 'namespace'], 'NoConsent', message);
    return undefined;
  }
  return userThere ? { backend: backendId, user, rules: snapshotRules(permission, backend, ceiling) } : undefined;
}

function isThere(
  { usable, broken }: Intake<unknown>,
  id: string,
  say: (reason: 'NotFound' | 'NotUsable', message: string) => void,
): boolean {
  if (usable.has(id)) return true;
  if (broken.has(id)) say('NotUsable', 'is there and can not be used: mend it, its own findings say how');
  else say('NotFound', 'is not there: create it, or name another');
  return false;
}

/** What the backend's owner consents to; `own`: the permission lives beside the backend, and needs no consent. */
function ceilingFor(backend: DatabaseBackend, namespace: string): SnapshotRule['sql'][] | 'own' | undefined {
  if (namespaceOf(backend) === namespace) return 'own';
  const consumers = (backend.spec.consumers ?? []).filter((consumer) => consumer.namespace === namespace);
  if (consumers.length === 0) return undefined;
  return consumers.flatMap((consumer) => compileRules(consumer.ceiling, backend.spec.database));
}

function snapshotRules(
  permission: DbPermission,
  backend: DatabaseBackend,
  ceiling: SnapshotRule['sql'][] | 'own',
): SnapshotRule[] {
  const { rules, expiresAt } = permission.spec;
  const common = {
    permission: idOf({ namespace: namespaceOf(permission), name: permission.metadata.name }),
    ...expiryOf(expiresAt),
    ...(ceiling === 'own' ? {} : { ceiling }),
  };
  return compileRules(rules, backend.spec.database).map((sql) => ({ ...common, sql }));
}
