import type { DatabaseBackend, DbPermission, DbUser } from '../resources/types.gen.ts';
import type { SnapshotBackend } from '../snapshot/types.ts';
import { compileBackend } from './backend.ts';
import { settleClaims, type Claim } from './claims.ts';
import type { Finding } from './finding.ts';
import { namespaceOf, takeIn, type Intake } from './intake.ts';
import { judgePermission, type Granted } from './permissions.ts';
import { backendsInReach, type Account } from './scope.ts';
import type { SecretReader } from './secrets.ts';

/** What is looked at together: everything there is, or for one scope or one resource what has to do with it. */
export interface Resources {
  readonly backends: readonly DatabaseBackend[];
  readonly users: readonly DbUser[];
  readonly permissions: readonly DbPermission[];
}

/** Resources that are sound, each at the place where others refer to it. */
export interface Fitted {
  /** Those in reach, by id. */
  readonly backends: readonly FittedBackend[];
  /** All of them, by `namespace/name`. */
  readonly users: ReadonlyMap<string, DbUser>;
}

export interface FittedBackend {
  readonly source: DatabaseBackend;
  readonly compiled: SnapshotBackend;
  /** One per user name, by `namespace/name`. */
  readonly holders: readonly Holder[];
}

/** Who has a user name on a backend, and by which permissions. */
export interface Holder extends Claim {
  readonly grants: readonly Granted[];
}

/**
 * Fits resources together. account: only the backends within its reach, whose Secrets alone are read; user names are
 * settled among all who claim one there, whosever they are.
 */
export function fit(
  resources: Resources,
  account: Account | undefined,
  secret: SecretReader,
  findings: Finding[],
): Fitted {
  const all = takeIn('DatabaseBackend', resources.backends, findings);
  const users = takeIn('DbUser', resources.users, findings);
  const permissions = takeIn('DbPermission', resources.permissions, findings);

  const reach = account && backendsInReach(account, all, users, permissions);
  const { compiled, backends } = compileBackends(all, reach, secret, findings);
  const granted = [...permissions.usable.values()]
    .map((permission) => judgePermission(permission, { backends, users }, findings))
    .filter((grant) => grant !== undefined);
  const byBackend = Map.groupBy(granted, ({ backend }) => backend);
  return {
    users: users.usable,
    backends: [...compiled].flatMap(([id, snapshot]) => {
      const source = backends.usable.get(id);
      if (source === undefined) return [];
      return [{ source, compiled: snapshot, holders: holdersOf(source, id, byBackend.get(id) ?? [], users, findings) }];
    }),
  };
}

interface CompiledBackends {
  readonly compiled: ReadonlyMap<string, SnapshotBackend>;
  /** As taken in, less those that could not be compiled. */
  readonly backends: Intake<DatabaseBackend>;
}

function compileBackends(
  intake: Intake<DatabaseBackend>,
  reach: ReadonlySet<string> | undefined,
  secret: SecretReader,
  findings: Finding[],
): CompiledBackends {
  const compiled = new Map<string, SnapshotBackend>();
  const usable = new Map(intake.usable);
  const broken = new Set(intake.broken);
  for (const [id, backend] of intake.usable) {
    if (reach?.has(id) === false) continue;
    const snapshot = compileBackend(backend, secret, findings);
    if (snapshot) compiled.set(id, snapshot);
    else {
      usable.delete(id);
      broken.add(id);
    }
  }
  return { compiled, backends: { usable, broken } };
}

function holdersOf(
  backend: DatabaseBackend,
  id: string,
  granted: readonly Granted[],
  users: Intake<DbUser>,
  findings: Finding[],
): Holder[] {
  const byUser = Map.groupBy(granted, ({ user }) => user);
  const claims = [...byUser.keys()].flatMap((user): Claim[] => {
    const found = users.usable.get(user);
    return found === undefined ? [] : [{ id: user, user: found }];
  });
  const { winners, losers } = settleClaims(claims, namespaceOf(backend));
  for (const { claim, winner } of losers) findings.push(conflict(id, claim, winner));
  return winners.map((claim) => ({ ...claim, grants: byUser.get(claim.id) ?? [] }));
}

function conflict(backend: string, { user }: Claim, winner: Claim): Finding {
  return {
    kind: 'DbUser',
    namespace: namespaceOf(user),
    name: user.metadata.name,
    path: ['spec', 'username'],
    severity: 'error',
    reason: 'Conflict',
    message: `DbUser ${winner.id} has this user name on DatabaseBackend ${backend}: choose another username`,
  };
}
