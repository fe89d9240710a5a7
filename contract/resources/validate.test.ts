import { expect } from 'chai';
import { SCHEMAS, type Kind } from './schemas.gen.ts';
import { resource, rule, said, type Case } from './testing.ts';
import { checkResource, validateResource } from './validate.ts';

const CASES: readonly Case[] = [
  [
    'a redis rule',
    'DbPermission',
    'rules: [{redis: {keys: ["*"]}}]',
    'spec.rules.0.redis: redis rules are not supported yet: remove it: only sql rules are',
  ],
  [
    'a mongodb rule beside sql',
    'DbPermission',
    'rules: [{mongodb: {}, sql: {tables: [t], actions: [select]}}]',
    'spec.rules.0.mongodb: mongodb rules are not supported yet: remove it: only sql rules are',
  ],
  [
    'a misspelt field',
    'DbPermission',
    rule('tabels: [t], actions: [select]'),
    'spec.rules.0.sql.tabels: unknown field tabels: did you mean tables?',
  ],
  [
    'a field of a later version',
    'DatabaseBackend',
    'management: Manage',
    'spec.management: unknown field management: remove it: there are protocol, endpoints, database, searchPath, credentialsSecretRef, tls, consumers, timeouts, security',
  ],
  [
    'a missing field',
    'DbPermission',
    'backendRef: {}',
    'spec.backendRef: name is missing: add name: Name of a DatabaseBackend.',
  ],
  [
    'a string for a list',
    'DbPermission',
    rule('tables: t, actions: [select]'),
    'spec.rules.0.sql.tables: is a string, not a list: write a list',
  ],
  ['a field left empty', 'DbUser', 'limits:', 'spec.limits: is empty, not a map: write a value, or remove the field'],
  [
    'a misspelt action',
    'DbPermission',
    rule('tables: [t], actions: [selct]'),
    'spec.rules.0.sql.actions.0: is none of the values that are known here: write select, insert, update, delete, truncate, execute, usage, read, write or admin (did you mean select?)',
  ],
  [
    'one of a later protocol',
    'DatabaseBackend',
    'protocol: redis',
    'spec.protocol: is none of the values that are known here: write postgresql',
  ],
  [
    'a replica',
    'DatabaseBackend',
    'endpoints: [{name: a, host: h}, {name: b, host: h, role: replica}]',
    'spec.endpoints.1.role: is none of the values that are known here: write primary',
  ],
  [
    'an escape of a letter',
    'DbPermission',
    rule('tables: ["a\\\\b"], actions: [select]'),
    'spec.rules.0.sql.tables.0: is no pattern: use \\ only before * or \\ (which it makes literal), and no control characters',
  ],
  [
    'a trailing escape',
    'DbPermission',
    rule('tables: ["a\\\\"], actions: [select]'),
    'spec.rules.0.sql.tables.0: is no pattern: use \\ only before * or \\ (which it makes literal), and no control characters',
  ],
  [
    'a NUL in a pattern',
    'DbPermission',
    rule('tables: ["a\\0"], actions: [select]'),
    'spec.rules.0.sql.tables.0: is no pattern: use \\ only before * or \\ (which it makes literal), and no control characters',
  ],
  ['a NUL in a user name', 'DbUser', 'username: "a\\0b"', 'spec.username: holds a control character: remove it'],
  [
    'a line feed in a database',
    'DatabaseBackend',
    'database: "a\\n"',
    'spec.database: holds a control character: remove it',
  ],
  [
    'a name of 64 bytes in 32 letters',
    'DbUser',
    `username: ${'ö'.repeat(32)}`,
    'spec.username: is longer than any name in PostgreSQL, which cuts them to 63 bytes: use at most 63 bytes',
  ],
  [
    'a pattern that no name can match',
    'DbPermission',
    rule(`tables: ["${'a'.repeat(64)}*"], actions: [select]`),
    'spec.rules.0.sql.tables.0: is longer than any name in PostgreSQL, which cuts them to 63 bytes: use at most 63 bytes',
  ],
  ['a lone surrogate', 'DbUser', 'username: "\\ud800"', 'spec.username: is not Unicode text: write it as UTF-8'],
  [
    'no duration',
    'DatabaseBackend',
    'timeouts: {idle: 5 minutes}',
    'spec.timeouts.idle: is no duration: write one such as 500ms, 3s, 10m or 1h30m',
  ],
  [
    'no time',
    'DbUser',
    'expiresAt: tomorrow',
    'spec.expiresAt: is no time: write it as RFC 3339, such as 2027-01-01T00:00:00Z',
  ],
  [
    'a time without a zone',
    'DbUser',
    'expiresAt: "2027-01-01T00:00:00"',
    'spec.expiresAt: is no time: write it as RFC 3339, such as 2027-01-01T00:00:00Z',
  ],
  [
    'a leap second, which would never come',
    'DbUser',
    'expiresAt: "2026-12-31T23:59:60Z"',
    'spec.expiresAt: is a time that does not exist: write one such as 2027-01-01T00:00:00Z',
  ],
  [
    'a table twice',
    'DbPermission',
    rule('tables: [t, u, t], actions: [select]'),
    'spec.rules.0.sql.tables.2: is in the list already: remove it',
  ],
  [
    'a consumer twice',
    'DatabaseBackend',
    'consumers: [{namespace: a, ceiling: [{sql: {actions: [admin]}}]}, {namespace: a, ceiling: [{sql: {actions: [admin]}}]}]',
    'spec.consumers.1: has the same namespace as an item before it: give it another namespace, or join the two',
  ],
  [
    'a port out of range',
    'DatabaseBackend',
    'endpoints: [{name: a, host: h, port: 70000}]',
    'spec.endpoints.0.port: is too large: write at most 65535',
  ],
  ['no rules', 'DbPermission', 'rules: []', 'spec.rules: has too few items: write at least 1'],
];

