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

/** Verifiers cost much by design, so one user's is made once however many backends it is on. Users without one get a finding. */
export function verifiersOnce(
  source: VerifierSource,
  users: ReadonlyMap<string, DbUser>,
  findings: Finding[],
): VerifierOf {
  const verifiers = new Map([...users].map(([id, user]) => [id, makeVerifier(source, user, findings)]));
  return (id) => verifiers.get(id);
}

function makeVerifier({ secret, verifier }: VerifierSource, user: DbUser, findings: Finding[]): string | undefined {
  const subject: Subject = { kind: 'DbUser', namespace: namespaceOf(user), name: user.metadata.name };
  const ref = user.spec.passwordSecretRef;
  if (ref === undefined) {
    findings.push({
      ...subject,
      path: ['spec'],
      severity: 'warning',
      reason: 'NoPassword',
      message: 'no password is accepted for this user: name a Secret in spec.passwordSecretRef to have one',
    });
    return undefined;
  }
  const path = ['spec', 'passwordSecretRef'];
  const password = readSecret(secret, subject, { ...ref, path }, findings);
  if (password === undefined) return undefined;
  try {
    return verifier(user, password);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const message = 'no verifier could be made of its password: choose another password';
    findings.push({ ...subject, path, severity: 'error', reason: 'SecretNotUsable', message });
    return undefined;
  }
}
