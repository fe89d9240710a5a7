import { expect } from 'chai';
import fc from 'fast-check';
import { compilePolicy, evaluate } from '../policy/evaluate.ts';
import type { Action } from '../policy/request.ts';
import type { DatabaseBackend, DbUser } from '../resources/types.gen.ts';
import { validateResource } from '../resources/validate.ts';
import { parseSnapshot } from '../snapshot/parse.ts';
import { serialiseSnapshot } from '../snapshot/serialise.ts';
import type { Snapshot, SnapshotBackend, SnapshotUser } from '../snapshot/types.ts';
import { compile, type CompileResult } from './compile.ts';
import { findingsFor } from './findings-for.ts';
import type { Resources } from './fit.ts';
import { passwordsOf, secretsOf } from './needs.ts';
import { STANDALONE } from './scope.ts';
import { SCOPES, TABLES, world } from './testing.ts';

const RUNS = { numRuns: 150 };
const ACTIONS: readonly Action[] = ['select', 'insert', 'update', 'delete'];

/** CAs are no secret; those of backends q are not there. */
function secret(_namespace: string, name: string): string | undefined {
  if (!name.endsWith('-ca')) return 's3cret';
  return name === 'q-ca' ? undefined : 'PEM';
}
const verifier = (user: DbUser): string => `V(${idOf(user)})`;
const compiled = (resources: Resources, scope: string): CompileResult =>
  compile({ ...resources, scope, secret, verifier });

const idOf = ({ metadata }: { readonly metadata: DbUser['metadata'] }): string =>
  `${metadata.namespace ?? ''}/${metadata.name}`;
const namespaceOf = (id: string): string => id.slice(0, id.indexOf('/'));
const accountOf = (scope: string): string => scope.slice(scope.indexOf('/') + 1);

