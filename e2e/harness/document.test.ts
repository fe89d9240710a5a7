import { expect } from 'chai';
import { printsAs } from './document.ts';

describe("a document's output", () => {
  it('is compared to the letter', () => {
    expect(printsAs('one\ntwo\n', 'one\ntwo\n')).to.equal(true);
    expect(printsAs('one\ntwo\n', 'one\ntwo\nthree\n')).to.equal(false);
    expect(printsAs('one\ntwo\n', 'one\n')).to.equal(false);
    expect(printsAs('a.c (1)\n', 'abc (1)\n')).to.equal(false);
  });

  it('may leave out a part of a line, or lines', () => {
    expect(printsAs('pod … ready\n', 'pod 7 ready\n')).to.equal(true);
    expect(printsAs('pod … ready\n', 'pod 7 gone\n')).to.equal(false);
    expect(printsAs('…\nlast\n', 'first\nsecond\nlast\n')).to.equal(true);
    expect(printsAs('…\nlast\n', 'last\n')).to.equal(true);
    expect(printsAs('…\nlast\n', 'first\nlast one\n')).to.equal(false);
  });
});
