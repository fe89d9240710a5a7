import type { Action } from '#contract/policy/request';
import type { Snapshot, SnapshotBackend, SnapshotRule, SnapshotUser, SqlRule } from '#contract/snapshot/types';
import { makeVerifier } from './scram-client.ts';

export interface TestUser {
  readonly name: string;
  readonly password?: string;
  readonly rules?: readonly TestRule[];
  readonly enabled?: boolean;
  readonly expiresAt?: number;
  readonly limits?: SnapshotUser['limits'];
}

/** Absent selectors as in YAML: databases the default one, schemas [public]. */
export type TestRule = Partial<Omit<SqlRule, 'actions'>> & {
  readonly actions: readonly Action[];
  readonly expiresAt?: number;
};

export interface TestBackend {
  readonly id?: string;
  readonly host: string;
  readonly port: number;
  readonly database?: string;
  readonly users: readonly TestUser[];
  readonly searchPath?: readonly string[];
  readonly tls?: SnapshotBackend['tls'];
  readonly timeouts?: Partial<SnapshotBackend['timeouts']>;
  readonly audit?: SnapshotBackend['audit'];
}

/** Everything that the shared login may do. */
export const MAY_ALL: TestRule = { databases: ['*'], schemas: ['*'], actions: ['admin'] };

export function testSnapshot(...backends: readonly TestBackend[]): Snapshot {
  return { format: 1, scope: 'test', backends: backends.map(testBackend) };
}

function testBackend(backend: TestBackend): SnapshotBackend {
  const database = backend.database ?? 'postgres';
  return {
    id: backend.id ?? 'test/main',
    protocol: 'postgresql',
    endpoints: [{ name: 'primary', host: backend.host, port: backend.port, role: 'primary' }],
    database,
    searchPath: backend.searchPath ?? ['public'],
    tls: backend.tls ?? { mode: 'disable', allowCleartextPassword: false },
    timeouts: { connect: 3_000, login: 5_000, statement: 0, idle: 0, ...backend.timeouts },
    audit: backend.audit ?? 'access',
    users: backend.users.map((user) => testUser(user, database)).sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function testUser(user: TestUser, database: string): SnapshotUser {
  return {
    name: user.name,
    ref: `test/${user.name}`,
    uid: `uid-${user.name}`,
    enabled: user.enabled ?? true,
    ...(user.expiresAt === undefined ? {} : { expiresAt: user.expiresAt }),
    ...(user.password === undefined ? {} : { verifier: verifierOf(user.password) }),
    limits: user.limits ?? {},
    rules: (user.rules ?? []).map((rule, index) => testRule(rule, database, `test/${user.name}-${String(index)}`)),
  };
}

function testRule({ expiresAt, ...rule }: TestRule, database: string, permission: string): SnapshotRule {
  return {
    permission,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    sql: { databases: [database], schemas: ['public'], ...rule },
  };
}

const verifiers = new Map<string, string>();

function verifierOf(password: string): string {
  let verifier = verifiers.get(password);
  if (verifier === undefined) {
    verifier = makeVerifier(password);
    verifiers.set(password, verifier);
  }
  return verifier;
}
