import { expect } from 'chai';
import fc from 'fast-check';
import * as grammar15 from 'pg-query-15';
import * as grammar18 from 'pg-query-18';
import { shapeOf } from './shape.ts';

const shape = (text: string) => shapeOf(Buffer.from(text));

const constantKind = (constant: object): string =>
  'sval' in constant
    ? 'string'
    : 'bsval' in constant
      ? 'bits'
      : 'isnull' in constant
        ? 'null'
        : 'boolval' in constant
          ? 'boolean'
          : 'number';

/** The parse tree with the values of constants and all positions removed; null: a syntax error. */
function skeleton(grammar: typeof grammar18, text: string): unknown {
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip);
    if (value === null || typeof value !== 'object') return value;
    const entries: [string, unknown][] = [];
    for (const [key, inner] of Object.entries(value)) {
      if (/location$|^stmt_len$|_list_(start|end)$/.test(key)) continue;
      entries.push([key, key === 'A_Const' ? constantKind(inner as object) : strip(inner)]);
    }
    return Object.fromEntries(entries);
  };
  try {
    return strip(grammar.parseSync(text));
  } catch (error) {
    expect(error).to.have.property('name', 'SqlError');
    return null;
  }
}

/** Pieces from which texts are put together, hostile ones among them. */
const PIECES = [
  'select',
  ' ',
  ' ',
  '1',
  '22',
  '1.5',
  "'a'",
  "'a''b'",
  "''",
  "'\\'",
  '"q 1"',
  '"',
  "'",
  'E',
  'U&',
  "E'\\''",
  '$1',
  '$a$',
  '$$',
  ',',
  '(',
  ')',
  '=',
  '-',
  '--',
  '/*',
  '*/',
  '*',
  'from',
  't',
  'a1',
  '1a',
  'x',
  '.',
  ';',
  '\n',
  '\t',
  '::',
  'int',
  '0x1F',
  '1e5',
  '1_000',
  '.5',
  '5.',
  'é',
  'and',
  'in',
  'where',
  'order by',
  '[',
  ']',
  '@',
  '&',
  'B',
  'N',
  '\u00a0',
  '\u000b',
  '+',
];

const CONSTANTS: Readonly<Record<string, readonly string[]>> = {
  integer: ['0', '1', '42', '2147483647', '99999999999999999999'],
  decimal: ['0.0', '1.5', '22.75'],
  string: ["''", "'a'", "'it''s'", "' -- '", "'/*'", "'$$'", "'\\'", "';'", "'\"'", "'é'", "'1'"],
};

describe('the shape of a statement', () => {
  before(async () => {
    await Promise.all([grammar15.loadModule(), grammar18.loadModule()]);
  });

  it('is equal for texts that differ in plain constants only', () => {
    expect(shape("select a from t where id = 1 and n = 'x'")).to.equal(
      shape("select a from t where id = 203 and n = 'it''s; --'"),
    );
    expect(shape('select 1.50')).to.equal(shape('select 12.5'));
  });

  for (const [situation, text] of [
    ['a line comment', 'select 1 -- x'],
    ['a block comment', 'select 1 /* x */'],
    ['an escape string', "select E'\\''"],
    ['a Unicode string', "select U&'a'"],
    ['a Unicode identifier', 'select U&"a"'],
    ['a bit string', "select B'1'"],
    ['a dollar quote', 'select $$a$$'],
    ['a tagged dollar quote', 'select $a$b$a$'],
    ['an exponent', 'select 1e5'],
    ['a hexadecimal number', 'select 0x1F'],
    ['a number with underscores', 'select 1_000'],
    ['a number glued to a word', 'select 1from t'],
    ['a parameter glued to a word', 'select $1from'],
    ['two statements', 'select 1; select 2'],
    ['an open string', "select 'a"],
    ['an open identifier', 'select "a'],
    ['a letter outside ASCII', 'select é from t'],
    ['a space that only Unicode calls one', 'select\u00a01'],
    ['a vertical tab, white space from 16 on', 'select\u000b1'],
    ['a byte that looks like a mark', 'select "\u0001"'],
    ['a range of dots', 'select 1..2'],
  ] as const) {
    it(`is none for ${situation}`, () => expect(shape(text)).to.equal(undefined));
  }

  it('never equals that of a text with another parse tree', () => {
    const seen = new Map<string, string>();
    let met = 0;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 9 }), (pieces) => {
        const text = pieces.join('');
        const key = shape(text);
        if (key === undefined) return;
        const other = seen.get(key);
        if (other === undefined) return void seen.set(key, text);
        if (other === text) return;
        met += 1;
        for (const grammar of [grammar15, grammar18] as (typeof grammar18)[]) {
          expect(skeleton(grammar, text)).to.deep.equal(
            skeleton(grammar, other),
            `${JSON.stringify(text)} and ${JSON.stringify(other)}`,
          );
        }
      }),
      { numRuns: 20_000 },
    );
    expect(met).to.be.greaterThan(20);
  });

  it('of a statement holds for every other constant in its place', () => {
    const template =
      'select "q 1", a1 from t where a = {integer} and b in ({string}, {string}) or c > {decimal} limit {integer}';
    const filled = fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 }).map((picks) => {
      let next = 0;
      return template.replace(/\{(\w+)\}/g, (_, kind: string) => {
        const choices = CONSTANTS[kind] ?? [];
        next += 1;
        return choices[(picks[next - 1] ?? 0) % choices.length] ?? '';
      });
    });
    fc.assert(
      fc.property(filled, filled, (left, right) => {
        expect(shape(left)).to.be.a('string').and.equal(shape(right));
        expect(skeleton(grammar18, left)).to.deep.equal(skeleton(grammar18, right)).and.not.equal(null);
      }),
      { numRuns: 300 },
    );
  });
});
