import { expect } from 'chai';
import fc from 'fast-check';
import { ObjectStore } from '../kube/store.ts';
import type { Closure, OurKind, Touched } from './cluster-resources.ts';
import { IndexedResources, type Watched } from './indexed-resources.ts';

/** Few names, so that everything rivals, dangles and overlaps. */
const NAMESPACES = ['a', 'b'];
const NAMES = ['x', 'y', 'z'];
const ACCOUNTS = ['one', 'two'];
const USERNAMES = ['u', 'v'];
const KINDS: readonly OurKind[] = ['DatabaseBackend', 'DbUser', 'DbPermission'];

type Shape = Readonly<Record<string, unknown>>;
interface Step {
  readonly kind: OurKind;
  readonly namespace: string;
  readonly name: string;
  /** undefined: it is deleted. */
  readonly spec: unknown;
}

const accounts = fc.oneof(fc.subarray(ACCOUNTS), fc.constantFrom(undefined, 'one', [7], ['No Account']));
const secretRef = fc.constantFrom(undefined, { name: 's' }, { name: 't', key: 'k' }, 'nonsense');
const SPECS: Readonly<Record<OurKind, fc.Arbitrary<unknown>>> = {
  DatabaseBackend: fc.record({ gateways: accounts, credentialsSecretRef: secretRef, tls: fc.constantFrom({}, null) }),
  DbUser: fc.record({
    username: fc.constantFrom(...USERNAMES, 7),
    serviceAccounts: accounts,
    passwordSecretRef: secretRef,
  }),
  DbPermission: fc.record({
    userRef: fc.record({ name: fc.constantFrom(...NAMES) }),
    backendRef: fc.record({
      name: fc.constantFrom(...NAMES),
      namespace: fc.constantFrom(undefined, ...NAMESPACES),
    }),
  }),
};

const step: fc.Arbitrary<Step> = fc.constantFrom(...KINDS).chain((kind) =>
  fc.record({
    kind: fc.constant(kind),
    namespace: fc.constantFrom(...NAMESPACES),
    name: fc.constantFrom(...NAMES),
    spec: fc.oneof({ weight: 5, arbitrary: SPECS[kind] }, fc.constantFrom(undefined, null)),
  }),
);

/** Everything by looking at everything, as the interface's words say it. */
class Naive {
  readonly all = new Map<string, Watched>();

  of(kind: OurKind): Watched[] {
    return [...this.all.values()].filter((one) => one.kind === kind);
  }

  ofScope(scope: string): string[] {
    const bound = this.of('DbUser').filter((user) => names(user, 'serviceAccounts').includes(scope));
    const gatewayed = this.of('DatabaseBackend').filter((backend) => names(backend, 'gateways').includes(scope));
    const permissions = this.of('DbPermission').filter(
      (permission) =>
        bound.some((user) => userOf(permission) === id(user)) ||
        gatewayed.some((backend) => backendOf(permission) === id(backend)) ||
        bound.some((user) => this.isRivals(permission, user)),
    );
    return this.withWhatTheyName([...bound, ...gatewayed], permissions);
  }

  ofResource(kind: OurKind, resource: Watched): string[] {
    if (kind === 'DatabaseBackend') return [text(resource)];
    if (kind === 'DbUser') {
      const permissions = this.of('DbPermission').filter(
        (permission) => userOf(permission) === id(resource) || this.isRivals(permission, resource),
      );
      return this.withWhatTheyName([resource], permissions);
    }
    const user = this.of('DbUser').find((one) => id(one) === userOf(resource));
    const rivals = this.of('DbPermission').filter(
      (one) =>
        user !== undefined &&
        userOf(one) !== id(user) &&
        backendOf(one) === backendOf(resource) &&
        this.hasName(userOf(one), user),
    );
    return this.withWhatTheyName([], [resource, ...rivals]);
  }

  private isRivals(permission: Watched, user: Watched): boolean {
    const own = this.of('DbPermission').filter((one) => userOf(one) === id(user));
    return (
      userOf(permission) !== id(user) &&
      this.hasName(userOf(permission), user) &&
      own.some((one) => backendOf(one) === backendOf(permission))
    );
  }

