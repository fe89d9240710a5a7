/**
 * What is compiled from the resources and loaded by a proxy: everything that a scope's proxies need to judge, and nothing else.
 * Plain JSON: no class, no Date, no undefined. Passwords are never in here; verifiers only where users log in by password.
 */

export const SNAPSHOT_FORMAT = 1;

export interface Snapshot {
  readonly format: typeof SNAPSHOT_FORMAT;
  /** `namespace/serviceaccount`, or `standalone`. */
  readonly scope: string;
  readonly backends: readonly SnapshotBackend[];
}

export type TlsMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
export type AuditLevel = 'none' | 'denied' | 'access' | 'statements';

export interface Endpoint {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly role: 'primary';
}

export interface SnapshotBackend {
  /** `namespace/name` of the DatabaseBackend. */
  readonly id: string;
  readonly protocol: 'postgresql';
  readonly endpoints: readonly Endpoint[];
  /** Default database. */
  readonly database: string;
  /** What sessions start with; pg_temp is always put last by the proxy. */
  readonly searchPath: readonly string[];
  readonly tls: {
    readonly mode: TlsMode;
    /** PEM; absent: the system's roots. */
    readonly ca?: string;
    /** Whether our password may be sent as it is: only over verified TLS all the same. */
    readonly allowCleartextPassword: boolean;
  };
  /** Milliseconds. 0 for statement and idle: none. */
  readonly timeouts: {
    readonly connect: number;
    readonly login: number;
    readonly statement: number;
    readonly idle: number;
  };
  readonly audit: AuditLevel;
  /** Sorted by name; names are unique within a backend. */
  readonly users: readonly SnapshotUser[];
}

export interface SnapshotUser {
  /** The user name on the wire. */
  readonly name: string;
  /** `namespace/name` of the DbUser. */
  readonly ref: string;
  readonly uid: string;
  readonly enabled: boolean;
  /** Epoch milliseconds. */
  readonly expiresAt?: number;
  /** PostgreSQL's form: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>. Absent: no password is accepted. */
  readonly verifier?: string;
  /** The scope's pods are this user: on a sidecar's loopback it needs no password. Never in a standalone scope. */
  readonly bound?: true;
  readonly limits: {
    readonly connections?: number;
    readonly statementsPerSecond?: number;
    readonly burst?: number;
  };
  /** Overrides the backend's when it says more. */
  readonly audit?: AuditLevel;
  readonly rules: readonly SnapshotRule[];
}

export interface SnapshotRule {
  /** `namespace/name` of the DbPermission that it comes from. */
  readonly permission: string;
  readonly expiresAt?: number;
  readonly sql: SqlRule;
  /**
   * Present when the permission lives in another namespace than the backend: what the backend's owner consents to.
   * A request counts only if one of these allows it too. An empty list consents to nothing.
   */
  readonly ceiling?: readonly SqlRule[];
}

/** Selectors are patterns (`*`, `\` escapes) against names as the server stores them; absent means as said at each. */
export interface SqlRule {
  /** Absent: the backend's default database. */
  readonly databases: readonly string[];
  /** Absent in YAML: [public]. */
  readonly schemas: readonly string[];
  /** Absent: no relation. */
  readonly tables?: readonly string[];
  /** Absent: all columns. */
  readonly columns?: readonly string[];
  readonly functions?: readonly string[];
  readonly sequences?: readonly string[];
  readonly types?: readonly string[];
  /** `read` and `write` are already replaced by what they stand for. */
  readonly actions: readonly import('../policy/request.ts').Action[];
}
