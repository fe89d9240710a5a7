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
          bound: true,
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

/** The same with one thing put in its place; undefined: taken away. */
function changed(path: string, value: unknown): string {
  const copy: unknown = structuredClone(SNAPSHOT);
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let at = copy as Record<string, unknown>;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  at[last] = value;
  return JSON.stringify(copy);
}

const [BACKEND] = SNAPSHOT.backends;
const USER = 'backends.0.users.0';
const SQL = `${USER}.rules.0.sql`;

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

  const wrong: readonly (readonly [situation: string, path: string, value: unknown])[] = [
    ['of a format that is not known', 'format', 2],
    ['with a field that is not known, which might have narrowed it', `${SQL}.except`, ['secret']],
    ['with an action that is not known', `${SQL}.actions.1`, 'everything'],
    ['with read, which compile should have replaced', `${SQL}.actions`, ['read']],
    ['with a malformed pattern', `${SQL}.tables`, ['a\\']],
    ['with an empty pattern', `${SQL}.tables`, ['']],
    ['with a rule without databases', `${SQL}.databases`, undefined],
    ['with an expiry that is null, as NaN is written', `${USER}.rules.0.expiresAt`, NaN],
    ['with an expiry that is a string', `${USER}.expiresAt`, '2027-01-01T00:00:00Z'],
    ['with two users of one name', 'backends.0.users.1', BACKEND?.users[0]],
    ['with two backends of one id', 'backends.1', BACKEND],
    ['with two primaries', 'backends.0.endpoints.1', BACKEND?.endpoints[0]],
    ['with an endless deadline', 'backends.0.timeouts.login', 1e15],
    ['with a TLS mode that is not known', 'backends.0.tls.mode', 'off'],
    ['without users', 'backends.0.users', undefined],
    ['whose user is said to be not bound, which is said by saying nothing', `${USER}.bound`, false],
    ['whose user says nothing of being enabled', `${USER}.enabled`, undefined],
  ];
  for (const [situation, path, value] of wrong) {
    it(`${situation} is refused`, () => {
      expect(() => parseSnapshot(changed(path, value))).to.throw(SnapshotError);
    });
  }

  it('that is no JSON is refused without quoting it', () => {
    expect(() => parseSnapshot('{"verifier": "SCRAM-SHA-256$secret"')).to.throw(
      SnapshotError,
      /^the snapshot is not JSON$/,
    );
  });

  it('that is wrong is refused with the place, never with the value', () => {
    const json = changed(`${USER}.verifier`, 'secret'.repeat(1000));
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