  private hasName(rival: string | undefined, user: Watched): boolean {
    const { username } = specOf(user);
    return (
      typeof username === 'string' &&
      this.of('DbUser').some((one) => id(one) === rival && specOf(one).username === username)
    );
  }

  private withWhatTheyName(resources: Watched[], permissions: Watched[]): string[] {
    const named = [...this.of('DbUser'), ...this.of('DatabaseBackend')].filter((one) =>
      permissions.some(
        (permission) => (one.kind === 'DbUser' ? userOf(permission) : backendOf(permission)) === id(one),
      ),
    );
    return [...new Set([...resources, ...permissions, ...named].map(text))].sort();
  }
}

const specOf = ({ spec }: { readonly spec: unknown }): Shape => (spec ?? {}) as Shape;
const id = ({ metadata }: Watched): string => `${metadata.namespace ?? ''}/${metadata.name}`;
const text = (resource: Watched): string =>
  `${resource.kind}/${id(resource)} ${resource.metadata.resourceVersion ?? ''}`;
const userOf = (permission: Watched): string | undefined => {
  const ref = specOf(permission).userRef as { readonly name: string } | undefined;
  return ref && `${permission.metadata.namespace ?? ''}/${ref.name}`;
};
const backendOf = (permission: Watched): string | undefined => {
  const ref = specOf(permission).backendRef as { readonly name: string; readonly namespace?: string } | undefined;
  return ref && `${ref.namespace ?? permission.metadata.namespace ?? ''}/${ref.name}`;
};
const names = (resource: Watched, field: string): string[] => {
  const value = specOf(resource)[field];
  const good = Array.isArray(value) ? value.filter((name) => ACCOUNTS.includes(name as string)) : [];
  return good.map((name) => `${resource.metadata.namespace ?? ''}/${String(name)}`);
};

const flat = ({ backends, users, permissions }: Closure): string[] =>
  ([...backends, ...users, ...permissions] as Watched[]).map(text).sort();

const SCOPES = NAMESPACES.flatMap((namespace) => ACCOUNTS.map((account) => `${namespace}/${account}`));

/** Everything that somebody may ask for, as the model has it. */
function looks(model: Naive): Map<string, string> {
  const found = new Map(SCOPES.map((scope) => [`Scope/${scope}`, model.ofScope(scope).join()]));
  for (const kind of KINDS)
    for (const resource of model.of(kind))
      found.set(`${kind}/${id(resource)}`, model.ofResource(kind, resource).join());
  return found;
}

interface Scene {
  readonly stores: Readonly<Record<OurKind, ObjectStore<Watched>>>;
  readonly resources: IndexedResources;
  readonly touched: Touched[];
}

function scene(): Scene {
  const resources = new IndexedResources((object) => `who wrote ${text(object as Watched)}`);
  const store = (kind: OurKind): ObjectStore<Watched> => {
    const made = new ObjectStore<Watched>();
    resources.feed(kind, made);
    return made;
  };
  const stores = {
    DatabaseBackend: store('DatabaseBackend'),
    DbUser: store('DbUser'),
    DbPermission: store('DbPermission'),
  };
  const touched: Touched[] = [];
  resources.onTouched((one) => touched.push(one));
  return { stores, resources, touched };
}

const made = ({ kind, namespace, name, spec }: Step, version: number, generation = version): Watched =>
  ({
    apiVersion: 'articdbm.io/v1alpha1',
    kind,
    metadata: { namespace, name, uid: `${kind} ${namespace}/${name}`, resourceVersion: String(version), generation },
    spec,
  }) as unknown as Watched;

