import { compilePolicy, type UserPolicy } from '#contract/policy/evaluate';
import type { AuditLevel, SnapshotBackend, SnapshotUser } from '#contract/snapshot/types';
import type { Decision } from '#contract/policy/decision';
import type { InspectedStatement } from '../sql/inspection.ts';
import type { CurrentSnapshot, SnapshotSource } from './source.ts';

/** A user of a backend as one revision has it. Shared by the user's sessions, and gone with its revision. */
export interface BoundUser {
  readonly user: SnapshotUser;
  readonly backend: SnapshotBackend;
  readonly revision: number;
  readonly policy: UserPolicy;
  readonly audit: AuditLevel;
  /** What was decided by this policy already. */
  readonly decisions: WeakMap<InspectedStatement, Decision>;
}

/** Finds users in the snapshot in force; policies are compiled when they are first needed. */
export class PolicyDirectory {
  readonly #source: SnapshotSource;
  readonly #serves: (user: SnapshotUser) => boolean;
  #current: CurrentSnapshot | undefined;
  #bound = new Map<SnapshotUser, BoundUser>();

  /** serves: whom this process knows at all; to all who ask here, others are not in the policy. */
  constructor(source: SnapshotSource, serves: (user: SnapshotUser) => boolean = everybody) {
    this.#source = source;
    this.#serves = serves;
  }

  /** undefined: no policy yet, or it has no such backend. */
  backend(id: string): SnapshotBackend | undefined {
    return this.#now()?.snapshot.backends.find((backend) => backend.id === id);
  }

  /** Why there is no policy: it is too old. */
  get tooOld(): boolean {
    return this.#source.tooOld?.() === true;
  }

  /** `namespace/serviceaccount`. */
  get scope(): string | undefined {
    return this.#now()?.snapshot.scope;
  }

  get revision(): number {
    return this.#now()?.revision ?? 0;
  }

  byName(backendId: string, name: string): BoundUser | undefined {
    return this.#find(backendId, (user) => user.name === name);
  }

  /** The same user in the snapshot that is in force now. */
  byUid(backendId: string, uid: string): BoundUser | undefined {
    return this.#find(backendId, (user) => user.uid === uid);
  }

  /** Whom this process serves on a backend, sorted by name. */
  served(backendId: string): readonly SnapshotUser[] {
    return this.backend(backendId)?.users.filter(this.#serves) ?? [];
  }

  /** Whether the policy has a user, served here or not. */
  has(backendId: string, uid: string): boolean {
    return this.backend(backendId)?.users.some((user) => user.uid === uid) === true;
  }

  #find(backendId: string, is: (user: SnapshotUser) => boolean): BoundUser | undefined {
    const backend = this.backend(backendId);
    const user = backend?.users.find((candidate) => is(candidate) && this.#serves(candidate));
    return backend === undefined || user === undefined ? undefined : this.#bind(backend, user);
  }

  #bind(backend: SnapshotBackend, user: SnapshotUser): BoundUser {
    const known = this.#bound.get(user);
    if (known !== undefined) return known;
    const bound: BoundUser = {
      user,
      backend,
      revision: this.#current?.revision ?? 0,
      policy: compilePolicy(user, backend),
      audit: stronger(backend.audit, user.audit),
      decisions: new WeakMap(),
    };
    this.#bound.set(user, bound);
    return bound;
  }

  #now(): CurrentSnapshot | undefined {
    const current = this.#source.current();
    if (current !== this.#current) {
      this.#current = current;
      this.#bound = new Map();
    }
    return current;
  }
}

const everybody = (): boolean => true;

const LEVELS: readonly AuditLevel[] = ['none', 'denied', 'access', 'statements'];

const stronger = (backend: AuditLevel, user: AuditLevel | undefined): AuditLevel =>
  user !== undefined && LEVELS.indexOf(user) > LEVELS.indexOf(backend) ? user : backend;
