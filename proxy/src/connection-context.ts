import type { ProxyConfig } from './config.ts';
import type { ClientTls } from './connection-accept.ts';
import type { Identity } from './protocols/login.ts';
import type { Acceptance, Inspections, Protocol } from './protocols/protocol.ts';
import type { Limits } from './relay-limits.ts';
import type { Relay } from './relay.ts';
import type { PolicyDirectory } from './snapshot/directory.ts';
import type { CancelRegistry } from './upstream/cancel-registry.ts';
import type { Catalogs } from './upstream/catalog.ts';

/** What all connections of a process share. */
export interface Shared {
  readonly config: ProxyConfig;
  readonly directory: PolicyDirectory;
  readonly inspections: Inspections;
  readonly limits: Limits;
  readonly catalogs: Catalogs;
  readonly cancels: CancelRegistry;
}

/** What one connection is given. */
export interface ConnectionContext extends Shared {
  readonly protocol: Protocol;
  readonly tls: ClientTls | undefined;
  /** Of the listener: `namespace/name`. */
  readonly backend: string;
  readonly session: number;
  /** Remote address and port. */
  readonly client: string;
  /** Milliseconds. */
  readonly clientLogin: number;
  readonly startAccept: () => Acceptance;
  readonly identify: (user: string) => Identity;
  /** A login that ended before a session came to be. reason: of a closed set. */
  readonly loginRefused: (reason: string) => void;
  readonly opened: (relay: Relay) => void;
  readonly trouble: (what: string, detail: string) => void;
}
