import { parseDuration } from '../resources/time.ts';
import type { DatabaseBackend } from '../resources/types.gen.ts';
import type { SnapshotBackend } from '../snapshot/types.ts';
import type { Finding, Subject } from './finding.ts';
import { idOf, namespaceOf } from './intake.ts';
import { readSecret, type SecretReader } from './secrets.ts';

/** A backend without its users. undefined: it can't be reached as asked; a finding says why. */
export function compileBackend(
  backend: DatabaseBackend,
  secret: SecretReader,
  findings: Finding[],
): SnapshotBackend | undefined {
  const { spec, metadata } = backend;
  const subject: Subject = { kind: 'DatabaseBackend', namespace: namespaceOf(backend), name: metadata.name };
  checkCredentials(spec.credentialsSecretRef, subject, secret, findings);
  checkConsumers(backend, subject, findings);

  const { caSecretRef, mode, allowCleartextPassword } = spec.tls;
  const path = ['spec', 'tls', 'caSecretRef'];
  const ca = caSecretRef && readSecret(secret, subject, { ...caSecretRef, path }, findings);
  // Without its CA the system's roots would be believed instead, which nobody asked for.
  if (caSecretRef && ca === undefined) return undefined;

  return {
    id: idOf(subject),
    protocol: spec.protocol,
    endpoints: spec.endpoints.map(({ name, host, port, role }) => ({ name, host, port, role })),
    database: spec.database,
    searchPath: spec.searchPath,
    tls: { mode, ...(ca === undefined ? {} : { ca }), allowCleartextPassword },
    timeouts: milliseconds(spec.timeouts),
    audit: spec.security.audit,
    users: [],
  };
}

/** The login itself is no part of policy; that it is missing is worth knowing all the same. */
function checkCredentials(
  { name, usernameKey, passwordKey }: DatabaseBackend['spec']['credentialsSecretRef'],
  subject: Subject,
  secret: SecretReader,
  findings: Finding[],
): void {
  for (const key of [usernameKey, passwordKey]) {
    readSecret(secret, subject, { name, key, path: ['spec', 'credentialsSecretRef'] }, findings);
  }
}

function checkConsumers(backend: DatabaseBackend, subject: Subject, findings: Finding[]): void {
  backend.spec.consumers?.forEach(({ namespace }, index) => {
    if (namespace !== subject.namespace) return;
    findings.push({
      ...subject,
      path: ['spec', 'consumers', index, 'namespace'],
      severity: 'warning',
      reason: 'OwnNamespace',
      message: "the backend's own namespace needs no consent, and no ceiling holds for it: remove the entry",
    });
  });
}

function milliseconds(timeouts: DatabaseBackend['spec']['timeouts']): SnapshotBackend['timeouts'] {
  const of = (text: string): number => {
    const parsed = parseDuration(text);
    if (parsed === undefined) throw new Error('a duration that was checked is malformed');
    return parsed;
  };
  const { connect, login, statement, idle } = timeouts;
  return { connect: of(connect), login: of(login), statement: of(statement), idle: of(idle) };
}
