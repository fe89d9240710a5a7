import type { DbUser } from '../resources/types.gen.ts';
import { compareFindings, type Finding, type Subject } from './finding.ts';
import { fit, type FittedBackend, type Holder, type Resources } from './fit.ts';
import { idOf, namespaceOf } from './intake.ts';
import { MOST_RULES } from './permissions.ts';
import type { SecretReader } from './secrets.ts';
import { passwordOf, sayNoPassword, subjectOf } from './user.ts';

export interface FindingsInput extends Resources {
  /** A key of a Secret; undefined: there is no such Secret or key. Asked for no other than `secretsOf` tells. */
  readonly secret: SecretReader;
}

/**
 * All that is to be said of resources in a cluster, without making a verifier. What it says of one of them is right when
 * everything is among the input that bears on that one: references, consent, and who else claims a user name.
 */
export function findingsFor(input: FindingsInput): readonly Finding[] {
  const findings: Finding[] = [];
  const fitted = fit(input, undefined, input.secret, findings);
  for (const backend of fitted.backends) {
    for (const holder of backend.holders) {
      sayUnserved(backend, holder, findings);
      sayTooMany(backend, holder, findings);
    }
  }
  const needy = new Set(
    fitted.backends.filter(asksForPasswords).flatMap(({ holders }) => holders.map(({ user }) => user)),
  );
  for (const user of fitted.users.values()) {
    passwordOf(input.secret, user, findings);
    if (accountsOf(user).length === 0 || needy.has(user)) sayNoPassword(user, findings);
  }
  return findings.sort(compareFindings);
}

function sayTooMany({ compiled }: FittedBackend, { user, grants }: Holder, findings: Finding[]): void {
  const count = grants.reduce((sum, { permission }) => sum + permission.spec.rules.length, 0);
  if (count <= MOST_RULES) return;
  findings.push({
    ...subjectOf(user),
    path: ['spec'],
    severity: 'error',
    reason: 'TooManyRules',
    message:
      `${count} rules are permitted to this user on DatabaseBackend ${compiled.id}, and the first ${MOST_RULES} are in ` +
      'force, by the names of their DbPermissions: use patterns',
  });
}

const accountsOf = (user: DbUser): readonly string[] => user.spec.serviceAccounts ?? [];
const gatewaysOf = ({ source }: FittedBackend): readonly string[] => source.spec.gateways ?? [];

/** Gateways are the only way in there. */
function asksForPasswords(backend: FittedBackend): boolean {
  return gatewaysOf(backend).length > 0 && backend.source.spec.sharedLogin === 'Forbid';
}

/** A user whom no proxy serves on a backend: said of the user, and of each permission that is without effect by it. */
function sayUnserved(backend: FittedBackend, { user, grants }: Holder, findings: Finding[]): void {
  const said = unserved(backend, user);
  if (said === undefined) return;
  const about = (subject: Subject, path: string[]): void => {
    findings.push({ ...subject, path: ['spec', ...path], severity: 'warning', ...said });
  };
  about(subjectOf(user), accountsOf(user).length === 0 ? [] : ['serviceAccounts']);
  for (const { permission } of grants) {
    const { name } = permission.metadata;
    about({ kind: 'DbPermission', namespace: namespaceOf(permission), name }, ['backendRef', 'name']);
  }
}

function unserved(backend: FittedBackend, user: DbUser): Pick<Finding, 'reason' | 'message'> | undefined {
  const accounts = accountsOf(user);
  const gateways = gatewaysOf(backend);
  const { id } = backend.compiled;
  const who = idOf(subjectOf(user));
  if (accounts.length === 0) {
    if (gateways.length > 0) return undefined;
    const message =
      `no proxy serves DbUser ${who} on DatabaseBackend ${id}: name ServiceAccounts in the user's ` +
      "spec.serviceAccounts, or a gateway's in the backend's spec.gateways";
    return { reason: 'NoProxy', message };
  }
  const besides = namespaceOf(backend.source) === namespaceOf(user) ? gateways : [];
  const sidecars = accounts.some((account) => !besides.includes(account));
  if (backend.source.spec.sharedLogin === 'Allow' || !sidecars) return undefined;
  const instead =
    gateways.length > 0 ? 'have its pods use a gateway, by password, or' : 'have its owner name a gateway, or';
  const message =
    `sidecars of DbUser ${who} get no login for DatabaseBackend ${id}, whose spec.sharedLogin is Forbid: ` +
    `${instead} ask for sharedLogin: Allow`;
  return { reason: 'SharedLoginForbidden', message };
}
