import { expect } from 'chai';
import { SCHEMAS } from './schemas.gen.ts';
import type { Schema } from './schema.ts';
import { rule, said, walkSchema, type Case } from './testing.ts';

const CASES: readonly Case[] = [
  [
    'no primary',
    'DatabaseBackend',
    'endpoints: [{name: a, host: h}, {name: b, host: h}]',
    'spec.endpoints: exactly one endpoint is the primary: name one (replicas are not supported yet)',
  ],
  [
    'a port in a host',
    'DatabaseBackend',
    'endpoints: [{name: a, host: "db:5432"}]',
    'spec.endpoints.0.host: a host has no port in it: write the port under port',
  ],
  [
    'a system schema in the path',
    'DatabaseBackend',
    'searchPath: [public, pg_temp]',
    "spec.searchPath.1: schemas whose names begin with pg_ are the system's: they are searched without being named",
  ],
  [
    '$user in the path',
    'DatabaseBackend',
    'searchPath: [$user, public]',
    'spec.searchPath.0: $user is not supported: name the schema itself',
  ],
  [
    'a CA that nothing is verified by',
    'DatabaseBackend',
    'tls: {mode: require, caSecretRef: {name: ca}}',
    'spec.tls.caSecretRef: the CA is only used to verify: set mode to verify-full or verify-ca, or leave caSecretRef out',
  ],
  [
    'a password in the clear to anyone',
    'DatabaseBackend',
    'tls: {mode: require, allowCleartextPassword: true}',
    'spec.tls.allowCleartextPassword: a password is only ever sent as it is to a verified server: set mode to verify-full or verify-ca, or leave allowCleartextPassword out',
  ],
  [
    'no time to connect',
    'DatabaseBackend',
    'timeouts: {connect: 0s}',
    'spec.timeouts.connect: is not above 0s and up to 10m: write a duration such as 3s',
  ],
  [
    'too long a login',
    'DatabaseBackend',
    'timeouts: {login: 11m}',
    'spec.timeouts.login: is not above 0s and up to 10m: write a duration such as 10s',
  ],
  [
    'too long a statement',
    'DatabaseBackend',
    'timeouts: {statement: 169h}',
    'spec.timeouts.statement: is more than 168h: write a shorter duration, or 0s for no limit',
  ],
  [
    'too long an idle time',
    'DatabaseBackend',
    'timeouts: {idle: 168h1ms}',
    'spec.timeouts.idle: is more than 168h: write a shorter duration, or 0s for no limit',
  ],
  [
    'the reserved user name',
    'DbUser',
    'username: articdbm',
    "spec.username: articdbm is the name of whoever a pod's only user is: choose another",
  ],
  [
    "one of PostgreSQL's role names",
    'DbUser',
    'username: pg_monitor',
    'spec.username: PostgreSQL keeps public, none and names that begin with pg_ for itself: choose another',
  ],
  [
    'a burst without a rate',
    'DbUser',
    'limits: {burst: 5}',
    'spec.limits.burst: burst goes beyond a rate: set statementsPerSecondPerProxy, or leave burst out',
  ],
  [
    'a rule without a part',
    'DbPermission',
    'rules: [{}]',
    'spec.rules.0: a rule needs its sql part: write what is permitted under sql (redis and mongodb are not supported yet)',
  ],
  [
    'admin among others',
    'DbPermission',
    rule('tables: [t], actions: [admin, select]'),
    'spec.rules.0.sql.actions: admin allows everything already: name it alone, or leave it out',
    'spec.rules.0.sql.actions: admin is for whole databases: leave out every selector but databases',
  ],
  [
    'admin of a schema',
    'DbPermission',
    rule('schemas: [public], actions: [admin]'),
    'spec.rules.0.sql.actions: admin is for whole databases: leave out every selector but databases',
  ],
  [
    'delete from nothing',
    'DbPermission',
    rule('actions: [delete]'),
    'spec.rules.0.sql.actions: select, insert, update, delete, truncate, read and write are for tables: add tables',
  ],
  [
    'execute of nothing',
    'DbPermission',
    rule('actions: [execute]'),
    'spec.rules.0.sql.actions: execute is for functions: add functions',
  ],
  [
    'usage of nothing',
    'DbPermission',
    rule('actions: [usage]'),
    'spec.rules.0.sql.actions: usage is for sequences and types: add sequences or types',
  ],
  [
    'tables for nothing',
    'DbPermission',
    rule('tables: [t], functions: [f], actions: [execute]'),
    'spec.rules.0.sql.tables: nothing is done with the tables: add select, insert, update, delete, truncate, read or write to actions',
  ],
  [
    'functions for nothing',
    'DbPermission',
    rule('tables: [t], functions: [f], actions: [select]'),
    'spec.rules.0.sql.functions: functions are for execute: add execute to actions',
  ],
  [
    'sequences for nothing',
    'DbPermission',
    rule('tables: [t], sequences: [s], actions: [insert]'),
    'spec.rules.0.sql.sequences: sequences are for usage: add usage to actions',
  ],
  [
    'types for nothing',
    'DbPermission',
    rule('tables: [t], types: [s], actions: [insert]'),
    'spec.rules.0.sql.types: types are for usage: add usage to actions',
  ],
  [
    'columns of nothing',
    'DbPermission',
    rule('functions: [f], columns: [c], actions: [execute]'),
    'spec.rules.0.sql.columns: columns are those of tables: add tables, or leave columns out',
  ],
  [
    'delete of some columns',
    'DbPermission',
    rule('tables: [t], columns: [c], actions: [delete]'),
    'spec.rules.0.sql.columns: delete, truncate and write (which includes delete) take whole rows: leave columns out, or put them into a rule of their own',
  ],
];

describe("the CRDs' own rules, without an API server", () => {
  for (const [situation, kind, changes, ...expected] of CASES) {
    it(`say of ${situation} where it is and what to do`, () => {
      expect(said(kind, changes)).to.have.members(expected);
    });
  }

  it('have a case each, but for those about a change', () => {
    const covered = new Set(
      CASES.flatMap(([, kind, , ...all]) => all.map((text) => `${kind} ${text.replace(/^[^:]*: /, '')}`)),
    );
    for (const [kind, schema] of Object.entries(SCHEMAS)) {
      for (const { message } of celRules(schema, kind === 'DatabaseBackend')) {
        expect(
          [...covered].some((text) => text.startsWith(`${kind} ${message}`)),
          `${kind}: ${message}`,
        ).to.equal(true);
      }
    }
  });
});

/** The rules of a ceiling are those of a permission, word for word (crds.test.ts), and covered there. */
function celRules(root: Schema, skipCeiling: boolean): { readonly message: string }[] {
  const found: { message: string }[] = [];
  walkSchema(root, [], (schema, path) => {
    if (skipCeiling && path.includes('ceiling')) return;
    found.push(...(schema['x-kubernetes-validations'] ?? []).filter(({ rule: text }) => !text.includes('oldSelf')));
  });
  return found;
}
