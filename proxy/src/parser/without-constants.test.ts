import { expect } from 'chai';
import fc from 'fast-check';
import * as grammar18 from 'pg-query-18';
import { withoutConstants } from './without-constants.ts';

const shown = (text: string): string | undefined => withoutConstants(Buffer.from(text));

/** A constant that holds `secret` (digits), in each way in which it can be written. */
const WRITTEN: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `${secret}.5e-3`,
  (secret) => `.${secret}e5`,
  (secret) => `0x${secret}`,
  (secret) => `'${secret}'`,
  (secret) => `'it''s ${secret}\\'`,
  (secret) => `E'a\\'${secret}\\\\'`,
  (secret) => `e'a'\n 'b\\'${secret}'`,
  (secret) => `U&'\\0041${secret}' uescape '!'`,
  (secret) => `b'${'1'.repeat(3)}' || x'${secret}'`,
  (secret) => `n'${secret}'`,
  (secret) => `$$'${secret}"$$`,
  (secret) => `$a$ $$${secret}$b$ $a$`,
  (secret) => `1 -- '${secret}\n`,
  (secret) => `1 /* /* ' */ ${secret} " */`,
  (secret) => `interval '${secret}'`,
];

const piece = fc.tuple(fc.integer({ min: 0, max: WRITTEN.length - 1 }), fc.integer({ min: 700_000, max: 999_999 }));

describe('a statement without its constants', () => {
  before(() => grammar18.loadModule());

  it('reads as one would write it with parameters', () => {
    expect(shown("select a, 'x' from t where b = 12 and c=$1 -- who\n")).to.equal(
      'select a, $2 from t where b = $3 and c=$1',
    );
    expect(shown("copy t from stdin with (format csv, delimiter ';', null 'zz')")).to.equal(
      'copy t from stdin with (format csv, delimiter $1, null $2)',
    );
    expect(shown("alter role r password 'hunter2'")).to.equal('alter role r password $1');
    expect(shown('begin; set app.key = hunter2; set x to y, z')).to.equal('begin; set app.key = $1; set x to $2, $3');
    expect(shown('update "t 1" set a = b, ä = 1')).to.equal('update "t 1" set a = b, ä = $1');
  });

  it('is not shown where it can not be lexed with certainty', () => {
    for (const text of [
      "select 'a",
      'select "a',
      'select $a$ x',
      'select 1a',
      'select /* a',
      "select E'a\\'",
      "e'",
      'a\\b',
      '1..2',
    ]) {
      expect(shown(text), text).to.equal(undefined);
    }
  });

  it('is cut', () => {
    expect(shown(`select ${'a,'.repeat(5_000)}a`)).to.have.length(2_049);
  });

  it('shows no constant, however it is written, wherever it stands', () => {
    const between = fc.constantFrom(' ', ', ', ' + ', '\n', '(', ') ', ' as "name" ', ' where a$1 = ', ';', '::text,');
    fc.assert(
      fc.property(fc.array(fc.tuple(between, piece), { minLength: 1, maxLength: 8 }), (pieces) => {
        const text = pieces.map(([glue, [form, secret]]) => glue + (WRITTEN[form]?.(String(secret)) ?? '')).join('');
        const result = shown(`select ${text}`);
        for (const [, [, secret]] of pieces) expect(result ?? '', text).not.to.include(String(secret));
      }),
      { numRuns: 3_000 },
    );
  });

  it('shows nothing that the grammar reads as a constant, whatever surrounds it', () => {
    const hostile = fc.constantFrom(
      ...["'", "''", '"', '\\', '$', '$$', '$a$', 'E', 'U&', 'e', 'x', '--', '/*', '*/', '\n', ' ', ',', '+', '(', ')'],
      ...['1', '.', 'a', '_', '&', '-', '/', '*'],
    );
    const secret = fc.integer({ min: 700_000, max: 999_999 }).map(String);
    let constants = 0;
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            hostile,
            hostile,
            secret,
            piece.map(([n, s]) => WRITTEN[n]?.(String(s)) ?? ''),
          ),
          { maxLength: 10 },
        ),
        (parts) => {
          const text = `select ${parts.join('')}`;
          let tree: string;
          try {
            tree = JSON.stringify(grammar18.parseSync(text));
          } catch (error) {
            expect(error).to.have.property('name', 'SqlError');
            return; // PostgreSQL doesn't read it either
          }
          const result = shown(text);
          const names = tree.replaceAll(/"A_Const":\{[^{}]*(?:\{[^{}]*\})?[^{}]*\}/g, '');
          for (const [found] of tree.matchAll(/[7-9][0-9]{5}/g)) {
            if (names.includes(found)) continue;
            constants += 1;
            expect(result ?? '', text).not.to.include(found);
          }
        },
      ),
      { numRuns: 20_000 },
    );
    expect(constants).to.be.above(100);
  }).timeout(60_000);
});
