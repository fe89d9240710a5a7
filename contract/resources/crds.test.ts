import { expect } from 'chai';
import { SCHEMAS, type Kind } from './schemas.gen.ts';
import { walkSchema } from './testing.ts';

const KINDS = Object.keys(SCHEMAS) as Kind[];

describe('the CRDs', () => {
  for (const kind of KINDS) {
    it(`describe every field of ${kind}`, () => {
      walkSchema(SCHEMAS[kind], [], (schema, path) => {
        expect(schema.description, path.join('.')).to.be.a('string').with.length.above(5);
      });
    });

    it(`bound every list and string of ${kind}, so that the cost of its rules has a bound`, () => {
      walkSchema(SCHEMAS[kind], [], (schema, path) => {
        const place = path.join('.');
        if (schema.type === 'array') expect(schema.maxItems, place).to.be.a('number');
        if (schema.type === 'string' && !schema.enum && path.length > 1)
          expect(schema.maxLength, place).to.be.a('number');
        if (schema.type === 'array') expect(schema['x-kubernetes-list-type'], place).to.be.a('string');
      });
    });

    it(`say in every rule of ${kind} what is wrong and what to do`, () => {
      walkSchema(SCHEMAS[kind], [], (schema) => {
        for (const { message } of schema['x-kubernetes-validations'] ?? []) expect(message).to.match(/^[^:]+: [^:]+/);
      });
    });
  }

  it('ask the same of a rule in a ceiling as of one in a permission', () => {
    const rule = SCHEMAS.DbPermission.properties?.spec?.properties?.rules?.items?.properties?.sql;
    const ceiling = SCHEMAS.DatabaseBackend.properties?.spec?.properties?.consumers?.items?.properties?.ceiling?.items;
    expect(ceiling?.properties?.sql).to.be.an('object');
    expect(ceiling?.properties?.sql).to.deep.equal(rule);
  });

  it('give every kind the same status', () => {
    const [first, ...rest] = KINDS.map((kind) => SCHEMAS[kind].properties?.status);
    expect(first).to.be.an('object');
    for (const status of rest) expect(status).to.deep.equal(first);
  });
});