describe('the resources', () => {
  it('lead to each other as a look at all of them says, and every change touches what it makes another of', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { stores, resources, touched } = scene();
        const model = new Naive();
        let before = looks(model);
        steps.forEach((one, version) => {
          touched.length = 0;
          const key = `${one.namespace}/${one.name}`;
          if (one.spec === undefined) {
            stores[one.kind].remove(key);
            model.all.delete(`${one.kind} ${key}`);
          } else {
            const object = made(one, version + 1);
            stores[one.kind].put(object);
            model.all.set(`${one.kind} ${key}`, object);
          }
          const after = looks(model);
          const said = new Set(
            touched.flatMap(({ scopes, statuses }) => [...[...scopes].map((scope) => `Scope/${scope}`), ...statuses]),
          );
          for (const look of new Set([...before.keys(), ...after.keys()])) {
            if (before.get(look) !== after.get(look)) expect(said, look).to.include(look);
          }
          before = after;
        });
        for (const scope of SCOPES) expect(flat(resources.ofScope(scope))).to.deep.equal(model.ofScope(scope));
        for (const kind of KINDS) {
          for (const namespace of NAMESPACES)
            for (const name of NAMES) {
              const there = model.all.get(`${kind} ${namespace}/${name}`);
              const closure = resources.of(kind, `${namespace}/${name}`);
              expect(closure && flat(closure)).to.deep.equal(there && model.ofResource(kind, there));
            }
        }
        const spokenOf = [...model.of('DbUser'), ...model.of('DatabaseBackend')].flatMap((one) => [
          ...names(one, one.kind === 'DbUser' ? 'serviceAccounts' : 'gateways'),
        ]);
        expect([...resources.scopes()].sort()).to.deep.equal([...new Set(spokenOf)].sort());
      }),
      { numRuns: 400 },
    );
  });

  it('touch nothing but themselves when only their status was written', () => {
    const { stores, touched } = scene();
    const user: Step = { kind: 'DbUser', namespace: 'a', name: 'x', spec: { username: 'u', serviceAccounts: ['one'] } };
    stores.DbUser.put(made(user, 1));
    stores.DbUser.put(made(user, 2, 1));
    expect(touched[1]).to.deep.equal({ scopes: new Set(), statuses: new Set(['DbUser/a/x']), cause: undefined });
  });

  it('touch the scopes that they were of, and say what happened and who did it', () => {
    const { stores, touched } = scene();
    const bound = (serviceAccounts: string[]): Step => ({
      kind: 'DbUser',
      namespace: 'a',
      name: 'x',
      spec: { username: 'u', serviceAccounts },
    });
    stores.DbUser.put(made(bound(['one']), 1));
    stores.DbUser.put(made(bound(['two']), 2));
    stores.DbUser.remove('a/x');
    expect(touched.map(({ scopes }) => [...scopes].sort())).to.deep.equal([['a/one'], ['a/one', 'a/two'], ['a/two']]);
    expect(touched.map(({ cause }) => cause && [cause.what, cause.by])).to.deep.equal([
      ['created', 'who wrote DbUser/a/x 1'],
      ['changed', 'who wrote DbUser/a/x 2'],
      ['deleted', undefined],
    ]);
  });

  it('know which keys of a Secret are named, and whom it touches', () => {
    const { stores, resources } = scene();
    const spec = { username: 'u', serviceAccounts: ['one'], passwordSecretRef: { name: 's', key: 'k' } };
    stores.DbUser.put(made({ kind: 'DbUser', namespace: 'a', name: 'x', spec }, 1));
    const login = { credentialsSecretRef: { name: 's' }, gateways: ['two'] };
    stores.DatabaseBackend.put(made({ kind: 'DatabaseBackend', namespace: 'a', name: 'x', spec: login }, 2));
    expect([...resources.keysOfSecret('a', 's')].sort()).to.deep.equal(['k', 'password', 'username']);
    expect([...resources.keysOfSecret('b', 's')]).to.deep.equal([]);
    expect(resources.touchedBySecret('a', 's')).to.deep.equal({
      scopes: new Set(['a/one', 'a/two']),
      statuses: new Set(['DbUser/a/x', 'DatabaseBackend/a/x']),
    });
    stores.DatabaseBackend.remove('a/x');
    expect([...resources.keysOfSecret('a', 's')]).to.deep.equal(['k']);
  });
});
