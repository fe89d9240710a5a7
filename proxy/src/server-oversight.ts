import type { SnapshotUser } from '#contract/snapshot/types';
import type { ProxyConfig } from './config.ts';
import type { Connection } from './connection.ts';
import type { Refusal } from './protocols/refusal.ts';
import type { Relay } from './relay.ts';
import type { PolicyDirectory } from './snapshot/directory.ts';

/** Milliseconds between two looks at idle and expired sessions. */
const ROUND = 1_000;
const DRAIN_LOOK = 20;

/** Watches over all connections: policy that moves, users that expire, clients that idle, the end. */
export class Overseer {
  readonly #config: ProxyConfig;
  readonly #directory: PolicyDirectory;
  readonly #connections = new Set<Connection>();
  readonly #stopListening: () => void;
  readonly #rounds: NodeJS.Timeout;

  constructor(config: ProxyConfig, directory: PolicyDirectory) {
    this.#config = config;
    this.#directory = directory;
    this.#stopListening = config.snapshots.onSwap(() => this.#swapped());
    this.#rounds = setInterval(() => this.#round(), ROUND);
    this.#rounds.unref();
  }

  get count(): number {
    return this.#connections.size;
  }

  enter(connection: Connection): void {
    this.#connections.add(connection);
  }

  leave(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** Policy may have moved while it was being opened. */
  opened(relay: Relay): void {
    this.#judgeAnew(relay);
  }

  /** Lets what is in flight end; then, or when the time is up, everything does. */
  async drain(milliseconds: number): Promise<void> {
    this.#stopListening();
    clearInterval(this.#rounds);
    const { environment } = this.#config;
    const end = environment.monotonic() + milliseconds;
    for (;;) {
      const late = environment.monotonic() >= end;
      for (const connection of this.#connections) {
        if (late || (connection.relay?.inFlight ?? 0) === 0) connection.close(SHUTDOWN);
      }
      if (this.#connections.size === 0) return;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK));
    }
  }

  #swapped(): void {
    for (const relay of this.#relays()) this.#judgeAnew(relay);
  }

  #judgeAnew(relay: Relay): void {
    const { user, backend } = relay.user;
    const found = this.#directory.byUid(backend.id, user.uid);
    if (found === undefined) {
      relay.close(this.#gone(backend.id, user));
      return;
    }
    if (!found.user.enabled) {
      relay.close(ended(`user "${user.name}" has been disabled`));
      return;
    }
    if (found.user.name !== user.name) {
      relay.close(ended(`user "${user.name}" has been renamed`));
      return;
    }
    if (this.#isExpired(found.user.expiresAt)) {
      relay.close(ended(`user "${user.name}" has expired`));
      return;
    }
    if (found !== relay.user) relay.rejudge(found);
  }

  #gone(backendId: string, { name, uid }: SnapshotUser): Refusal {
    if (this.#directory.backend(backendId) === undefined) {
      if (this.#directory.tooOld) return TOO_OLD;
      // A pod's policy holds no more than what its users have permissions for.
      const why = this.#config.identity === 'pod' ? `, or no DbPermission brings user "${name}" to it any more` : '';
      return ended(`the backend has been removed${why}`);
    }
    if (!this.#directory.has(backendId, uid)) {
      return ended(`user "${name}" has been removed, or no DbPermission brings it to this backend any more`);
    }
    return this.#config.identity === 'pod'
      ? ended(`user "${name}" is no longer bound to this pod`)
      : ended(`user "${name}" is no longer served here`);
  }

  #round(): void {
    const now = this.#config.environment.monotonic();
    for (const relay of this.#relays()) {
      const { user, backend } = relay.user;
      if (this.#isExpired(user.expiresAt)) relay.close(ended(`user "${user.name}" has expired`));
      const { idle } = backend.timeouts;
      if (idle > 0 && relay.idleFor(now) >= idle) relay.close(IDLE);
    }
  }

  #isExpired(at: number | undefined): boolean {
    return at !== undefined && at <= this.#config.environment.now();
  }

  *#relays(): Generator<Relay> {
    for (const { relay } of this.#connections) if (relay !== undefined) yield relay;
  }
}

const ended = (reason: string): Refusal => ({
  reason: 'gone',
  sqlstate: '57P01',
  message: `terminating connection: ${reason}`,
});

const TOO_OLD: Refusal = {
  reason: 'unavailable',
  sqlstate: '57P03',
  message: 'terminating connection: the policy that the proxy has is too old to be believed',
};

const SHUTDOWN: Refusal = {
  reason: 'gone',
  sqlstate: '57P01',
  message: 'terminating connection due to administrator command',
};

const IDLE: Refusal = {
  reason: 'timeout',
  sqlstate: '57P05',
  message: 'terminating connection due to idle-session timeout',
};
