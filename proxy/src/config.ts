import type { SnapshotBackend, SnapshotUser } from '#contract/snapshot/types';
import type { Recorder } from './telemetry/recorder.ts';
import type { SnapshotSource } from './snapshot/source.ts';

/** Everything that a proxy process is given; main.ts and the standalone command fill it, tests too. */
export interface ProxyConfig {
  readonly listeners: readonly ListenerConfig[];
  readonly snapshots: SnapshotSource;
  readonly credentials: UpstreamCredentials;
  readonly recorder: Recorder;
  /** Serves TLS to clients when present. PEM. */
  readonly clientTls?: ClientCertificate;
  /** Refuses clients that don't encrypt. */
  readonly requireTls?: boolean;
  /** What salts of unknown users come from. Absent: chance, so that they change with each start; set it where real ones do not. */
  readonly mockSecret?: () => Buffer;
  /** Absent: clients prove by a password who they are. */
  readonly identity?: IdentityMode;
  /** Whom this process knows at all. Absent: everybody in the policy. */
  readonly serves?: (user: SnapshotUser) => boolean;
  readonly limits: ProxyLimits;
  readonly environment: Environment;
}

/**
 * `password`: SCRAM. `pod`: nobody but the processes of one pod can reach the listeners, which are on loopback only, so a
 * client is whom it says, among the users that are served here; no password is asked for.
 */
export type IdentityMode = 'password' | 'pod';

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface ListenerConfig {
  /** `namespace/name` of the backend that it serves; it may be absent from the snapshot and come later. */
  readonly backend: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface ProxyLimits {
  /** Client connections in all; beyond: 53300. */
  readonly connections: number;
  /** Milliseconds for a client to finish its login. */
  readonly clientLogin: number;
  /** Bytes of one statement text; beyond: 54001. */
  readonly statementBytes: number;
  /** Bytes that the decision and inspection caches may hold. */
  readonly cacheBytes: number;
}

/** The upstream logins, which are never part of policy. */
export interface UpstreamCredentials {
  /** undefined: none is at hand; the client gets 57P03. The key to try is (backend, DbUser uid); a shared login answers for any uid. */
  loginFor(backend: SnapshotBackend, userUid: string): UpstreamLogin | undefined;
  /** What to do about it when there is none: a sentence for the client. */
  readonly whyNone?: (backend: SnapshotBackend, user: SnapshotUser) => string;
  /** The server did not accept it. */
  readonly refused?: (backend: SnapshotBackend, userUid: string) => void;
}

export interface UpstreamLogin {
  readonly username: string;
  readonly password: string;
}

/** Clock and chance, handed in so that what uses them stays testable. */
export interface Environment {
  /** Epoch milliseconds. */
  now(): number;
  /** Monotonic milliseconds. */
  monotonic(): number;
  randomBytes(length: number): Buffer;
}
