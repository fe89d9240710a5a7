import { expect } from 'chai';
import fc from 'fast-check';
import { DOUBTFUL, NameTable, UNSETTLED, type Change } from './names.ts';

interface Thing {
  readonly cost: number;
  readonly is: string;
}

const thing = (is: string): Thing => ({ cost: 10, is });
const [A, B] = [thing('a'), thing('b')];

describe('what a name means', () => {
  it('is nothing until it was given, and what was confirmed after', () => {
    const names = new NameTable<Thing>();
    expect(names.lookup('n', 0)).to.equal(undefined);
    names.change('n', A, 0).confirm();
    expect(names.lookup('n', 5)).to.equal(A);
    expect(names.cost).to.be.above(9);
  });

  it('is what its own batch made of it, confirmed or not', () => {
    const names = new NameTable<Thing>();
    names.change('n', A, 0).confirm();
    names.change('n', undefined, 1);
    expect(names.lookup('n', 1)).to.equal(undefined);
    names.change('n', B, 1);
    expect(names.lookup('n', 1)).to.equal(B);
  });

  it('is unsettled while an earlier batch may or may not have changed it', () => {
    const names = new NameTable<Thing>();
    names.change('n', A, 0).confirm();
    const change = names.change('n', B, 1);
    expect(names.lookup('n', 2)).to.equal(UNSETTLED);
    change.confirm();
    expect(names.lookup('n', 2)).to.equal(B);
  });

  it('is still judged while it may have been taken away', () => {
    const names = new NameTable<Thing>();
    names.change('n', A, 0).confirm();
    names.change('n', undefined, 1);
    expect(names.lookup('n', 2)).to.equal(A);
  });

  it('is what it was when a change was skipped', () => {
    const names = new NameTable<Thing>();
    names.change('n', A, 0).confirm();
    names.change('n', B, 1).drop();
    expect(names.lookup('n', 2)).to.equal(A);
  });

  it('never misses what a server could have under it, whatever was skipped; and keeps no cost behind', () => {
    const step = fc.record({ value: fc.constantFrom(A, B, undefined), batch: fc.boolean(), done: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.nat(12), (steps, settled) => {
        const names = new NameTable<Thing>();
        let batch = 0;
        let real: Thing | undefined;
        const open: { change: Change; done: boolean; batch: number; value: Thing | undefined }[] = [];
        const failed = new Set<number>();
        for (const { value, batch: next, done } of steps) {
          if (next) batch++;
          const works = done && !failed.has(batch); // the first failure of a batch skips what follows in it
          if (!works) failed.add(batch);
          open.push({ change: names.change('n', value, batch), done: works, batch, value });
        }
        for (const { change, done, value } of open.splice(0, settled)) {
          if (done) [real] = [value];
          if (done) change.confirm();
          else change.drop();
        }
        for (const { done, value } of open) if (done) real = value;
        const seen = names.lookup('n', batch);
        if (!failed.has(batch) && real !== undefined) expect(seen).to.be.oneOf([real, UNSETTLED]);
        for (const { change } of open) change.drop();
        names.forget(() => true);
        expect(names.cost).to.equal(0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('may be what a failed change gave it: judged as that where it meant nothing, else told by no one', () => {
    const names = new NameTable<Thing>();
    names.change('n', A, 0).doubt();
    expect(names.lookup('n', 1)).to.equal(A);
    names.change('n', undefined, 1).doubt();
    expect(names.lookup('n', 2)).to.equal(A);
    names.change('n', B, 2).doubt();
    expect(names.lookup('n', 3)).to.equal(DOUBTFUL);
    names.forget(() => true);
    expect(names.lookup('n', 3)).to.equal(DOUBTFUL);
    const anew = names.change('n', A, 3);
    expect(names.lookup('n', 4)).to.equal(UNSETTLED);
    anew.drop();
    expect(names.lookup('n', 4)).to.equal(DOUBTFUL);
    names.change('n', undefined, 4).confirm();
    expect([names.lookup('n', 5), names.cost]).to.eql([undefined, 0]);
  });

  it('can be taken from all at once', () => {
    const names = new NameTable<Thing>();
    names.change('n', A, 0).confirm();
    names.change('m', B, 0);
    for (const change of names.removeAll(1)) change.confirm();
    expect([names.lookup('n', 2), names.lookup('m', 2), names.cost]).to.eql([undefined, undefined, 0]);
  });
});
