import type { DbUser } from '../resources/types.gen.ts';
import { SNAPSHOT_FORMAT, type Snapshot, type SnapshotBackend, type SnapshotUser } from '../snapshot/types.ts';
import { compareFindings, compareText, type Finding } from './finding.ts';
import { fit, type FittedBackend, type Resources } from './fit.ts';
import { snapshotRules } from './permissions.ts';
import { accountOf, isBound, isGateway, type Account } from './scope.ts';
import type { SecretReader } from './secrets.ts';
import { compileUser, sayNoPassword, verifiersOnce, type Verifiers } from './user.ts';

export type { Finding } from './finding.ts';

export interface CompileInput extends Resources {
  /** `namespace/serviceaccount`, or `standalone`. */
  readonly scope: string;
  /** A key of a Secret; undefined: there is no such Secret or key. Asked for no other than `secretsOf` tells. */
  readonly secret: SecretReader;
  /**
   * A password's verifier. The same for the same user and password, or each compile gives another snapshot. Asked for
   * no other users than `passwordsOf` tells.
   */
  readonly verifier: (user: DbUser, password: string) => string;
}

export interface CompileResult {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
}

/**
 * Resources → what a scope's proxies judge by. Pure: equal resources, in whatever order, give an equal snapshot. A broken
 * resource is left out with findings and harms no other; a scope of which nothing is said has an empty document. Time
 * plays no part: expiry is carried along and judged later.
 *
 * `standalone`: everything, with verifiers. An account: the backends it is a gateway of, with all their users and
 * verifiers; and of those that permissions of its own users reach, these users alone, without verifiers. Either way they
 * are `bound`. Of resources that the document can't hold, findings are no more than what stood in the way of saying so:
 * `findingsFor` says all.
 */
export function compile(input: CompileInput): CompileResult {
  const findings: Finding[] = [];
  const account = accountOf(input.scope);
  const fitted = fit(input, account, input.secret, findings);
  const verifiers = verifiersOnce(input, findings);
  if (account === undefined) {
    for (const user of fitted.users.values()) {
      verifiers.password(user);
      sayNoPassword(user, findings);
    }
  }
  const backends = fitted.backends
    .map((backend) =>
      account === undefined ? withEverybody(backend, undefined, verifiers) : ofAccount(backend, account, verifiers),
    )
    .filter((backend) => backend !== undefined);
  return {
    snapshot: { format: SNAPSHOT_FORMAT, scope: input.scope, backends },
    findings: findings.sort(compareFindings),
  };
}

/** undefined: none of its users has a name there. */
function ofAccount(backend: FittedBackend, account: Account, verifiers: Verifiers): SnapshotBackend | undefined {
  if (isGateway(backend.source, account)) return withEverybody(backend, account, verifiers);
  const users = backend.holders
    .filter(({ user }) => isBound(user, account))
    .map(({ user, grants }) => compileUser(user, snapshotRules(grants, backend.source), { bound: true }));
  return users.length === 0 ? undefined : { ...backend.compiled, users: byName(users) };
}

function withEverybody(backend: FittedBackend, account: Account | undefined, verifiers: Verifiers): SnapshotBackend {
  const users = backend.holders.map(({ user, grants }) => {
    const verifier = verifiers.verifier(user);
    const bound = account !== undefined && isBound(user, account);
    return compileUser(user, snapshotRules(grants, backend.source), {
      ...(verifier === undefined ? {} : { verifier }),
      ...(bound ? { bound } : {}),
    });
  });
  return { ...backend.compiled, users: byName(users) };
}

function byName(users: readonly SnapshotUser[]): SnapshotUser[] {
  return users.toSorted((a, b) => compareText(a.name, b.name));
}
