import type { DatabaseBackend, DbPermission, DbUser } from '#contract/resources/types.gen';

/** What is to be known for one look: no more than matters to it, so that a look costs what it touches. */
export interface Closure {
  readonly backends: readonly DatabaseBackend[];
  readonly users: readonly DbUser[];
  readonly permissions: readonly DbPermission[];
}

export type OurKind = 'DatabaseBackend' | 'DbUser' | 'DbPermission';

/** The resources as the watches have them, on every replica, by every way in which one leads to another. */
export interface ClusterResources {
  /** All watches have listed once. */
  readonly synced: boolean;
  /** A scope's own: users bound to it, backends that name it as gateway, all permissions of these, what those name, and whoever rivals for a user name. */
  ofScope(scope: string): Closure;
  /** One resource and what its findings depend on. undefined: it is not there. */
  of(kind: OurKind, key: string): Closure | undefined;
  /** Every scope that some resource speaks of now. */
  scopes(): ReadonlySet<string>;
}
