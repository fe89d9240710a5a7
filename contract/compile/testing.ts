import fc from 'fast-check';
import type { DatabaseBackend, DbPermission, DbUser } from '../resources/types.gen.ts';
import type { Resources } from './fit.ts';

/** For tests: resources as short as they can be said, in three namespaces that have much to do with each other. */
export const NAMESPACES = ['crm', 'prod', 'shop'] as const;
const ACCOUNTS = ['app', 'gw', 'job'] as const;
export const SCOPES: readonly string[] = NAMESPACES.flatMap((space) =>
  ACCOUNTS.map((account) => `${space}/${account}`),
);

const resource = (kind: string, namespace: string, name: string, spec: object): object => ({
  apiVersion: 'articdbm.io/v1alpha1',
  kind,
  metadata: { namespace, name, uid: `${namespace}.${name}` },
  spec,
});

export function backend(namespace: string, name: string, spec: object = {}): DatabaseBackend {
  const least = {
    protocol: 'postgresql',
    endpoints: [{ name: 'primary', host: `${name}.${namespace}` }],
    database: 'db',
    credentialsSecretRef: { name: `${name}-login` },
  };
  return resource('DatabaseBackend', namespace, name, { ...least, ...spec }) as DatabaseBackend;
}

export function user(namespace: string, name: string, spec: object = {}): DbUser {
  return resource('DbUser', namespace, name, { username: name, ...spec }) as DbUser;
}

/** Of the user of that name; target: `namespace/name` of the backend. */
export function permission(of: DbUser, target: string, spec: object = {}): DbPermission {
  const [space = '', name = ''] = target.split('/');
  const { namespace = '', name: by } = of.metadata;
  const backendRef = { name, ...(space === namespace ? {} : { namespace: space }) };
  const rules = [{ sql: { tables: ['t'], actions: ['select'] } }];
  const id = `${by}-${space}-${name}-${JSON.stringify(spec).replaceAll(/[^a-z0-9]/g, '')}`;
  return resource('DbPermission', namespace, id.slice(0, 60).replace(/-$/, ''), {
    userRef: { name: by },
    backendRef,
    rules,
    ...spec,
  }) as DbPermission;
}

export const TABLES = ['a', 'b', 'c'] as const;
const rules = fc.subarray(
  [
    { sql: { tables: ['a'], actions: ['read'] } },
    { sql: { tables: ['b', 'c'], actions: ['write'] } },
    { sql: { tables: ['*'], actions: ['select'] } },
    { sql: { tables: ['c'], actions: ['insert'] } },
  ],
  { minLength: 1, maxLength: 2 },
);

const someBackend = (namespace: string, name: string): fc.Arbitrary<DatabaseBackend> =>
  fc
    .record({
      sharedLogin: fc.constantFrom('Forbid', 'Allow'),
      gateways: fc.subarray([...ACCOUNTS], { maxLength: 2 }),
      consumers: fc
        .tuple(fc.subarray(NAMESPACES.filter((other) => other !== namespace)), rules)
        .map(([others, ceiling]) => others.map((other) => ({ namespace: other, ceiling }))),
      tls: fc.constantFrom({}, {}, { caSecretRef: { name: `${name}-ca` } }),
      // Broken now and then: no such protocol.
      protocol: fc.constantFrom('postgresql', 'postgresql', 'postgresql', 'postgresql', 'oracle'),
    })
    .map((spec) => backend(namespace, name, spec));

const someUser = (namespace: string, name: string): fc.Arbitrary<DbUser> =>
  fc
    .record({
      username: fc.constantFrom('app', 'report', 'x', 'articdbm'), // the last is refused
      serviceAccounts: fc.subarray([...ACCOUNTS], { maxLength: 2 }),
      password: fc.boolean(),
    })
    .map(({ password, ...spec }) =>
      user(namespace, name, { ...spec, ...(password ? { passwordSecretRef: { name: `${name}-pw` } } : {}) }),
    );

const all = <T>(
  names: readonly string[],
  make: (namespace: string, name: string) => fc.Arbitrary<T>,
): fc.Arbitrary<T[]> =>
  fc
    .tuple(...NAMESPACES.flatMap((space) => names.map((name) => fc.option(make(space, name), { nil: undefined }))))
    .map((made) => made.filter((one) => one !== undefined) as T[]);

/** Permissions may name what isn't there. */
const somePermissions: fc.Arbitrary<DbPermission[]> = fc
  .array(
    fc.tuple(
      fc.constantFrom(...NAMESPACES),
      fc.constantFrom('u', 'v', 'w'),
      fc.constantFrom(...NAMESPACES.flatMap((space) => [`${space}/p`, `${space}/q`])),
      rules,
    ),
    { minLength: 4, maxLength: 24 },
  )
  .map((made) => {
    const named = made.map(([space, by, target, own]) => permission(user(space, by), target, { rules: own }));
    return named.map((one, index) => ({ ...one, metadata: { ...one.metadata, name: `p${index}` } }));
  });

export const world: fc.Arbitrary<Resources> = fc.record({
  backends: all(['p', 'q'], someBackend),
  users: all(['u', 'v', 'w'], someUser),
  permissions: somePermissions,
});