describe('checking resources without an API server', () => {
  for (const kind of Object.keys(SCHEMAS) as Kind[]) {
    it(`finds nothing wrong with a right ${kind}`, () => {
      expect(said(kind, '')).to.deep.equal([]);
    });
  }

  for (const [situation, kind, changes, ...expected] of CASES) {
    it(`says of ${situation} where it is and what to do`, () => {
      expect(said(kind, changes)).to.have.members(expected);
    });
  }

  it('says everything at once', () => {
    const changes =
      'userRef: {}\nrules: [{sql: {tables: [t], actions: [selct]}}, {redis: {}}, {sql: {actions: [execute]}}]\nexpiresAt: x';
    expect(said('DbPermission', changes)).to.have.length(5);
  });

  it('never repeats a value', () => {
    const text = said('DbUser', 'username: "s3cret\\0"\nexpiresAt: s3cret\naudit: s3cret\nenabled: s3cret').join();
    expect(text).to.not.contain('s3cret');
  });

  it('holds a rule of another kind of document against it', () => {
    for (const wrong of [null, 'x', [], 1]) expect(validateResource(wrong)).to.have.length(1);
    expect(validateResource({ apiVersion: 'v1', kind: 'DbUser' })[0]?.path).to.deep.equal(['apiVersion']);
    expect(validateResource({ apiVersion: 'articdbm.io/v1alpha1', kind: 'constructor' })[0]?.path).to.deep.equal([
      'kind',
    ]);
    expect(validateResource({ ...resource('DbUser'), spex: 1 })[0]?.path).to.deep.equal(['spex']);
    expect(validateResource({ ...resource('DbUser'), metadata: { name: 'A b' } })[0]?.path).to.deep.equal([
      'metadata',
      'name',
    ]);
    expect(
      validateResource({ apiVersion: 'articdbm.io/v1alpha1', kind: 'DbUser', metadata: { name: 'a' } })[0]?.message,
    ).to.equal('spec is missing');
  });

  it('takes null for an expiry as none, and any metadata', () => {
    const document = {
      ...resource('DbPermission', 'expiresAt: null'),
      metadata: { name: 'a', labels: { x: 'y' }, managedFields: [] },
    };
    expect(validateResource(document)).to.deep.equal([]);
  });

  it('fills defaults in, in a copy', () => {
    const document = resource('DatabaseBackend');
    const checked = checkResource(document);
    expect(checked).to.have.nested.property('resource.spec.tls.mode', 'verify-full');
    expect(checked).to.have.nested.property('resource.spec.timeouts.connect', '3s');
    expect(document).to.deep.equal(resource('DatabaseBackend'));
  });
});
