import type { DatabaseBackend, DbPermission, DbUser } from '../resources/types.gen.ts';
import { SNAPSHOT_FORMAT, type Snapshot, type SnapshotBackend } from '../snapshot/types.ts';
import { compileBackend } from './backend.ts';
import { settleClaims, type Claim } from './claims.ts';
import { compareFindings, compareText, type Finding } from './finding.ts';
import { namespaceOf, takeIn, type Intake } from './intake.ts';
import { compilePermission, type Granted } from './permissions.ts';
import { compileUser, type VerifierOf, verifiersOnce } from './user.ts';

export type { Finding } from './finding.ts';

export interface CompileInput {
  /** `namespace/serviceaccount`, or `standalone`. */
  readonly scope: string;
  readonly backends: readonly DatabaseBackend[];
  readonly users: readonly DbUser[];
  readonly permissions: readonly DbPermission[];
  /** A key of a Secret; undefined: there is no such Secret or key. */
  readonly secret: (namespace: string, name: string, key: string) => string | undefined;
  /** A password's verifier. The same for the same user and password, or each compile gives another snapshot. */
  readonly verifier: (user: DbUser, password: string) => string;
}

export interface CompileResult {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
}

/**
 * Resources → what a proxy judges by. Pure: equal resources, in whatever order, give an equal snapshot. A broken
 * resource is left out with findings and harms no other. Time plays no part: expiry is carried along and judged later.
 */
export function compile(input: CompileInput): CompileResult {
  const findings: Finding[] = [];
  const backends = takeIn('DatabaseBackend', input.backends, findings);
  const users = takeIn('DbUser', input.users, findings);
  const permissions = takeIn('DbPermission', input.permissions, findings);

  const compiled = compileBackends(backends, input, findings);
  const granted = [...permissions.usable.values()]
    .map((permission) => compilePermission(permission, { backends: compiled.intake, users }, findings))
    .filter((grant) => grant !== undefined);

  const verifierOf = verifiersOnce(input, users.usable, findings);
  const full = compiled.backends.map((backend) => {
    const own = granted.filter((grant) => grant.backend === backend.id);
    return { ...backend, users: usersOf(backend, own, users, { verifierOf, findings }) };
  });
  return {
    snapshot: { format: SNAPSHOT_FORMAT, scope: input.scope, backends: full },
    findings: findings.sort(compareFindings),
  };
}

interface CompiledBackends {
  readonly backends: readonly SnapshotBackend[];
  /** As taken in, less those that could not be compiled. */
  readonly intake: Intake<DatabaseBackend>;
}

function compileBackends(intake: Intake<DatabaseBackend>, input: CompileInput, findings: Finding[]): CompiledBackends {
  const backends: SnapshotBackend[] = [];
  const usable = new Map(intake.usable);
  const broken = new Set(intake.broken);
  for (const [id, backend] of intake.usable) {
    const compiled = compileBackend(backend, input.secret, findings);
    if (compiled) backends.push(compiled);
    else {
      usable.delete(id);
      broken.add(id);
    }
  }
  return { backends, intake: { usable, broken } };
}

interface UserContext {
  readonly verifierOf: VerifierOf;
  readonly findings: Finding[];
}

/** The users that some permission brings to the backend, one per user name. */
function usersOf(
  backend: SnapshotBackend,
  granted: readonly Granted[],
  users: Intake<DbUser>,
  { verifierOf, findings }: UserContext,
): SnapshotBackend['users'] {
  const claims: Claim[] = [...users.usable]
    .filter(([id]) => granted.some((grant) => grant.user === id))
    .map(([id, user]) => ({ id, user }));
  const [backendNamespace = ''] = backend.id.split('/');
  const { winners, losers } = settleClaims(claims, backendNamespace);
  for (const { claim, winner } of losers) findings.push(conflict(backend.id, claim, winner));
  return winners
    .map(({ id, user }) => {
      const rules = granted.filter((grant) => grant.user === id).flatMap((grant) => grant.rules);
      return compileUser(user, rules, verifierOf(id));
    })
    .sort((a, b) => compareText(a.name, b.name));
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
