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
  #current: CurrentSnapshot | undefined;
  #bound = new Map<SnapshotUser, BoundUser>();

  constructor(source: SnapshotSource) {
    this.#source = source;
  }

  /** undefined: no policy yet, or it has no such backend. */
  backend(id: string): SnapshotBackend | undefined {
    return this.#now()?.snapshot.backends.find((backend) => backend.id === id);
  }

  get hasPolicy(): boolean {
    return this.#now() !== undefined;
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

  #find(backendId: string, is: (user: SnapshotUser) => boolean): BoundUser | undefined {
    const backend = this.backend(backendId);
    const user = backend?.users.find(is);
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

const LEVELS: readonly AuditLevel[] = ['none', 'denied', 'access', 'statements'];

const stronger = (backend: AuditLevel, user: AuditLevel | undefined): AuditLevel =>
  user !== undefined && LEVELS.indexOf(user) > LEVELS.indexOf(backend) ? user : backend;
