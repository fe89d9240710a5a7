import { expect } from 'chai';
import { parse } from 'yaml';
import { said } from '../resources/testing.ts';
import type { SnapshotBackend, SnapshotRule, SnapshotUser, SqlRule } from '../snapshot/types.ts';
import type { Denial } from './decision.ts';
import { compilePolicy, evaluate, mayConnect, type UserPolicy } from './evaluate.ts';
import type { AccessRequest, Action, Columns } from './request.ts';

const NOW = 1_000;

function sql(fields: Partial<SqlRule>): SqlRule {
  return { databases: ['orders'], schemas: ['public'], actions: ['select'], ...fields };
}

function policy(
  rules: readonly (Partial<SnapshotRule> & { sql: SqlRule })[],
  user: Partial<SnapshotUser> = {},
): UserPolicy {
  const full = rules.map((rule) => ({ permission: 'shop/p', ...rule }));
  return compilePolicy(
    { name: 'reporting', enabled: true, ...user, rules: full } as SnapshotUser,
    { database: 'orders' } as SnapshotBackend,
  );
}

interface On {
  readonly action?: Action;
  readonly schema?: string | null;
  readonly database?: string;
}

function relation(
  name: string,
  columns: Columns,
  { action = 'select', schema = 'public', database = 'orders' }: On = {},
): AccessRequest {
  return { action, resource: { kind: 'relation', database, schema, name, columns } };
}

function denial(own: UserPolicy, ...requests: AccessRequest[]): Denial {
  const decision = evaluate(own, requests, NOW);
  if (decision.outcome === 'allow') throw new Error('it was allowed');
  return decision.denial;
}

function until(own: UserPolicy, ...requests: AccessRequest[]): number {
  const decision = evaluate(own, requests, NOW);
  if (decision.outcome === 'deny') throw new Error(decision.denial.message);
  return decision.until;
}

const customers = policy([{ sql: sql({ tables: ['customers'], columns: ['id', 'name'] }) }]);

