import type { SnapshotUser } from '#contract/snapshot/types';
import type { Refusal } from './protocols/refusal.ts';

/** What one user may use of this proxy at a time, over all of the user's sessions. */
export class UserLimits {
  #connections = 0;
  #tokens = Number.NaN;
  #filledAt = 0;

  get unused(): boolean {
    return this.#connections === 0;
  }

  /** Takes a place; undefined: there is one. */
  enter(user: SnapshotUser): Refusal | undefined {
    const { connections } = user.limits;
    if (connections !== undefined && this.#connections >= connections) return tooManyConnections(user.name);
    this.#connections++;
    return undefined;
  }

  leave(): void {
    this.#connections--;
  }

  /** One statement; now: monotonic milliseconds. */
  take(user: SnapshotUser, now: number): Refusal | undefined {
    const { statementsPerSecond: rate, burst } = user.limits;
    if (rate === undefined) return undefined;
    const capacity = Math.max(1, burst ?? rate);
    const before = Number.isNaN(this.#tokens) ? capacity : this.#tokens;
    const tokens = Math.min(capacity, before + ((now - this.#filledAt) * rate) / 1000);
    this.#filledAt = now;
    this.#tokens = tokens < 1 ? tokens : tokens - 1;
    return tokens < 1 ? tooManyStatements(user.name, rate) : undefined;
  }
}

const tooManyConnections = (name: string): Refusal => ({
  reason: 'limit',
  sqlstate: '53300',
  message: `too many connections for user "${name}"`,
});

const tooManyStatements = (name: string, rate: number): Refusal => ({
  reason: 'rate',
  sqlstate: '53400',
  message: `user "${name}" may run ${rate} statements per second`,
  hint: 'Wait, or ask for a higher statementsPerSecondPerProxy.',
});

/** Limits by user, for as long as the user has sessions here. */
export class Limits {
  readonly #users = new Map<string, UserLimits>();

  of(backend: string, uid: string): UserLimits {
    const key = `${backend}\n${uid}`;
    let limits = this.#users.get(key);
    if (limits === undefined) {
      if (this.#users.size > MAX_USERS) this.#sweep();
      limits = new UserLimits();
      this.#users.set(key, limits);
    }
    return limits;
  }

  /** Not at once when the last session ends: who reconnects for each statement has no fresh bucket. */
  #sweep(): void {
    for (const [key, limits] of this.#users) if (limits.unused) this.#users.delete(key);
  }
}

const MAX_USERS = 10_000;
