import { expiryOf } from './expiry.ts';
import type { DatabaseBackend, DbPermission, DbUser } from '../resources/types.gen.ts';
import type { SnapshotRule } from '../snapshot/types.ts';
import type { FindingReason } from '../names.ts';
import type { Finding } from './finding.ts';
import { idOf, namespaceOf, type Intake } from './intake.ts';
import { compileRules } from './rules.ts';
import { refsOf } from './scope.ts';

/** A permission that holds: for one user on one backend. */
export interface Granted {
  readonly backend: string;
  readonly user: string;
  readonly permission: DbPermission;
}

interface Targets {
  readonly backends: Intake<DatabaseBackend>;
  readonly users: Intake<DbUser>;
}

type Say = (path: readonly string[], reason: FindingReason, message: string) => void;

/** undefined: the permission is void; findings say why. */
export function judgePermission(
  permission: DbPermission,
  { backends, users }: Targets,
  findings: Finding[],
): Granted | undefined {
  const namespace = namespaceOf(permission);
  const { name } = permission.metadata;
  const { user, backend: backendId } = refsOf(permission);
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
  if (namespaceOf(backend) !== namespace && consentFor(backend, namespace).length === 0) {
    const message = `DatabaseBackend ${backendId} does not name namespace ${namespace} in spec.consumers: ask its owner to`;
    say(['backendRef', 'namespace'], 'NoConsent', message);
    return undefined;
  }
  return userThere ? { backend: backendId, user, permission } : undefined;
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

type Consumers = NonNullable<DatabaseBackend['spec']['consumers']>;

/** What the backend's owner consents to; of no account where a permission lives beside the backend. */
function consentFor(backend: DatabaseBackend, namespace: string): Consumers {
  return (backend.spec.consumers ?? []).filter((consumer) => consumer.namespace === namespace);
}

/**
 * What one user may have on one backend. A document with more than proxies read (contract/snapshot/parse.ts) would be
 * believed by none, and its whole scope left with the policy of before.
 */
export const MOST_RULES = 4_096;

/** The rules of permissions, each with the ceiling that holds for it; none beyond MOST_RULES. */
export function snapshotRules(granted: readonly Granted[], backend: DatabaseBackend): SnapshotRule[] {
  const { database } = backend.spec;
  const rules = granted.flatMap(({ permission }) => {
    const namespace = namespaceOf(permission);
    const common = {
      permission: idOf({ namespace, name: permission.metadata.name }),
      ...expiryOf(permission.spec.expiresAt),
      ...(namespaceOf(backend) === namespace ? {} : { ceiling: ceilingFor(backend, namespace) }),
    };
    return compileRules(permission.spec.rules, database).map((sql) => ({ ...common, sql }));
  });
  return rules.slice(0, MOST_RULES);
}

function ceilingFor(backend: DatabaseBackend, namespace: string): SnapshotRule['sql'][] {
  return consentFor(backend, namespace).flatMap(({ ceiling }) => compileRules(ceiling, backend.spec.database));
}
