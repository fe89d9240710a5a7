import type { DatabaseBackend, DbPermission, DbUser } from '#contract/resources/types.gen';
import type { Pod } from './pods.ts';

/** What is to be known for one look: no more than matters to it, so that a look costs what it touches. */
export interface Closure {
  readonly backends: readonly DatabaseBackend[];
  readonly users: readonly DbUser[];
  readonly permissions: readonly DbPermission[];
}

export type OurKind = 'DatabaseBackend' | 'DbUser' | 'DbPermission';
export type OurResource = DatabaseBackend | DbUser | DbPermission;

/** A resource, by kind and `namespace/name`. */
export interface ResourceId {
  readonly kind: OurKind;
  readonly key: string;
}

/** What happened to one resource. */
export interface Cause extends ResourceId {
  readonly what: 'created' | 'changed' | 'deleted';
  /** The field manager of the last change (`kubectl-client-side-apply`, `argocd-controller`, …). undefined: not known. */
  readonly by: string | undefined;
}

/** What a change may have made another of: scopes whose policy, and resources whose status depends on it, as it was or as it is. */
export interface Touched {
  readonly scopes: ReadonlySet<string>;
  /** Queue keys, `Kind/namespace/name`. */
  readonly statuses: ReadonlySet<string>;
  /** undefined: nothing that policy is made of, but somebody wrote to the resource. */
  readonly cause: Cause | undefined;
}

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

  get(kind: OurKind, key: string): OurResource | undefined;
  keys(kind: OurKind): Iterable<string>;
  /** The scopes whose policy holds something of the resource. */
  scopesOf(kind: OurKind, key: string): ReadonlySet<string>;
  /** `namespace/name` of the DbUsers that pods of the scope serve. */
  usersOf(scope: string): ReadonlySet<string>;
  /** Keys of that Secret which some resource names. */
  keysOfSecret(namespace: string, name: string): ReadonlySet<string>;
  /** What a Secret that is another now touches. */
  touchedBySecret(namespace: string, name: string): Pick<Touched, 'scopes' | 'statuses'>;
  /** Pods with our label, of that ServiceAccount. */
  podsOf(scope: string): readonly Pod[];
  /** Scopes that have pods with our label. */
  scopesWithPods(): Iterable<string>;
  /** Called after each change, when everything above knows of it. Returns the way to stop. */
  onTouched(listener: (touched: Touched) => void): () => void;
}
