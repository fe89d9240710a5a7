import type { Socket } from 'node:net';
import type { Environment } from './config.ts';
import type { Protocol, SessionContext } from './protocols/protocol.ts';
import type { UserLimits } from './relay-limits.ts';
import type { SessionRecord } from './relay-record.ts';
import type { BoundUser } from './snapshot/directory.ts';

/** What a relay is given: both sockets, past their logins, and the ways out. */
export interface RelayContext {
  readonly protocol: Protocol;
  readonly client: Socket;
  readonly server: Socket;
  readonly user: BoundUser;
  readonly database: string;
  readonly nonce: string;
  readonly sessionContext: SessionContext;
  readonly limits: UserLimits;
  readonly record: SessionRecord;
  readonly environment: Environment;
  /** Sends a cancel request to the server; resolves when its connection has closed, never rejects. */
  readonly cancelAtServer: () => Promise<void>;
  /** Names may exist that did not, or the other way round. */
  readonly catalogMoved: () => void;
  /** what: of a closed set; detail: no received value. */
  readonly trouble: (what: string, detail: string) => void;
  /** Called once, when there is nothing left to relay. */
  readonly over: () => void;
}
