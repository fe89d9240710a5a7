import { expect } from 'chai';
import fc from 'fast-check';
import { createSqlParser, type Major, type ParseOutcome, type SqlParser } from './parser.ts';
import { HOSTILE } from './testdata/hostile.ts';
import { ORDINARY } from './testdata/ordinary.ts';

const MAJORS: readonly Major[] = [15, 16, 17, 18];
const parsed = (outcome: ParseOutcome): boolean => 'kind' in outcome;
const textOf = (text: string): Buffer => Buffer.from(text);

describe('SqlParser', function () {
  this.timeout(120_000);
  let parser: SqlParser;
  let worker: SqlParser;

  before(async () => {
    parser = createSqlParser();
    worker = createSqlParser({ neverInPlace: true });
    await Promise.all(MAJORS.map((major) => parser.load(major)));
  });
  after(() => Promise.all([parser.close(), worker.close()]));

  for (const major of MAJORS) {
    it(`${String(major)}: ordinary statements are parsed in place, and as in a worker`, async () => {
      for (const text of ORDINARY) {
        const here = parser.parse(major, textOf(text));
        expect(here, text).not.to.be.instanceOf(Promise);
        expect(await worker.parse(major, textOf(text)), text).to.deep.equal(here);
        expect(parsed(await here), text).to.equal(true);
      }
    });

    it(`${String(major)}: an empty text has no statements`, async () => {
      for (const text of ['', ' ', ';', ' ;; ', '-- a', '/* a */', '\n']) {
        expect(await parser.parse(major, textOf(text)), text).to.deep.equal({ kind: 'parsed', statements: [] });
        expect(await worker.parse(major, textOf(text)), text).to.deep.equal({ kind: 'parsed', statements: [] });
      }
    });
  }

  it('pieces of statements in any order: in place as in a worker', async () => {
    const pieces = ORDINARY.flatMap((text) => text.split(/(?<=[ ,()'])/));
    const texts = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(texts, fc.constantFrom(...MAJORS), async (parts, major) => {
        const text = parts.join('');
        expect(await worker.parse(major, textOf(text))).to.deep.equal(await parser.parse(major, textOf(text)));
      }),
      { numRuns: 400 },
    );
  });

  it('hostile texts of the size that goes in place: in place as in a worker', async () => {
    for (const { name, make } of HOSTILE) {
      for (const bytes of [60, 400, 1_500]) {
        const text = textOf(make(bytes));
        const here = parser.parse(18, text);
        if (!(here instanceof Promise)) expect(await worker.parse(18, text), name).to.deep.equal(here);
      }
    }
    expect(worker.counts().workersReplaced).to.equal(0);
    expect(parser.counts().grammarsDropped).to.equal(0);
  });

  it('a NUL cannot hide a second statement', async () => {
    const outcome = await parser.parse(18, textOf('select 1\0; drop table t'));
    expect(outcome).to.include({ understood: false, reason: 'encoding', sqlstate: '22021' });
  });

  it('bytes that are not UTF-8 are refused, however they are quoted', async () => {
    for (const bytes of [
      [0x27, 0xff, 0x27],
      [0xc3, 0x28],
      [0xed, 0xa0, 0x80],
      [0xc0, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
    ]) {
      const outcome = await parser.parse(18, Buffer.concat([textOf('select '), Buffer.from(bytes)]));
      expect(outcome).to.include({ understood: false, sqlstate: '22021' });
    }
  });

  it('a text beyond the limit is refused before anything reads it', async () => {
    const small = createSqlParser({ statementBytes: 100 });
    expect(await small.parse(18, Buffer.alloc(101, ' '))).to.include({ reason: 'too-large', sqlstate: '54001' });
    expect(parsed(await small.parse(18, Buffer.alloc(100, ' ')))).to.equal(true);
    await small.close();
  });

  it('what goes in place cannot overflow the stack, even deep in somebody else’s', async () => {
    const deep = (levels: number, run: () => void): void => {
      if (levels === 0) run();
      else deep(levels - 1, run);
    };
    for (const { make } of HOSTILE) {
      for (const bytes of [395, 790, 1_200, 3_000, 8_100]) {
        deep(1_000, () => void parser.parse(15, textOf(make(bytes))));
      }
    }
    await parser.parse(15, textOf('select 1'));
    expect(parser.counts().grammarsDropped).to.equal(0);
  });

  it('syntax errors carry the parser’s words, and the position in characters', async () => {
    expect(await parser.parse(18, textOf("select 'é€😀' fom x y"))).to.deep.equal({
      understood: false,
      reason: 'syntax',
      message: 'syntax error at or near "x"',
      sqlstate: '42601',
      position: 18,
    });
  });

  it('a large but legitimate statement is parsed: many rows, a long IN list, a long literal, a function body', async () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => `($${String(5 * n + 1)}, 'a;b', ${String(n)}, null, now())`);
    const body = `begin ${'perform f(1); /* * / */ -- ======\n'.repeat(500)} end`;
    for (const text of [
      `insert into t values ${rows.join(', ')}`,
      `select * from t where id in (${Array.from({ length: 8_000 }, (_, n) => n).join(',')})`,
      `insert into t values ${Array.from({ length: 13_107 }, (_, n) => `($${[1, 2, 3, 4, 5].map((k) => 5 * n + k).join(', $')})`).join(', ')}`,
      `select '${'='.repeat(3_000_000)}'`,
      `insert into t values (E'${String.raw`\n\'`.repeat(100_000)}')`,
      `select ${Array.from({ length: 300 }, (_, n) => `a${String(n)} = ${String(n)}`).join(' or ')}`,
      `do $body$${body}$body$`,
      `/*${'*'.repeat(100)}*/ select 1 /*${'='.repeat(300)}*/ -- ${'-'.repeat(300)}`,
    ]) {
      expect(parsed(await parser.parse(18, textOf(text))), text.slice(0, 40)).to.equal(true);
    }
  });
});