describe('a denial', () => {
  it('of a column names user, action, column and relation, and the rule that is missing', () => {
    const { message, hint, reason } = denial(customers, relation('customers', ['id', 'ssn']));
    expect(message).to.equal('user "reporting" may not select column "ssn" of relation "public.customers"');
    expect(hint).to.equal(
      'needs a DbPermission rule: sql: {schemas: [public], tables: [customers], columns: [ssn], actions: [select]}',
    );
    expect(reason).to.equal('permission');
  });

  it('of a whole relation names no columns', () => {
    const { message, hint } = denial(customers, relation('orders', ['id', 'total']));
    expect(message).to.equal('user "reporting" may not select from relation "public.orders"');
    expect(hint).to.equal('needs a DbPermission rule: sql: {schemas: [public], tables: [orders], actions: [select]}');
  });

  it('of all columns where some are allowed advises to name them', () => {
    const { message, hint } = denial(customers, relation('customers', 'all'));
    expect(message).to.equal('user "reporting" may not select all columns of relation "public.customers"');
    expect(hint).to.match(/^name the columns that are needed; or needs a DbPermission rule: /);
  });

  it('of an unqualified name that was judged in several schemas advises to qualify', () => {
    const asked = [relation('customers', ['id']), relation('customers', ['id'], { schema: 'sales' })];
    expect(denial(customers, ...asked).hint).to.match(/^qualify "customers" with its schema; or /);
    expect(denial(customers, relation('customers', ['id'], { schema: null })).hint).to.contain('schemas: ["*"]');
  });

  it('of a column that might belong to another relation advises to qualify it', () => {
    const own = policy([
      { sql: sql({ tables: ['customers'], columns: ['id'] }) },
      { sql: sql({ tables: ['orders'], columns: ['id', 'total'] }) },
    ]);
    const asked = [relation('customers', ['id', 'total']), relation('orders', ['id', 'total'])];
    expect(denial(own, ...asked).hint).to.match(/^qualify column "total" with its relation; or /);
  });

  it('of what only admin allows says so', () => {
    const asked: AccessRequest = {
      action: 'admin',
      resource: { kind: 'backend', database: 'orders', what: 'CREATE TABLE' },
    };
    const { message, hint } = denial(customers, asked);
    expect(message).to.equal('user "reporting" may not run CREATE TABLE');
    expect(hint).to.equal('needs a DbPermission rule: sql: {actions: [admin]}');
    const read: AccessRequest = {
      action: 'admin',
      resource: { kind: 'backend', database: 'orders', what: 'read pg_catalog.pg_authid' },
    };
    expect(denial(customers, read).message).to.equal('user "reporting" may not read pg_catalog.pg_authid');
  });

  it('gives a rule that can be pasted: it is valid, and allows what was refused', () => {
    const [database, schema] = ['orders', 'secret'];
    const asked: AccessRequest[] = [
      relation('t', ['a', 'b'], { schema, action: 'update' }),
      relation('t', 'all', { schema, action: 'delete', database: 'crm' }),
      { action: 'execute', resource: { kind: 'function', database, schema, name: '=' } },
      { action: 'usage', resource: { kind: 'sequence', database, schema, name: 's' } },
      { action: 'usage', resource: { kind: 'type', database, schema: null, name: 'a*' } },
      { action: 'usage', resource: { kind: 'schema', database, name: schema } },
      { action: 'admin', resource: { kind: 'backend', database: 'crm', what: 'DO' } },
    ];
    for (const request of asked) {
      const pasted = /sql: \{.*\}$/.exec(denial(customers, request).hint ?? '')?.[0] ?? '';
      expect(said('DbPermission', `rules: [{${pasted}}]`), pasted).to.deep.equal([]);
      const { sql: given } = parse(pasted) as { sql: Partial<SqlRule> };
      expect(until(policy([{ sql: sql(given) }]), request), pasted).to.equal(Infinity);
    }
  });

  it('in another database than the default names it', () => {
    const { hint } = denial(customers, relation('customers', ['id'], { database: 'crm' }));
    expect(hint).to.contain('sql: {databases: [crm], schemas: [public]');
  });

  it('of names that YAML or patterns would misread writes them so that they mean themselves', () => {
    const { hint } = denial(customers, relation('a*b', ['id'], { schema: 'no' }));
    expect(hint).to.contain('schemas: ["no"], tables: ["a\\\\*b"]');
  });

  it('for want of consent names whose consent', () => {
    const own = policy([{ sql: sql({ tables: ['*'] }), ceiling: [sql({ tables: ['orders'] })] }]);
    const { reason, hint } = denial(own, relation('customers', ['id']));
    expect(reason).to.equal('consent');
    expect(hint).to.contain("consent of the backend's owner");
  });

  it('after a rule has expired says that', () => {
    const own = policy([{ sql: sql({ tables: ['*'] }), expiresAt: NOW }]);
    const { reason, hint } = denial(own, relation('customers', ['id']));
    expect(reason).to.equal('expired');
    expect(hint).to.contain('expired');
  });

  it('of functions, operators, sequences, types and schemas names each by its kind', () => {
    const named = (kind: 'function' | 'sequence' | 'type', name: string, action: Action): AccessRequest => ({
      action,
      resource: { kind, database: 'orders', schema: 'public', name },
    });
    const path: AccessRequest = { action: 'usage', resource: { kind: 'schema', database: 'orders', name: 'secret' } };
    const said = [
      named('function', '=', 'execute'),
      named('sequence', 's', 'usage'),
      named('type', 't', 'usage'),
      path,
    ];
    expect(said.map((one) => denial(customers, one).message.replace('user "reporting" may not ', ''))).to.deep.equal([
      'execute function "public.="',
      'use sequence "public.s"',
      'use type "public.t"',
      'use schema "secret"',
    ]);
  });
});

describe('columns', () => {
  it('may be covered one by one by different rules, but not all at once', () => {
    const own = policy([
      { sql: sql({ tables: ['t'], columns: ['a'] }) },
      { sql: sql({ tables: ['t'], columns: ['b'] }) },
    ]);
    expect(until(own, relation('t', ['a', 'b']))).to.equal(Infinity);
    expect(denial(own, relation('t', 'all')).reason).to.equal('permission');
    expect(until(own, relation('t', 'any'))).to.equal(Infinity);
  });

  it('of rule and ceiling that have nothing in common leave not even count(*)', () => {
    const own = policy([
      { sql: sql({ tables: ['t'], columns: ['a'] }), ceiling: [sql({ tables: ['t'], columns: ['b'] })] },
    ]);
    expect(denial(own, relation('t', 'any')).reason).to.equal('consent');
  });

  it('that the ceiling limits are no longer all of them', () => {
    const own = policy([{ sql: sql({ tables: ['t'] }), ceiling: [sql({ tables: ['t'], columns: ['a'] })] }]);
    expect(denial(own, relation('t', 'all')).reason).to.equal('consent');
    expect(until(own, relation('t', ['a']), relation('t', 'any'))).to.equal(Infinity);
  });

  it('can not make a DELETE or TRUNCATE smaller than whole rows', () => {
    const own = policy([{ sql: sql({ tables: ['t'], columns: ['a'], actions: ['delete', 'truncate'] }) }]);
    for (const action of ['delete', 'truncate'] as const) {
      for (const columns of [['a'], 'any', 'all'] as const)
        expect(denial(own, relation('t', columns, { action }))).to.be.an('object');
    }
  });

  it('in an empty list are no way around: some column must be allowed', () => {
    expect(denial(customers, relation('orders', [])).reason).to.equal('permission');
  });

  it('must be allowed by one rule together with one of the ceiling, never by halves', () => {
    const own = policy([
      { sql: sql({ tables: ['t'], actions: ['select'] }), ceiling: [sql({ tables: ['t'], actions: ['insert'] })] },
      { sql: sql({ tables: ['t'], actions: ['insert'] }), ceiling: [sql({ tables: ['t'], actions: ['select'] })] },
    ]);
    expect(denial(own, relation('t', 'all')).reason).to.equal('consent');
  });
});

