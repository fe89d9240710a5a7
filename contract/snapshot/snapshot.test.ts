import { expect } from 'chai';
import { parseSnapshot, SnapshotError } from './parse.ts';
import { serialiseSnapshot } from './serialise.ts';
import type { Snapshot } from './types.ts';

const SNAPSHOT: Snapshot = {
  format: 1,
  scope: 'shop/app',
  backends: [
    {
      id: 'prod/orders',
      protocol: 'postgresql',
      endpoints: [{ name: 'primary', host: 'db', port: 5432, role: 'primary' }],
      database: 'orders',
      searchPath: ['public'],
      tls: { mode: 'verify-full', ca: 'PEM', allowCleartextPassword: false },
      timeouts: { connect: 3000, login: 10_000, statement: 0, idle: 0 },
      audit: 'denied',
      users: [
        {
          name: 'app',
          ref: 'shop/app',
          uid: '1',
          enabled: true,
          verifier: 'SCRAM-SHA-256$secret',
          limits: { connections: 2 },
          rules: [
            {
              permission: 'shop/app',
              expiresAt: 1,
              sql: { databases: ['orders'], schemas: ['*'], tables: ['a\\*'], actions: ['select'] },
              ceiling: [],
            },
          ],
        },
      ],
    },
  ],
};

/** The same with one thing changed. */
function changed(change: (snapshot: any) => void): string {
  const copy = structuredClone(SNAPSHOT);
  change(copy);
  return JSON.stringify(copy);
}

const user = (snapshot: any): any => snapshot.backends[0].users[0];

describe('a snapshot', () => {
  it('is read as it was written', () => {
    expect(parseSnapshot(serialiseSnapshot(SNAPSHOT))).to.deep.equal(SNAPSHOT);
  });

  it('is written the same whatever the order of its keys', () => {
    const { backends, scope, format } = SNAPSHOT;
    expect(serialiseSnapshot({ scope, backends: backends.map((one) => reversed(one)), format })).to.equal(
      serialiseSnapshot(SNAPSHOT),
    );
  });

  const wrong: readonly (readonly [string, (snapshot: any) => void])[] = [
    ['of a format that is not known', (s) => (s.format = 2)],
    ['with a field that is not known, which might have narrowed it', (s) => (user(s).rules[0].sql.except = ['secret'])],
    ['with an action that is not known', (s) => user(s).rules[0].sql.actions.push('everything')],
    ['with read, which compile should have replaced', (s) => (user(s).rules[0].sql.actions = ['read'])],
    ['with a malformed pattern', (s) => (user(s).rules[0].sql.tables = ['a\\'])],
    ['with an empty pattern', (s) => (user(s).rules[0].sql.tables = [''])],
    ['with a rule without databases', (s) => delete user(s).rules[0].sql.databases],
    ['with an expiry that is null, as NaN is written', (s) => (user(s).rules[0].expiresAt = null)],
    ['with an expiry that is a string', (s) => (user(s).expiresAt = '2027-01-01T00:00:00Z')],
    ['with two users of one name', (s) => s.backends[0].users.push(user(s))],
    ['with two backends of one id', (s) => s.backends.push(s.backends[0])],
    ['with two primaries', (s) => s.backends[0].endpoints.push(s.backends[0].endpoints[0])],
    ['with an endless deadline', (s) => (s.backends[0].timeouts.login = 1e15)],
    ['with a TLS mode that is not known', (s) => (s.backends[0].tls.mode = 'off')],
    ['without users', (s) => delete s.backends[0].users],
    ['whose user says nothing of being enabled', (s) => delete user(s).enabled],
  ];
  for (const [situation, change] of wrong) {
    it(`${situation} is refused`, () => {
      expect(() => parseSnapshot(changed(change))).to.throw(SnapshotError);
    });
  }

  it('that is no JSON is refused without quoting it', () => {
    expect(() => parseSnapshot('{"verifier": "SCRAM-SHA-256$secret"')).to.throw(
      SnapshotError,
      /^the snapshot is not JSON$/,
    );
  });

  it('that is wrong is refused with the place, never with the value', () => {
    const json = changed((s) => (user(s).verifier = 'secret'.repeat(1000)));
    expect(() => parseSnapshot(json)).to.throw(
      SnapshotError,
      /^the snapshot is not valid at backends\.0\.users\.0\.verifier: too_big$/,
    );
  });

  it('that names a prototype stays data', () => {
    const json = serialiseSnapshot(SNAPSHOT).replace('"scope"', '"__proto__":{"x":1},"scope"');
    expect(() => parseSnapshot(json)).to.throw(SnapshotError);
  });
});

function reversed<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).reverse()) as T;
}
