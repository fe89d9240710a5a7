import { expiryOf } from './expiry.ts';
import type { DbUser } from '../resources/types.gen.ts';
import type { SnapshotRule, SnapshotUser } from '../snapshot/types.ts';
import { uidOf } from './claims.ts';
import type { Finding, Subject } from './finding.ts';
import { idOf, namespaceOf } from './intake.ts';
import { readSecret, type SecretReader } from './secrets.ts';

export function compileUser(
  user: DbUser,
  rules: readonly SnapshotRule[],
  identity: Pick<SnapshotUser, 'verifier' | 'bound'>,
): SnapshotUser {
  const { username, enabled, expiresAt, limits, audit } = user.spec;
  return {
    name: username,
    ref: idOf({ namespace: namespaceOf(user), name: user.metadata.name }),
    uid: uidOf(user),
    enabled,
    ...expiryOf(expiresAt),
    ...identity,
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

/** Passwords and what is kept of them, of one compile. undefined: no password is accepted. */
export interface Verifiers {
  password(user: DbUser): string | undefined;
  verifier(user: DbUser): string | undefined;
}

interface VerifierSource {
  readonly secret: SecretReader;
  readonly verifier: (user: DbUser, password: string) => string;
}

/**
 * Verifiers cost much by design, and Secrets may not be at hand: each is only asked for when its user is, and once.
 * What can't be had is a finding, once.
 */
export function verifiersOnce(source: VerifierSource, findings: Finding[]): Verifiers {
  const password = once((user) => passwordOf(source.secret, user, findings));
  const verifier = once((user) => {
    const text = password(user);
    return text === undefined ? undefined : makeVerifier(source, user, text, findings);
  });
  return { password, verifier };
}

function once<T>(make: (user: DbUser) => T): (user: DbUser) => T {
  const made = new Map<DbUser, { readonly value: T }>();
  return (user) => {
    const known = made.get(user) ?? { value: make(user) };
    made.set(user, known);
    return known.value;
  };
}

const PASSWORD_PATH = ['spec', 'passwordSecretRef'];

export function subjectOf(user: DbUser): Subject {
  return { kind: 'DbUser', namespace: namespaceOf(user), name: user.metadata.name };
}

/** The password as it stands in its Secret; undefined: none is named, or, with a finding, it can't be had. */
export function passwordOf(secret: SecretReader, user: DbUser, findings: Finding[]): string | undefined {
  const ref = user.spec.passwordSecretRef;
  return ref && readSecret(secret, subjectOf(user), { ...ref, path: PASSWORD_PATH }, findings);
}

/** Worth saying wherever a password is the only way in. */
export function sayNoPassword(user: DbUser, findings: Finding[]): void {
  if (user.spec.passwordSecretRef) return;
  findings.push({
    ...subjectOf(user),
    path: ['spec'],
    severity: 'warning',
    reason: 'NoPassword',
    message: 'no password is accepted for this user: name a Secret in spec.passwordSecretRef to have one',
  });
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
