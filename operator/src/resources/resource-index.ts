import type { OurKind, OurResource, ResourceId } from './cluster-resources.ts';
import { referencesOf, type References } from './references.ts';
import { Relation } from './relation.ts';

interface Entry {
  readonly resource: OurResource;
  readonly references: References;
}

const NO_REFERENCES: References = { scopes: [], username: undefined, user: undefined, backend: undefined, secrets: [] };

/** Resources by key, and every way from one to another, whether or not what is referred to is there. */
export class ResourceIndex {
  readonly #entries: Readonly<Record<OurKind, Map<string, Entry>>> = {
    DatabaseBackend: new Map(),
    DbUser: new Map(),
    DbPermission: new Map(),
  };
  readonly #usersByScope = new Relation();
  readonly #usersByName = new Relation();
  readonly #backendsByScope = new Relation();
  readonly #permissionsByUser = new Relation();
  readonly #permissionsByBackend = new Relation();
  /** `namespace/name` of a Secret → `Kind/namespace/name` of who names it. */
  readonly #bySecret = new Relation();

  put(id: ResourceId, resource: OurResource): void {
    this.remove(id);
    const references = referencesOf(id.kind, resource);
    this.#entries[id.kind].set(id.key, { resource, references });
    this.#relate(id, references, 'add');
  }

  remove(id: ResourceId): void {
    const entry = this.#entries[id.kind].get(id.key);
    if (entry === undefined) return;
    this.#entries[id.kind].delete(id.key);
    this.#relate(id, entry.references, 'delete');
  }

  get(kind: OurKind, key: string): OurResource | undefined {
    return this.#entries[kind].get(key)?.resource;
  }

  keys(kind: OurKind): Iterable<string> {
    return this.#entries[kind].keys();
  }

  /** Of what is not there: none. */
  referencesOf(kind: OurKind, key: string): References {
    return this.#entries[kind].get(key)?.references ?? NO_REFERENCES;
  }

  boundUsersOf(scope: string): ReadonlySet<string> {
    return this.#usersByScope.of(scope);
  }

  gatewayBackendsOf(scope: string): ReadonlySet<string> {
    return this.#backendsByScope.of(scope);
  }

  permissionsOfUser(user: string): ReadonlySet<string> {
    return this.#permissionsByUser.of(user);
  }

  permissionsOfBackend(backend: string): ReadonlySet<string> {
    return this.#permissionsByBackend.of(backend);
  }

  /** Permissions, on backends that this user's permissions name (or on that one), of other users with its user name. */
  rivalPermissions(user: string, backend?: string): readonly string[] {
    const { username } = this.referencesOf('DbUser', user);
    if (username === undefined) return [];
    const rivals = this.#usersByName.of(username);
    if (rivals.size < 2) return [];
    const common = backend === undefined ? this.#backendsOf(user) : new Set([backend]);
    const theirs: string[] = [];
    for (const rival of rivals) {
      if (rival === user) continue;
      for (const permission of this.permissionsOfUser(rival)) {
        if (common.has(this.referencesOf('DbPermission', permission).backend ?? '')) theirs.push(permission);
      }
    }
    return theirs;
  }

  scopes(): ReadonlySet<string> {
    return new Set([...this.#usersByScope.keys(), ...this.#backendsByScope.keys()]);
  }

  /** The scopes whose policy holds something of the resource. */
  scopesHolding(kind: OurKind, key: string): ReadonlySet<string> {
    const { scopes, user = '', backend = '' } = this.referencesOf(kind, key);
    if (kind === 'DatabaseBackend') return new Set(scopes);
    if (kind === 'DbUser') return new Set([...scopes, ...this.#gatewaysOf(this.#backendsOf(key))]);
    return new Set([
      ...this.referencesOf('DbUser', user).scopes,
      ...this.referencesOf('DatabaseBackend', backend).scopes,
    ]);
  }

  keysOfSecret(namespace: string, name: string): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const { kind, key } of this.namersOfSecret(namespace, name))
      for (const ref of this.referencesOf(kind, key).secrets) if (ref.name === name) keys.add(ref.key);
    return keys;
  }

  namersOfSecret(namespace: string, name: string): readonly ResourceId[] {
    return [...this.#bySecret.of(`${namespace}/${name}`)].map(resourceIdOf);
  }

  #backendsOf(user: string): ReadonlySet<string> {
    const backends = new Set<string>();
    for (const permission of this.permissionsOfUser(user)) {
      const { backend } = this.referencesOf('DbPermission', permission);
      if (backend !== undefined) backends.add(backend);
    }
    return backends;
  }

  #gatewaysOf(backends: ReadonlySet<string>): readonly string[] {
    return [...backends].flatMap((backend) => this.referencesOf('DatabaseBackend', backend).scopes);
  }

  #relate({ kind, key }: ResourceId, references: References, how: 'add' | 'delete'): void {
    const { scopes, username, user, backend, secrets } = references;
    const byScope = kind === 'DbUser' ? this.#usersByScope : this.#backendsByScope;
    for (const scope of scopes) byScope[how](scope, key);
    if (username !== undefined) this.#usersByName[how](username, key);
    if (user !== undefined) this.#permissionsByUser[how](user, key);
    if (backend !== undefined) this.#permissionsByBackend[how](backend, key);
    for (const { namespace, name } of secrets) this.#bySecret[how](`${namespace}/${name}`, `${kind}/${key}`);
  }
}

/** Of `Kind/namespace/name`. */
export function resourceIdOf(text: string): ResourceId {
  const slash = text.indexOf('/');
  return { kind: text.slice(0, slash) as OurKind, key: text.slice(slash + 1) };
}