describe("a scope's document, of any resources", () => {
  it('is tried in all that matters', () => {
    const seen = new Set<string>();
    for (const resources of fc.sample(world, { numRuns: 200, seed: 7 })) {
      for (const { reason } of findingsFor({ ...resources, secret })) seen.add(reason);
      for (const scope of SCOPES) for (const what of situationsIn(resources, scope)) seen.add(what);
    }
    expect([...seen]).to.include.members([
      ...[
        'gateway bound home',
        'gateway unbound abroad',
        'gateway ceiling',
        'sidecar bound home',
        'sidecar bound abroad',
      ],
      ...['sidecar ceiling', 'Conflict', 'NoConsent', 'Invalid', 'SecretNotFound', 'BackendNotUsable', 'UserNotFound'],
      ...['NoProxy', 'SharedLoginForbidden', 'NoPassword', 'BackendNotFound', 'UserNotUsable'],
    ]);
  });

  it('holds of others nothing: a backend’s users where it is a gateway, else its own alone, and no verifier of these', () => {
    fc.assert(
      fc.property(world, fc.constantFrom(...SCOPES), (resources, scope) => {
        const { snapshot } = compiled(resources, scope);
        for (const backend of snapshot.backends) {
          if (isGateway(resources, backend.id, scope)) continue;
          expect(backend.users).to.not.deep.equal([]);
          for (const user of backend.users) {
            expect(isBound(resources, user.ref, scope)).to.equal(true);
            expect(user).to.include({ bound: true }).and.to.not.have.property('verifier');
          }
          expect(JSON.stringify(backend)).to.not.contain('V(');
        }
        expect(serialiseSnapshot(snapshot)).to.not.contain('s3cret');
      }),
      RUNS,
    );
  });

  it('says of each user what the standalone document says of it, and of none that its rule names less', () => {
    fc.assert(
      fc.property(world, (resources) => {
        const whole = compiled(resources, STANDALONE).snapshot;
        for (const scope of SCOPES) {
          const { snapshot } = compiled(resources, scope);
          expect(snapshot).to.deep.equal({ ...whole, scope, backends: reduced(resources, whole, scope) });
          expect(parseSnapshot(serialiseSnapshot(snapshot))).to.deep.equal(snapshot);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('allows exactly what a permission says, with consent and under the ceiling where it comes from elsewhere', () => {
    fc.assert(
      fc.property(world, fc.constantFrom(...SCOPES), (resources, scope) => {
        for (const backend of compiled(resources, scope).snapshot.backends) {
          for (const user of backend.users) {
            expect(allowedOf(user, backend)).to.deep.equal(expectedOf(resources, user, backend.id));
          }
        }
      }),
      RUNS,
    );
  });

  it('is the same in whatever order the resources come, and so are the findings', () => {
    fc.assert(
      fc.property(
        world,
        fc.constantFrom(STANDALONE, ...SCOPES),
        fc.infiniteStream(fc.nat()),
        (resources, scope, random) => {
          const shuffle = <T>(list: readonly T[]): T[] =>
            list
              .map((one) => ({ one, at: random.next().value as number }))
              .sort((a, b) => a.at - b.at)
              .map(({ one }) => one);
          const { backends, users, permissions } = resources;
          const other = { backends: shuffle(backends), users: shuffle(users), permissions: shuffle(permissions) };
          const [a, b] = [compiled(resources, scope), compiled(other, scope)];
          expect(serialiseSnapshot(b.snapshot)).to.equal(serialiseSnapshot(a.snapshot));
          expect(b.findings).to.deep.equal(a.findings);
          expect(findingsFor({ ...other, secret })).to.deep.equal(findingsFor({ ...resources, secret }));
        },
      ),
      RUNS,
    );
  });

  it('needs the Secrets of no backend that its users don’t ask for, and passwords as a gateway only', () => {
    fc.assert(
      fc.property(world, fc.constantFrom(...SCOPES), (resources, scope) => {
        const near = resources.backends.map(idOf).filter((id) => isAskedFor(resources, id, scope));
        const gateway = near.some((id) => isGateway(resources, id, scope));
        for (const { namespace, name } of secretsOf(resources, scope)) {
          if (name.endsWith('-pw')) expect(gateway, name).to.equal(true);
          else expect(near).to.include(`${namespace}/${name.replace(/-(ca|login)$/, '')}`);
        }
      }),
      RUNS,
    );
  });

  it('needs no Secret and no verifier but those that were told before', () => {
    fc.assert(
      fc.property(world, fc.constantFrom(STANDALONE, ...SCOPES), (resources, scope) => {
        const secrets = new Set(secretsOf(resources, scope).map(({ namespace, name }) => `${namespace}/${name}`));
        const users = new Set(passwordsOf(resources, scope).map(({ user }) => idOf(user)));
        const asked = new Set<string>();
        compile({
          ...resources,
          scope,
          secret: (namespace, name) => {
            asked.add(`${namespace}/${name}`);
            return secret(namespace, name);
          },
          verifier: (user) => {
            expect(users.has(idOf(user)), idOf(user)).to.equal(true);
            return verifier(user);
          },
        });
        expect([...asked].filter((one) => !secrets.has(one))).to.deep.equal([]);
        // Where no CA is missing, nothing was loaded in vain.
        if (!secrets.has('prod/q-ca') && !secrets.has('shop/q-ca') && !secrets.has('crm/q-ca')) {
          expect([...asked].sort()).to.deep.equal([...secrets].sort());
        }
      }),
      RUNS,
    );
  });
});

function situationsIn(resources: Resources, scope: string): string[] {
  return compiled(resources, scope).snapshot.backends.flatMap(({ id, users }) => {
    const at = isGateway(resources, id, scope) ? 'gateway' : 'sidecar';
    return users.flatMap(({ ref, bound, rules }) => [
      `${at} ${bound ? 'bound' : 'unbound'} ${namespaceOf(ref) === namespaceOf(id) ? 'home' : 'abroad'}`,
      ...(rules.some(({ ceiling }) => ceiling) ? [`${at} ceiling`] : []),
    ]);
  });
}

/** The rule of scopes, once more, on the standalone document. */
function reduced(resources: Resources, whole: Snapshot, scope: string): SnapshotBackend[] {
  return whole.backends.flatMap((backend) => {
    const marked = backend.users.map((user) =>
      isBound(resources, user.ref, scope) ? { ...user, bound: true as const } : user,
    );
    if (isGateway(resources, backend.id, scope)) return [{ ...backend, users: marked }];
    const own = marked.filter((user) => user.bound).map(({ verifier: _, ...user }) => user);
    return own.length === 0 ? [] : [{ ...backend, users: own }];
  });
}

function isGateway({ backends }: Resources, id: string, scope: string): boolean {
  const gateways = backends.find((one) => idOf(one) === id)?.spec.gateways ?? [];
  return namespaceOf(id) === namespaceOf(scope) && gateways.includes(accountOf(scope));
}

function isAskedFor(resources: Resources, id: string, scope: string): boolean {
  const asks = resources.permissions.some(({ metadata: { namespace = '' }, spec: { userRef, backendRef } }) => {
    const bound = isBound(resources, `${namespace}/${userRef.name}`, scope);
    return bound && id === `${backendRef.namespace ?? namespace}/${backendRef.name}`;
  });
  return asks || isGateway(resources, id, scope);
}

function isBound({ users }: Resources, id: string, scope: string): boolean {
  const accounts = users.find((one) => idOf(one) === id)?.spec.serviceAccounts ?? [];
  return namespaceOf(id) === namespaceOf(scope) && accounts.includes(accountOf(scope));
}

function allowedOf(user: SnapshotUser, backend: SnapshotBackend): string[] {
  const policy = compilePolicy(user, backend);
  return everyAccess((action, table) => {
    const resource = { kind: 'relation', database: 'db', schema: 'public', name: table, columns: 'all' } as const;
    return evaluate(policy, [{ action, resource }], 0).outcome === 'allow';
  });
}

function expectedOf({ permissions, backends }: Resources, user: SnapshotUser, id: string): string[] {
  const backend = backends.find((one) => idOf(one) === id);
  const own = permissions.filter((one) => {
    const space = one.metadata.namespace ?? '';
    const { userRef, backendRef } = one.spec;
    return (
      user.ref === `${space}/${userRef.name}` &&
      id === `${backendRef.namespace ?? space}/${backendRef.name}` &&
      validateResource(one).length === 0
    );
  });
  const ceiling = backend?.spec.consumers?.find(({ namespace }) => namespace === namespaceOf(user.ref))?.ceiling ?? [];
  const home = namespaceOf(user.ref) === namespaceOf(id);
  return everyAccess(
    (action, table) =>
      own.some(({ spec }) => says(spec.rules, action, table)) && (home || says(ceiling, action, table)),
  );
}

type Rules = NonNullable<DatabaseBackend['spec']['consumers']>[number]['ceiling'];

const STANDS_FOR: Readonly<Record<string, readonly string[]>> = {
  read: ['select'],
  write: ['insert', 'update', 'delete'],
};

function says(rules: Rules, action: Action, table: string): boolean {
  return rules.some(({ sql }) => {
    const actions = sql?.actions.flatMap((one): readonly string[] => STANDS_FOR[one] ?? [one]) ?? [];
    return actions.includes(action) && (sql?.tables ?? []).some((name) => name === '*' || name === table);
  });
}

function everyAccess(holds: (action: Action, table: string) => boolean): string[] {
  return ACTIONS.flatMap((action) =>
    TABLES.filter((table) => holds(action, table)).map((table) => `${action} ${table}`),
  );
}
