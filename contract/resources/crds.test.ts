import { expect } from 'chai';
import type { Schema } from './schema.ts';
import { SCHEMAS, type Kind } from './schemas.gen.ts';
import { walkSchema } from './testing.ts';

const KINDS = Object.keys(SCHEMAS) as Kind[];

describe('the CRDs', () => {
  for (const kind of KINDS) {
    it(`describe every field of ${kind}`, () => {
      walkSchema(SCHEMAS[kind], [], (schema, path) => {
        // The API server allows nothing to be said of it.
        if (path.join() === 'metadata') return;
        expect(schema.description, path.join('.')).to.be.a('string').with.length.above(5);
      });
    });

    it(`bound every list and string of ${kind}, so that the cost of its rules has a bound`, () => {
      walkSchema(SCHEMAS[kind], [], (schema, path) => {
        expect(missingBounds(schema, path.length), path.join('.')).to.deep.equal([]);
      });
    });

    it(`say in every rule of ${kind} what is wrong and what to do`, () => {
      walkSchema(SCHEMAS[kind], [], (schema) => {
        for (const { message } of schema['x-kubernetes-validations'] ?? []) expect(message).to.match(/^[^:]+: [^:]+/);
      });
    });
  }

  it('ask the same of a rule in a ceiling as of one in a permission', () => {
    const rule = schemaAt('DbPermission', 'spec.rules.[].sql');
    expect(schemaAt('DatabaseBackend', 'spec.consumers.[].ceiling.[].sql')).to.deep.equal(rule);
  });

  it('give every kind the same status, but for the proxies of a user', () => {
    const [first, ...rest] = KINDS.map((kind) => {
      const { proxies: _, ...fields } = SCHEMAS[kind].properties?.status?.properties ?? {};
      return fields;
    });
    expect(first).to.be.an('object');
    for (const status of rest) expect(status).to.deep.equal(first);
  });
});

/** apiVersion and kind, at depth 1, are the API server's to bound. */
function missingBounds(schema: Schema, depth: number): string[] {
  const asked: (keyof Schema)[] = schema.type === 'array' ? ['maxItems', 'x-kubernetes-list-type'] : [];
  if (schema.type === 'string' && !schema.enum && depth > 1) asked.push('maxLength');
  return asked.filter((bound) => schema[bound] === undefined);
}

function schemaAt(kind: Kind, place: string): Schema {
  const found: Schema[] = [];
  walkSchema(SCHEMAS[kind], [], (schema, path) => {
    if (path.join('.') === place) found.push(schema);
  });
  const [schema] = found;
  if (schema === undefined) throw new Error(`${kind} has no ${place}`);
  return schema;
}
