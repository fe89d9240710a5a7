import { expect } from 'chai';
import fc from 'fast-check';
import { escapePattern, isEverything, matchesPattern, parsePattern, patternsMeet, type Pattern } from './pattern.ts';

function parsed(source: string): Pattern {
  const pattern = parsePattern(source);
  if (pattern === undefined) throw new Error(`malformed: ${source}`);
  return pattern;
}

/** Tries everything, sign by sign: exponential, and plainly right. */
function naive(source: string, name: string): boolean {
  if (source === '') return name === '';
  if (source.startsWith('*')) return naive(source.slice(1), name) || (name !== '' && naive(source, name.slice(1)));
  const literal = source.startsWith('\\') ? source.slice(0, 2) : source.slice(0, 1);
  return name.startsWith(literal.at(-1) ?? '') && name !== '' && naive(source.slice(literal.length), name.slice(1));
}

const patterns = fc
  .array(fc.constantFrom('a', 'b', '*', '\\*', '\\\\'), { minLength: 1, maxLength: 7 })
  .map((signs) => signs.join(''));
const names = fc.array(fc.constantFrom('a', 'b', '*', '\\'), { maxLength: 9 }).map((signs) => signs.join(''));

describe('patterns', () => {
  it('match as one that tries everything', () => {
    fc.assert(
      fc.property(patterns, names, (source, name) => {
        expect(matchesPattern(parsed(source), name)).to.equal(naive(source, name));
      }),
      { numRuns: 3000 },
    );
  });

  it('that are escaped names match that name and no other', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (name, other) => {
        const pattern = parsed(escapePattern(name));
        expect(matchesPattern(pattern, name)).to.equal(true);
        expect(matchesPattern(pattern, other)).to.equal(other === name);
      }),
    );
  });

  it('heed case', () => {
    expect(matchesPattern(parsed('Orders'), 'orders')).to.equal(false);
    expect(matchesPattern(parsed('Ord*'), 'orders')).to.equal(false);
  });

  it('are refused when malformed', () => {
    for (const source of ['', '\\', 'a\\', 'a\\b', '\\n']) expect(parsePattern(source), source).to.equal(undefined);
  });

  it('know when they match everything', () => {
    for (const source of ['*', '**']) expect(isEverything(parsed(source)), source).to.equal(true);
    for (const source of ['\\*', 'a*', '*a', '*a*']) expect(isEverything(parsed(source)), source).to.equal(false);
  });

  it('meet exactly when some name matches both', () => {
    const short = fc
      .array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 4 })
      .map((signs) => signs.join(''));
    const universe = allNames(8);
    fc.assert(
      fc.property(short, short, (a, b) => {
        const [one, other] = [parsed(a), parsed(b)];
        const both = universe.some((name) => matchesPattern(one, name) && matchesPattern(other, name));
        expect(patternsMeet(one, other), `${a} ${b}`).to.equal(both);
      }),
      { numRuns: 500 },
    );
  });

  it('made to make a backtracking matcher stall cost next to nothing', () => {
    const pattern = parsed('*a'.repeat(60) + '*b');
    const before = process.hrtime.bigint();
    expect(matchesPattern(pattern, 'a'.repeat(63))).to.equal(false);
    expect(Number(process.hrtime.bigint() - before)).to.be.below(50e6);
  });
});

function allNames(length: number): string[] {
  const longest = length === 0 ? [''] : allNames(length - 1);
  const last = longest.filter((name) => name.length === length - 1);
  return length === 0 ? [''] : [...longest, ...last.flatMap((name) => [`${name}a`, `${name}b`])];
}