describe('admin', () => {
  const admin = policy([{ sql: sql({ schemas: ['*'], actions: ['admin'] }) }]);
  it('allows everything in its databases, unknown schemas too', () => {
    const asked: AccessRequest[] = [
      relation('t', 'all', { schema: null, action: 'references' }),
      { action: 'execute', resource: { kind: 'function', database: 'orders', schema: null, name: 'f' } },
      { action: 'admin', resource: { kind: 'backend', database: 'orders', what: 'DO' } },
    ];
    expect(until(admin, ...asked)).to.equal(Infinity);
  });
  it('allows nothing in others', () => {
    expect(denial(admin, relation('t', 'any', { database: 'crm' })).reason).to.equal('permission');
  });
  it('under a ceiling is what the ceiling allows', () => {
    const own = policy([{ sql: sql({ actions: ['admin'] }), ceiling: [sql({ tables: ['t'] })] }]);
    expect(until(own, relation('t', 'all'))).to.equal(Infinity);
    expect(denial(own, relation('t', 'all', { action: 'update' })).reason).to.equal('consent');
  });
});

describe('time', () => {
  const rules = [{ sql: sql({ tables: ['t'] }), expiresAt: 5_000 }];
  it('of an Allow is the earliest end of what it needs, and the latest of what would do', () => {
    expect(until(policy(rules), relation('t', 'all'))).to.equal(5_000);
    expect(until(policy([...rules, { sql: sql({ tables: ['*'] }), expiresAt: 9_000 }]), relation('t', 'all'))).to.equal(
      9_000,
    );
    const both = policy([...rules, { sql: sql({ tables: ['u'] }), expiresAt: 3_000 }]);
    expect(until(both, relation('t', 'all'), relation('u', 'any'))).to.equal(3_000);
  });
  it('of single columns may be later than that of the rule for all of them', () => {
    const own = policy([...rules, { sql: sql({ tables: ['t'], columns: ['a'] }), expiresAt: 7_000 }]);
    expect(until(own, relation('t', ['a']))).to.equal(7_000);
    expect(until(own, relation('t', ['a', 'b']))).to.equal(5_000);
  });
  it('of a user bounds every Allow, of nothing asked too', () => {
    const own = policy([{ sql: sql({ tables: ['t'] }) }], { expiresAt: 4_000 });
    expect(until(own, relation('t', 'all'))).to.equal(4_000);
    expect(until(own)).to.equal(4_000);
    expect(evaluate(own, [], 4_000).outcome).to.equal('deny');
  });
  it('that is no number never allows', () => {
    expect(denial(policy([{ sql: sql({ tables: ['t'] }), expiresAt: NaN }]), relation('t', 'all'))).to.be.an('object');
    expect(evaluate(policy([{ sql: sql({ tables: ['t'] }) }], { expiresAt: NaN }), [], NOW).outcome).to.equal('deny');
  });
});

describe('a user', () => {
  it('that is disabled may do nothing, and connect nowhere', () => {
    const own = policy([{ sql: sql({ tables: ['t'] }) }], { enabled: false });
    expect(denial(own).message).to.equal('user "reporting" is disabled');
    expect(mayConnect(own, 'orders', NOW)).to.equal(false);
  });
  it('may connect to the databases that a rule in force reaches, consent included', () => {
    const own = policy([
      { sql: sql({ tables: ['t'], databases: ['a', 'b'] }), ceiling: [sql({ tables: ['t'], databases: ['a'] })] },
      { sql: sql({ tables: ['t'], databases: ['c'] }), expiresAt: NOW },
    ]);
    expect(['a', 'b', 'c'].filter((database) => mayConnect(own, database, NOW))).to.deep.equal(['a']);
  });
});

describe('a malformed pattern that got past every check', () => {
  it('matches nothing', () => {
    expect(denial(policy([{ sql: sql({ tables: ['t\\', ''] }) }]), relation('t', 'any'))).to.be.an('object');
  });
});
