import { expect } from 'chai';
import type { DatabaseBackend, DbUser } from '../resources/types.gen.ts';
import { parseSnapshot } from '../snapshot/parse.ts';
import { serialiseSnapshot } from '../snapshot/serialise.ts';
import { settleClaims } from './claims.ts';
import { compile } from './compile.ts';
import { findingsFor } from './findings-for.ts';
import { secretsOf } from './needs.ts';
import { backend, permission, user } from './testing.ts';

const PASSWORD = { passwordSecretRef: { name: 'app-pw' } };
const ABROAD = { consumers: [{ namespace: 'shop', ceiling: [{ sql: { tables: ['t'], actions: ['select'] } }] }] };

/** What is said of one user of one backend, when every Secret is there: `kind path reason`. */
function saidOf(home: DatabaseBackend, who: DbUser): string[] {
  const resources = { backends: [home], users: [who], permissions: [permission(who, 'prod/orders')] };
  return findingsFor({ ...resources, secret: () => 'there' }).map(
    ({ kind, path, reason, severity }) => `${severity} ${kind} ${path?.join('.') ?? ''} ${reason}`,
  );
}

const UNSERVED = ['warning DbPermission spec.backendRef.name NoProxy', 'warning DbUser spec NoProxy'];
const FORBIDDEN = [
  'warning DbPermission spec.backendRef.name SharedLoginForbidden',
  'warning DbUser spec.serviceAccounts SharedLoginForbidden',
];
const NO_PASSWORD = ['warning DbUser spec NoPassword'];

describe('what is said of resources in a cluster', () => {
  const cases: readonly (readonly [situation: string, home: object, who: object, said: readonly string[]])[] = [
    ['a user of a gateway, by password', { gateways: ['gw'] }, PASSWORD, []],
    ['a user of a gateway without a password', { gateways: ['gw'] }, {}, NO_PASSWORD],
    ['a user whom neither gateway nor sidecar serves', {}, PASSWORD, UNSERVED],
    ['a bound user, where sidecars get the login', { sharedLogin: 'Allow' }, { serviceAccounts: ['app'] }, []],
    ['a bound user, where they don’t', {}, { serviceAccounts: ['app'] }, FORBIDDEN],
    [
      'a bound user without a password, where only a gateway gets it',
      { gateways: ['gw'] },
      { serviceAccounts: ['app'] },
      [...FORBIDDEN, ...NO_PASSWORD],
    ],
    [
      'a bound user without a password, where both get it',
      { gateways: ['gw'], sharedLogin: 'Allow' },
      { serviceAccounts: ['app'] },
      [],
    ],
    ['a user that is bound to the gateway itself', { gateways: ['gw'] }, { ...PASSWORD, serviceAccounts: ['gw'] }, []],
  ];
  for (const [situation, home, who, said] of cases) {
    it(`${situation}: ${said.length === 0 ? 'nothing' : said.map((text) => text.split(' ').at(-1)).join(', ')}`, () => {
      expect(saidOf(backend('prod', 'orders', home), user('prod', 'app', who))).to.have.members(said);
    });
  }

  it('a user has no more rules than proxies read, is told so, and keeps nobody else from theirs', () => {
    const home = backend('prod', 'orders', { ...ABROAD, gateways: ['gw'] });
    const [greedy, other] = [user('shop', 'greedy', PASSWORD), user('prod', 'other', PASSWORD)];
    const rules = Array.from({ length: 64 }, () => ({ sql: { tables: ['t'], actions: ['select'] } }));
    const many = Array.from({ length: 1_030 }, (_, index) => {
      const made = permission(greedy, 'prod/orders', { rules });
      return { ...made, metadata: { ...made.metadata, name: `p${index}` } };
    });
    const resources = {
      backends: [home],
      users: [greedy, other],
      permissions: [...many, permission(other, 'prod/orders')],
    };
    const secret = (): string => 'there';
    const { snapshot } = compile({ ...resources, scope: 'prod/gw', secret, verifier: () => 'verifier' });
    const read = parseSnapshot(serialiseSnapshot(snapshot));
    expect(read.backends[0]?.users.map(({ name, rules: { length } }) => [name, length])).to.deep.equal([
      ['greedy', 4_096],
      ['other', 1],
    ]);
    const said = findingsFor({ ...resources, secret }).map(({ name, reason }) => [name, reason]);
    expect(said).to.deep.equal([['greedy', 'TooManyRules']]);
  });

  it('thousands who claim one user name are settled in a moment', () => {
    const claims = Array.from({ length: 40_000 }, (_, index) => {
      const made = user('shop', `u${index}`, { username: 'app' });
      return { id: `shop/u${index}`, user: made };
    });
    const began = performance.now();
    expect(settleClaims(claims, 'prod').winners.map(({ id }) => id)).to.deep.equal(['shop/u0']);
    expect(performance.now() - began, 'milliseconds').to.be.below(2_000);
  });

  it('a gateway of that name in another namespace is no gateway of the backend', () => {
    const abroad = user('shop', 'app', { ...PASSWORD, serviceAccounts: ['gw'] });
    expect(saidOf(backend('prod', 'orders', { ...ABROAD, gateways: ['gw'] }), abroad)).to.have.members(FORBIDDEN);
  });

  it('a sentence says what to do, on the user and on each permission alike', () => {
    const who = user('shop', 'app', { serviceAccounts: ['app'] });
    const resources = {
      backends: [backend('prod', 'orders', ABROAD)],
      users: [who],
      permissions: [permission(who, 'prod/orders'), permission(who, 'prod/orders', { expiresAt: null })],
    };
    const findings = findingsFor({ ...resources, secret: () => 'there' });
    expect(findings.map(({ kind }) => kind)).to.deep.equal(['DbPermission', 'DbPermission', 'DbUser']);
    expect(new Set(findings.map(({ message }) => message))).to.deep.equal(
      new Set([
        'sidecars of DbUser shop/app get no login for DatabaseBackend prod/orders, whose spec.sharedLogin is Forbid: ' +
          'have its owner name a gateway, or ask for sharedLogin: Allow',
      ]),
    );
  });

  it('Secrets that are missing are errors, and only those that secretsOf tells are read', () => {
    const tls = { caSecretRef: { name: 'ca' } };
    const who = user('prod', 'app', PASSWORD);
    const resources = {
      backends: [backend('prod', 'orders', { tls, gateways: ['gw'] })],
      users: [who],
      permissions: [permission(who, 'prod/orders')],
    };
    const read = new Set<string>();
    const findings = findingsFor({
      ...resources,
      secret: (namespace, name) => {
        read.add(`${namespace}/${name}`);
        return undefined;
      },
    });
    expect([...read]).to.have.members(['prod/ca', 'prod/orders-login', 'prod/app-pw']);
    expect(secretsOf(resources).map(({ namespace, name }) => `${namespace}/${name}`)).to.deep.equal([...read].sort());
    expect(findings.filter(({ reason }) => reason === 'SecretNotFound').map(({ kind }) => kind)).to.deep.equal([
      ...['DatabaseBackend', 'DatabaseBackend', 'DatabaseBackend', 'DbUser'],
    ]);
    expect(findings.find(({ kind }) => kind === 'DbPermission')?.reason).to.equal('BackendNotUsable');
  });
});

