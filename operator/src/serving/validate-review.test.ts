import { expect } from 'chai';
import fc from 'fast-check';
import { CEL_CASES } from '#contract/resources/testing-cel';
import { STRUCTURE_CASES } from '#contract/resources/testing-structure';
import { resource } from '#contract/resources/testing';
import type { Kind } from '#contract/resources/schemas.gen';
import { validateReview } from './validate-review.ts';

const KINDS: readonly Kind[] = ['DatabaseBackend', 'DbUser', 'DbPermission'];
const bound = (changes = ''): Record<string, unknown> => resource('DbUser', `serviceAccounts: [shop]\n${changes}`);

const hostileConsumer = (): object => ({
  ceiling: Array.from({ length: 16 }, () => ({ sql: { tables: Array.from({ length: 500 }, () => 1) } })),
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

describe('validateReview', () => {
  for (const kind of KINDS) {
    it(`allows a right ${kind}`, () => {
      expect(validateReview(kind, resource(kind))).to.include({ allowed: true });
    });

    it(`refuses what the request calls a ${kind} and is none`, () => {
      for (const other of [null, 7, [], {}, resource(kind === 'DbUser' ? 'DbPermission' : 'DbUser')]) {
        expect(validateReview(kind, other)).to.include({ allowed: false, reason: 'WrongKind' });
      }
    });
  }

  for (const [situation, kind, changes] of [...CEL_CASES, ...STRUCTURE_CASES]) {
    it(`denies ${kind}: ${situation}, and says where and what to do`, () => {
      const verdict = validateReview(kind, resource(kind, changes));
      expect(verdict).to.include({ allowed: false, reason: 'Invalid' });
      expect(verdict.message).to.match(/^(spec|metadata)\S* .+: .+/);
    });

    it(`lets ${situation} be labelled and deleted where it is stored already`, () => {
      const old = resource(kind, changes);
      const labelled = { ...old, metadata: { ...(old.metadata as object), labels: { a: 'b' } } };
      const leaving = { ...resource(kind, changes), metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };
      expect(validateReview(kind, labelled, old)).to.deep.equal({ allowed: true, warnings: [] });
      expect(validateReview(kind, leaving, resource(kind))).to.deep.equal({ allowed: true, warnings: [] });
    });
  }

  it('judges a broken one when its spec is changed, and lets it be repaired', () => {
    const old = resource('DbUser', 'enabled: 7');
    expect(validateReview('DbUser', resource('DbUser', 'enabled: 8'), old).allowed).to.equal(false);
    expect(validateReview('DbUser', bound(), old).allowed).to.equal(true);
  });

  it('names ten problems and counts the rest', () => {
    const tables = Array.from({ length: 15 }, () => '"\\\\x"').join(', ');
    const { message = '' } = validateReview(
      'DbPermission',
      resource('DbPermission', `rules: [{sql: {tables: [${tables}], actions: [select]}}]`),
    );
    expect(message.match(/is no pattern/g)).to.have.length(10);
    expect(message).to.match(/spec\.rules\[0\]\.sql\.tables\[0\] is no pattern.*; and [0-9]+ more$/);
  });

  for (const [situation, kind, spec] of [
    ['a million rules that are none', 'DbPermission', { rules: Array.from({ length: 1_000_000 }, () => 1) }],
    ['sixty thousand rules', 'DbPermission', { rules: Array.from({ length: 60_000 }, () => ({ sql: { tables: 7 } })) }],
    ['half a million ceilings', 'DatabaseBackend', { consumers: Array.from({ length: 64 }, hostileConsumer) }],
    ['lists inside each other', 'DbUser', nested(30_000)],
    [
      'as many fields as are looked into',
      'DatabaseBackend',
      Object.fromEntries(Array.from({ length: 32_000 }, (_, index) => [`endpoin${index}`, 1])),
    ],
    [
      'as much that is wrong as is looked into',
      'DatabaseBackend',
      { consumers: Array.from({ length: 64 }, () => ({ ceiling: Array.from({ length: 500 }, () => 1) })) },
    ],
  ] as const) {
    it(`denies ${situation} from anybody at all, and keeps nobody waiting by it`, () => {
      const object = { ...resource(kind), spec };
      const began = performance.now();
      const verdict = validateReview(kind, object);
      expect(verdict).to.include({ allowed: false, reason: 'Invalid' });
      expect(performance.now() - began, 'milliseconds').to.be.below(5_000);
    });
  }

  it('repeats no value that it refuses', () => {
    const { message = '' } = validateReview('DbUser', resource('DbUser', 'passwordSecretRef: {name: "Hunter2!"}'));
    expect(message).to.match(/spec\.passwordSecretRef\.name/);
    expect(message).to.not.contain('Hunter2');
  });

  it('refuses another protocol, for the server is another then', () => {
    const old = resource('DatabaseBackend', 'protocol: mysql');
    const verdict = validateReview('DatabaseBackend', resource('DatabaseBackend'), old);
    expect(verdict).to.deep.equal({
      allowed: false,
      reason: 'Immutable',
      message: 'spec.protocol can not be changed: make another DatabaseBackend',
      warnings: [],
    });
  });

  for (const [situation, kind, changes, warning] of [
    ['a server that nobody verifies', 'DatabaseBackend', 'tls: {mode: require}', /spec\.tls\.mode require/],
    ['the shared login in pods', 'DatabaseBackend', 'sharedLogin: Allow', /past ArticDBM/],
    [
      'consent to itself',
      'DatabaseBackend',
      'consumers: [{namespace: prod, ceiling: [{sql: {tables: [a], actions: [select]}}]}]',
      /needs no consent/,
    ],
    ['a user whom nobody can be', 'DbUser', '', /nobody can be this user/],
    ['the account of everybody', 'DbUser', 'serviceAccounts: [default]', /every pod of this namespace/],
    [
      'a backend elsewhere',
      'DbPermission',
      'backendRef: {name: orders, namespace: crm}',
      /crm\/orders names prod among its consumers/,
    ],
    ['admin', 'DbPermission', 'rules: [{sql: {actions: [admin]}}]', /allows everything/],
    ['a table in capitals', 'DbPermission', 'rules: [{sql: {tables: [Orders], actions: [select]}}]', /quoted in SQL/],
  ] as const) {
    it(`warns of ${situation}, and allows it`, () => {
      const { allowed, warnings } = validateReview(kind, resource(kind, changes));
      expect(allowed).to.equal(true);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(warning);
    });
  }

  it('warns of nothing that is as it should be', () => {
    expect(validateReview('DatabaseBackend', resource('DatabaseBackend')).warnings).to.deep.equal([]);
    expect(validateReview('DbUser', bound()).warnings).to.deep.equal([]);
    expect(validateReview('DbPermission', resource('DbPermission')).warnings).to.deep.equal([]);
  });

  it('judges anything at all', () => {
    const kind = fc.constantFrom(...KINDS);
    const spec = fc.oneof(fc.jsonValue(), fc.constant(resource('DbPermission').spec));
    fc.assert(
      fc.property(kind, fc.jsonValue(), spec, fc.jsonValue(), (of, metadata, random, old) => {
        const object = { apiVersion: 'articdbm.io/v1alpha1', kind: of, metadata, spec: random };
        const verdict = validateReview(of, object, old);
        if (!verdict.allowed) expect(verdict.message).to.be.a('string').that.is.not.empty;
      }),
      { numRuns: 200 },
    );
  });
});
