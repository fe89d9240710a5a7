import { expect } from 'chai';
import { SCHEMAS, type Kind } from './schemas.gen.ts';
import { STRUCTURE_CASES } from './testing-structure.ts';
import { resource, said } from './testing.ts';
import { checkResource, validateResource } from './validate.ts';

describe('checking resources without an API server', () => {
  for (const kind of Object.keys(SCHEMAS) as Kind[]) {
    it(`finds nothing wrong with a right ${kind}`, () => {
      expect(said(kind, '')).to.deep.equal([]);
    });
  }

  for (const [situation, kind, changes, ...expected] of STRUCTURE_CASES) {
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
