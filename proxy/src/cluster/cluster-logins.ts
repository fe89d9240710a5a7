import type { Bootstrap, ScopeLogin } from '#contract/bootstrap/answer';
import type { Snapshot, SnapshotBackend, SnapshotUser } from '#contract/snapshot/types';
import type { UpstreamCredentials, UpstreamLogin } from '../config.ts';

/** What the process is for: who may connect, and how. */
export type ClusterMode = 'sidecar' | 'gateway';

export interface ClusterLoginsOptions {
  readonly mode: ClusterMode;
  readonly bootstrap: () => Bootstrap | undefined;
  /** Has the operator asked within so many milliseconds. */
  readonly askWithin: (milliseconds: number) => void;
  /** Whether the proxy waits for a login before it can begin. */
  readonly urgent: () => boolean;
  readonly monotonic: () => number;
  /** From 0 to 1. */
  readonly chance: () => number;
}

/** Milliseconds: doubled from answer to answer that brings nothing. `most` while nobody can be served, and later. */
const ASK_MS = { least: 500, mostUrgent: 15_000, most: 300_000 };
/** Between two questions because a server refused a login: it may be the server that is wrong. */
const REFUSED_MS = 30_000;

/** The logins at the servers that the operator gave, by backend and DbUser. */
export class ClusterLogins implements UpstreamCredentials {
  readonly #options: ClusterLoginsOptions;
  #spacing: number = ASK_MS.least;
  #refusedAt = -Infinity;

  constructor(options: ClusterLoginsOptions) {
    this.#options = options;
  }

  loginFor(backend: SnapshotBackend, userUid: string): UpstreamLogin | undefined {
    const login = this.#find(backend.id, userUid);
    if (login === undefined) this.#ask();
    return login;
  }

  /** Looks without asking. */
  has(backend: string, userUid: string): boolean {
    return this.#find(backend, userUid) !== undefined;
  }

  readonly whyNone = (backend: SnapshotBackend, user: SnapshotUser): string =>
    loginAdvice(this.#options.mode, backend.id, user.ref);

  readonly refused = (): void => {
    const now = this.#options.monotonic();
    if (now - this.#refusedAt < REFUSED_MS) return;
    this.#refusedAt = now;
    this.#options.askWithin(this.#jittered(ASK_MS.least));
  };

  /** Policy or answer have changed. `served`: whom this process serves. */
  reviewed(snapshot: Snapshot | undefined, backends: readonly string[], served: (user: SnapshotUser) => boolean): void {
    if (this.#options.bootstrap() === undefined) return;
    const missing = snapshot?.backends.some(
      ({ id, users }) => backends.includes(id) && users.some((user) => served(user) && !this.has(id, user.uid)),
    );
    if (missing === true) this.#ask();
    else this.#spacing = ASK_MS.least;
  }

  /** After an answer that brought nothing, the next question waits twice as long. */
  #ask(): void {
    this.#options.askWithin(this.#jittered(this.#spacing));
  }

  /** An answer came. */
  answered(): void {
    this.#spacing = Math.min(this.#spacing * 2, this.#options.urgent() ? ASK_MS.mostUrgent : ASK_MS.most);
  }

  #jittered(milliseconds: number): number {
    return milliseconds * (0.5 + this.#options.chance() / 2);
  }

  #find(backend: string, userUid: string): ScopeLogin | undefined {
    return this.#options
      .bootstrap()
      ?.logins.find((login) => login.backend === backend && login.users.includes(userUid));
  }
}

export const loginAdvice = (mode: ClusterMode, backend: string, user: string): string =>
  mode === 'sidecar'
    ? `DatabaseBackend ${backend} hands its login to gateways only (spec.sharedLogin: Forbid): set it to Allow, or connect DbUser ${user} through a gateway.`
    : `DatabaseBackend ${backend} gives this gateway no login for DbUser ${user}: spec.gateways must name its ServiceAccount, and spec.credentialsSecretRef a Secret that is there.`;