describe('a scope of which nothing is said', () => {
  for (const scope of ['prod/nobody', 'nowhere/app', 'neither', '', 'a/b/c', '/']) {
    it(`${JSON.stringify(scope)} has an empty document`, () => {
      const who = user('prod', 'app', { serviceAccounts: ['app'] });
      const resources = {
        backends: [backend('prod', 'orders', { gateways: ['gw'] })],
        users: [who],
        permissions: [permission(who, 'prod/orders')],
      };
      const never = (): never => {
        throw new Error('asked for a Secret or a verifier');
      };
      const { snapshot, findings } = compile({ ...resources, scope, secret: never, verifier: never });
      expect(snapshot).to.deep.equal({ format: 1, scope, backends: [] });
      expect(findings).to.deep.equal([]);
    });
  }
});

describe('compiling for many scopes', () => {
  it('checks a resource once, as long as it is the same one', () => {
    let looks = 0;
    const who = user('prod', 'app', { serviceAccounts: ['app'] });
    const { spec } = who;
    const counted = Object.defineProperty({ ...who }, 'spec', {
      enumerable: true,
      get: () => {
        looks += 1;
        return spec;
      },
    });
    const look = (one: DbUser): void => {
      const resources = {
        backends: [backend('prod', 'orders')],
        users: [one],
        permissions: [permission(who, 'prod/orders')],
      };
      const input = { ...resources, scope: 'prod/app', secret: () => 's', verifier: () => 'v' };
      expect(compile(input).snapshot.backends[0]?.users).to.have.length(1);
    };
    look(counted);
    const once = looks;
    look(counted);
    look(counted);
    expect(looks).to.equal(once).and.to.be.above(0);
  });

  it('finds what is wrong with a resource again each time', () => {
    const broken = user('prod', 'app', { username: '' });
    const input = { backends: [], users: [broken], permissions: [], secret: () => 's' };
    expect(findingsFor(input)).to.deep.equal(findingsFor(input)).and.to.have.length(2);
  });
});
