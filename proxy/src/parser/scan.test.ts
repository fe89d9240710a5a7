import { expect } from 'chai';
import fc from 'fast-check';
import { loadModule, scanSync } from 'pg-query-18';
import { scan } from './scan.ts';

const of = (text: string): ReturnType<typeof scan> => scan(Buffer.from(text));

describe('scan', () => {
  before(() => loadModule());

  it('counts what a plain statement is made of', () => {
    expect(of('select a, b from t where id = $1')).to.deep.equal({
      tokens: 9,
      chain: 7,
      brackets: 0,
      operators: 1,
      comments: 0,
      rescans: 1,
    });
  });

  for (const [situation, text, operators] of [
    ['in a literal', `select '${'='.repeat(300)}'`, 0],
    ['in a quoted name', `select "${'='.repeat(300)}"`, 0],
    ['in a dollar quote', `select $a$'$b$${'='.repeat(300)}$a$`, 0],
    ['in an escape string behind an escaped quote', `select E'\\'${'='.repeat(300)}'`, 0],
    ['in an escape string behind a doubled quote', `select e'''\\'${'='.repeat(300)}'`, 0],
    ['in the continuation of an escape string', `select E'a' -- b\n '\\'${'='.repeat(300)}'`, 0],
    ['in a line comment', `select 1 --${'='.repeat(300)}`, 0],
    ['in a block comment', `select 1 /*${'='.repeat(300)}*/`, 0],
    ['outside', `select 1 ${'='.repeat(300)}`, 300],
    ['behind a literal that ends in a backslash', `select '\\' ${'='.repeat(300)} '`, 300],
    ['behind an escape string', `select E'\\'' ${'='.repeat(300)} '`, 300],
    ['behind a word that ends in e', `select typE'\\' ${'='.repeat(300)} '`, 300],
    ['behind a Unicode string', `select U&'\\' ${'='.repeat(300)} '`, 300],
    ['behind what looks like a continuation on the same line', `select E'a' '\\' ${'='.repeat(300)} '`, 300],
    ['behind a dollar quote', `select $a$'$a$ ${'='.repeat(300)} '`, 300],
    ['behind a name that holds dollars', `select a$b$ ${'='.repeat(300)} $b$`, 300],
    ['behind a parameter', `select $1$ ${'='.repeat(300)} $`, 300],
    ['behind a comment that holds a quote', `select /*'*/ ${'='.repeat(300)} --'`, 300],
    ['behind a junk number that old lexers read as E and a string', `select 1e'\\'' ${'='.repeat(300)} '`, 300],
  ] as const) {
    it(`a run of operator characters ${situation}: ${operators === 0 ? 'passes' : 'is seen'}`, () => {
      expect(of(text).operators).to.equal(operators === 0 ? of(text.replaceAll('=', '')).operators : operators);
    });
  }

  it('nested comments are counted, whether or not they are closed', () => {
    expect(of(`/*/*/**/*/*/ ${'/*'.repeat(40)}`).comments).to.equal(40);
    expect(of(`select '/*/*' -- /*\n`).comments).to.equal(0);
  });

  it('a run of comments costs the square that it costs the server', () => {
    expect(of('/**/'.repeat(100)).rescans).to.be.within(400 * 40, 400 * 60);
    expect(of(`/*${'='.repeat(400)}*/`).rescans).to.be.below(900);
  });

  it('a chain counts what stands around a place, a list one item', () => {
    expect(of(`select ${'1,'.repeat(100)}1`).chain).to.equal(2);
    expect(of(`select ${'1+'.repeat(100)}1`).chain).to.equal(202);
    expect(of(`select ${'f(1,'.repeat(100)}1${')'.repeat(100)}`).chain).to.be.within(200, 304);
    expect(of(`values ${'(1,f(2)),'.repeat(100)}(1)`).chain).to.be.below(8);
  });

  it('is linear in time for texts made to repeat work', function () {
    this.timeout(10_000);
    for (const unit of [
      '/**/',
      '/*',
      '*/*',
      '$a',
      '$a$',
      "E'",
      "'\n",
      '--',
      '+-',
      "E'\\'' ",
      '((',
      '/*/',
      '1e',
      "'a'\n",
    ]) {
      const text = Buffer.from(unit.repeat(Math.floor(1_000_000 / unit.length)));
      const start = process.threadCpuUsage();
      scan(text);
      expect(process.threadCpuUsage(start).user / 1000, unit).to.be.below(600);
    }
  });

  const PIECES = [
    "'",
    "E'",
    "e'",
    "U&'",
    'U&"',
    '"',
    '$a$',
    '$$',
    '$1',
    '$b',
    '\\',
    '\n',
    '--',
    '/*',
    '*/',
    '+',
    '-',
    '||',
  ];
  const WORDS = [
    ' ',
    'a',
    'e',
    '1',
    '1.5',
    '(',
    ')',
    '[',
    ']',
    ',',
    ';',
    '::',
    'é',
    '\t',
    "''",
    'x',
    '<=',
    '@',
    ':=',
    '.',
  ];

  it('never counts fewer tokens, or shorter runs, than PostgreSQL’s lexer', function () {
    this.timeout(60_000);
    const texts = fc.array(fc.constantFrom(...PIECES, ...WORDS), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(texts, (pieces) => {
        const text = pieces.join('');
        const tokens = tokensOf(text);
        if (tokens === undefined) return;
        const found = of(text);
        expect(found.tokens).to.be.at.least(tokens.length);
        const operators = tokens.filter((token) => /^[~!@#^&|`?+\-*/%<>=]+$/.test(token));
        expect(found.operators).to.be.at.least(Math.max(0, ...operators.map((token) => token.length)));
      }),
      { numRuns: 20_000 },
    );
  });
});

/** The server's tokens but separators and comments; undefined: not of its lexis. */
function tokensOf(text: string): readonly string[] | undefined {
  try {
    const bytes = Buffer.from(text);
    return scanSync(text)
      .tokens.filter((token) => !token.tokenName.includes('COMMENT'))
      .map((token) => bytes.subarray(token.start, token.end).toString())
      .filter((token) => token !== ',' && token !== ';');
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
