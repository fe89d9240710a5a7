import { expect } from 'chai';
import { SCHEMAS } from './schemas.gen.ts';
import type { Schema } from './schema.ts';
import { CEL_CASES } from './testing-cel.ts';
import { said, walkSchema } from './testing.ts';

describe("the CRDs' own rules, without an API server", () => {
  for (const [situation, kind, changes, ...expected] of CEL_CASES) {
    it(`say of ${situation} where it is and what to do`, () => {
      expect(said(kind, changes)).to.have.members(expected);
    });
  }

  it('have a case each, but for those about a change', () => {
    const covered = new Set(
      CEL_CASES.flatMap(([, kind, , ...all]) => all.map((text) => `${kind} ${text.replace(/^[^:]*: /, '')}`)),
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
