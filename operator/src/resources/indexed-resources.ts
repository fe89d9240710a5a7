import type { DatabaseBackend, DbPermission, DbUser } from '#contract/resources/types.gen';
import { keyOf, type KubeObject } from '../kube/resource.ts';
import type { ReadableStore } from '../kube/store.ts';
import type {
  Cause,
  Closure,
  ClusterResources,
  OurKind,
  OurResource,
  ResourceId,
  Touched,
} from './cluster-resources.ts';
import { PodIndex, reducePod, type Pod } from './pods.ts';
import { ResourceIndex } from './resource-index.ts';
import { touchedBy, type TouchedNow } from './touched.ts';

/** A resource as a watch brings it. */
export type Watched = OurResource & KubeObject;

/** Kept by what the stores tell; stores of several namespaces may feed one. */
export class IndexedResources implements ClusterResources {
  readonly #index = new ResourceIndex();
  readonly #pods = new PodIndex();
  readonly #listeners = new Set<(touched: Touched) => void>();
  readonly #managerOf: (object: object) => string | undefined;
  #synced = false;

  /** managerOf: who changed that very object last. */
  constructor(managerOf: (object: object) => string | undefined = () => undefined) {
    this.#managerOf = managerOf;
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** When all that there is has been told for the first time. */
  setSynced(): void {
    this.#synced = true;
  }

  feed(kind: OurKind, store: ReadableStore<Watched>): void {
    for (const [key, object] of entriesOf(store)) this.#change({ kind, key }, object, undefined);
    store.onChange((key, now, before) => this.#change({ kind, key }, now, before));
  }

  /** Whole pods or what is kept of them. */
  feedPods(store: ReadableStore<KubeObject>): void {
    for (const [key, pod] of entriesOf(store)) this.#pods.change(key, reducePod(pod));
    store.onChange((key, now) => this.#pods.change(key, now && reducePod(now)));
  }

  onTouched(listener: (touched: Touched) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ofScope(scope: string): Closure {
    const index = this.#index;
    const found = new Selected();
    for (const backend of index.gatewayBackendsOf(scope)) {
      found.backends.add(backend);
      for (const permission of index.permissionsOfBackend(backend)) found.take(permission, index);
    }
    for (const user of index.boundUsersOf(scope)) {
      found.users.add(user);
      for (const permission of index.permissionsOfUser(user)) found.take(permission, index);
      for (const permission of index.rivalPermissions(user)) found.take(permission, index);
    }
    return found.closure(index);
  }

  of(kind: OurKind, key: string): Closure | undefined {
    const index = this.#index;
    if (index.get(kind, key) === undefined) return undefined;
    const found = new Selected();
    if (kind === 'DatabaseBackend') found.backends.add(key);
    if (kind === 'DbUser') {
      found.users.add(key);
      for (const permission of index.permissionsOfUser(key)) found.take(permission, index);
      for (const permission of index.rivalPermissions(key)) found.take(permission, index);
    }
    if (kind === 'DbPermission') {
      found.take(key, index);
      const { user, backend } = index.referencesOf(kind, key);
      if (user !== undefined && backend !== undefined)
        for (const permission of index.rivalPermissions(user, backend)) found.take(permission, index);
    }
    return found.closure(index);
  }

  scopes(): ReadonlySet<string> {
    return this.#index.scopes();
  }

  get(kind: OurKind, key: string): OurResource | undefined {
    return this.#index.get(kind, key);
  }

  keys(kind: OurKind): Iterable<string> {
    return this.#index.keys(kind);
  }

  scopesOf(kind: OurKind, key: string): ReadonlySet<string> {
    return this.#index.scopesHolding(kind, key);
  }

  usersOf(scope: string): ReadonlySet<string> {
    const index = this.#index;
    const users = new Set(index.boundUsersOf(scope));
    for (const backend of index.gatewayBackendsOf(scope))
      for (const permission of index.permissionsOfBackend(backend)) {
        const { user } = index.referencesOf('DbPermission', permission);
        if (user !== undefined && index.get('DbUser', user) !== undefined) users.add(user);
      }
    return users;
  }

  keysOfSecret(namespace: string, name: string): ReadonlySet<string> {
    return this.#index.keysOfSecret(namespace, name);
  }

  touchedBySecret(namespace: string, name: string): TouchedNow {
    const all = this.#index.namersOfSecret(namespace, name).map((id) => touchedBy(id, this.#index));
    return {
      scopes: new Set(all.flatMap(({ scopes }) => [...scopes])),
      statuses: new Set(all.flatMap(({ statuses }) => [...statuses])),
    };
  }

  podsOf(scope: string): readonly Pod[] {
    return this.#pods.of(scope);
  }

  scopesWithPods(): Iterable<string> {
    return this.#pods.scopes();
  }

  #change(id: ResourceId, now: Watched | undefined, before: Watched | undefined): void {
    const index = this.#index;
    if (now !== undefined && before !== undefined && isSameSpec(now, before)) {
      index.put(id, now);
      this.#tell({ scopes: new Set(), statuses: new Set([`${id.kind}/${id.key}`]), cause: undefined });
      return;
    }
    const was = before === undefined ? NOTHING : touchedBy(id, index);
    if (now === undefined) index.remove(id);
    else index.put(id, now);
    // What is gone still touches those that referred to it: their findings change.
    const is = touchedBy(id, index);
    this.#tell({
      scopes: new Set([...was.scopes, ...is.scopes]),
      statuses: new Set([...was.statuses, ...is.statuses]),
      cause: { ...id, what: whatHappened(now, before), by: now === undefined ? undefined : this.#managerOf(now) },
    });
  }

  #tell(touched: Touched): void {
    for (const listener of this.#listeners) listener(touched);
  }
}

function entriesOf<T extends KubeObject>(store: ReadableStore<T>): [string, T][] {
  return [...store.values()].map((object) => [keyOf(object.metadata), object]);
}

const NOTHING: TouchedNow = { scopes: new Set(), statuses: new Set() };

/** A resource's generation rises with each change of its spec, and nothing else of it is looked at. */
function isSameSpec({ metadata: now }: KubeObject, { metadata: before }: KubeObject): boolean {
  return now.uid === before.uid && now.generation !== undefined && now.generation === before.generation;
}

function whatHappened(now: Watched | undefined, before: Watched | undefined): Cause['what'] {
  if (now === undefined) return 'deleted';
  return before === undefined ? 'created' : 'changed';
}

/** Keys of what belongs to a look. */
class Selected {
  readonly backends = new Set<string>();
  readonly users = new Set<string>();
  readonly permissions = new Set<string>();

  /** A permission and what it names. */
  take(permission: string, index: ResourceIndex): void {
    this.permissions.add(permission);
    const { user, backend } = index.referencesOf('DbPermission', permission);
    if (user !== undefined) this.users.add(user);
    if (backend !== undefined) this.backends.add(backend);
  }

  closure(index: ResourceIndex): Closure {
    const all = (kind: OurKind, keys: ReadonlySet<string>): readonly OurResource[] =>
      [...keys].map((key) => index.get(kind, key)).filter((resource) => resource !== undefined);
    return {
      backends: all('DatabaseBackend', this.backends) as readonly DatabaseBackend[],
      users: all('DbUser', this.users) as readonly DbUser[],
      permissions: all('DbPermission', this.permissions) as readonly DbPermission[],
    };
  }
}
