import type { ResourceId } from './cluster-resources.ts';
import type { ResourceIndex } from './resource-index.ts';

export interface TouchedNow {
  readonly scopes: ReadonlySet<string>;
  readonly statuses: ReadonlySet<string>;
}

/**
 * What depends on the resource as the index has it: asked before a change and after it, the two together are what the
 * change may have made another of. It need not be there: what refers to it depends on that too.
 */
export function touchedBy({ kind, key }: ResourceId, index: ResourceIndex): TouchedNow {
  const touched = new Collected(index);
  if (kind === 'DatabaseBackend') touched.backend(key);
  else if (kind === 'DbUser') touched.user(key);
  else touched.permission(key);
  return touched;
}

class Collected implements TouchedNow {
  readonly scopes = new Set<string>();
  readonly statuses = new Set<string>();
  readonly #index: ResourceIndex;

  constructor(index: ResourceIndex) {
    this.#index = index;
  }

  /** Whoever rivals for a name on it has a permission on it. */
  backend(backend: string): void {
    this.#status({ kind: 'DatabaseBackend', key: backend });
    this.#gateways(backend);
    for (const permission of this.#index.permissionsOfBackend(backend)) this.#permissionAndUser(permission);
  }

  user(user: string): void {
    this.#userItself(user);
    for (const permission of this.#index.permissionsOfUser(user)) {
      this.#status({ kind: 'DbPermission', key: permission });
      this.#gateways(this.#index.referencesOf('DbPermission', permission).backend);
    }
    for (const permission of this.#index.rivalPermissions(user)) this.#permissionAndUser(permission);
  }

  permission(permission: string): void {
    const { user, backend } = this.#index.referencesOf('DbPermission', permission);
    this.#permissionAndUser(permission);
    this.#gateways(backend);
    if (user === undefined || backend === undefined) return;
    for (const rival of this.#index.rivalPermissions(user, backend)) this.#permissionAndUser(rival);
  }

  #permissionAndUser(permission: string): void {
    this.#status({ kind: 'DbPermission', key: permission });
    const { user } = this.#index.referencesOf('DbPermission', permission);
    if (user !== undefined) this.#userItself(user);
  }

  #userItself(user: string): void {
    this.#status({ kind: 'DbUser', key: user });
    for (const scope of this.#index.referencesOf('DbUser', user).scopes) this.scopes.add(scope);
  }

  #gateways(backend: string | undefined): void {
    if (backend === undefined) return;
    for (const scope of this.#index.referencesOf('DatabaseBackend', backend).scopes) this.scopes.add(scope);
  }

  /** Even of what is not there: its reconcile finds that out. */
  #status({ kind, key }: ResourceId): void {
    this.statuses.add(`${kind}/${key}`);
  }
}
