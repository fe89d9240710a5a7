import { expiryOf } from './expiry.ts';
import type { DbUser } from '../resources/types.gen.ts';
import type { SnapshotRule, SnapshotUser } from '../snapshot/types.ts';
import { uidOf } from './claims.ts';
import type { Finding, Subject } from './finding.ts';
import { idOf, namespaceOf } from './intake.ts';
import { readSecret, type SecretReader } from './secrets.ts';

export function compileUser(user: DbUser, rules: readonly SnapshotRule[], verifier: string | undefined): SnapshotUser {
  const { username, enabled, expiresAt, limits, audit } = user.spec;
  return {
    name: username,
    ref: idOf({ namespace: namespaceOf(user), name: user.metadata.name }),
    uid: uidOf(user),
    enabled,
    ...expiryOf(expiresAt),
    ...(verifier === undefined ? {} : { verifier }),
    limits: limitsOf(limits),
    ...(audit === undefined ? {} : { audit }),
    rules,
  };
}

function limitsOf(limits: DbUser['spec']['limits']): SnapshotUser['limits'] {
  const { connectionsPerProxy, statementsPerSecondPerProxy, burst } = limits ?? {};
  return {
    ...(connectionsPerProxy === undefined ? {} : { connections: connectionsPerProxy }),
    ...(statementsPerSecondPerProxy === undefined ? {} : { statementsPerSecond: statementsPerSecondPerProxy }),
    ...(burst === undefined ? {} : { burst }),
  };
}

/** The verifier of the DbUser with that `namespace/name`; undefined: no password is accepted. */
export type VerifierOf = (id: string) => string | undefined;

interface VerifierSource {
  readonly secret: SecretReader;
  readonly verifier: (user: DbUser, password: string) => string;
}

/**
 * Verifiers cost much by design: one is made only when it is asked for, and once. Users whose password can't be had
 * get a finding at once, asked for or not.
 */
export function verifiersOnce(
  source: VerifierSource,
  users: ReadonlyMap<string, DbUser>,
  findings: Finding[],
): VerifierOf {
  const passwords = new Map([...users].map(([id, user]) => [id, passwordOf(source, user, findings)]));
  const made = new Map<string, string | undefined>();
  return (id) => {
    const user = users.get(id);
    const password = passwords.get(id);
    if (user === undefined || password === undefined) return undefined;
    if (!made.has(id)) made.set(id, makeVerifier(source, user, password, findings));
    return made.get(id);
  };
}

const PASSWORD_PATH = ['spec', 'passwordSecretRef'];

function subjectOf(user: DbUser): Subject {
  return { kind: 'DbUser', namespace: namespaceOf(user), name: user.metadata.name };
}

function passwordOf({ secret }: VerifierSource, user: DbUser, findings: Finding[]): string | undefined {
  const ref = user.spec.passwordSecretRef;
  if (ref) return readSecret(secret, subjectOf(user), { ...ref, path: PASSWORD_PATH }, findings);
  findings.push({
    ...subjectOf(user),
    path: ['spec'],
    severity: 'warning',
    reason: 'NoPassword',
    message: 'no password is accepted for this user: name a Secret in spec.passwordSecretRef to have one',
  });
  return undefined;
}

function makeVerifier(
  { verifier }: VerifierSource,
  user: DbUser,
  password: string,
  findings: Finding[],
): string | undefined {
  try {
    return verifier(user, password);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const message = 'no verifier could be made of its password: choose another password';
    findings.push({ ...subjectOf(user), path: PASSWORD_PATH, severity: 'error', reason: 'SecretNotUsable', message });
    return undefined;
  }
}
