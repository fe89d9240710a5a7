import fc from 'fast-check';
import { expect } from 'chai';
import type { Head } from '#contract/snapshot/head';
import { shouldAsk, stateOf, untilNextAge, untilNextPull, type HeldHead, type Moment } from './feed-state.ts';

const DAY = 86_400_000;
const MOMENT: Moment = { now: 1_764_000_000_000, monotonic: 5_000_000_000 };
/** Issued so long ago, and seen then. */
const held = (age: number, seen = age): HeldHead => {
  const head: Head = {
    scope: 'shop/app',
    revision: 1,
    term: 1,
    digest: 'ab'.repeat(32),
    issuedAt: MOMENT.now - age,
    key: 'k',
  };
  return { head, text: '', seenAt: MOMENT.monotonic - seen };
};

describe('a feed’s state', () => {
  const states: readonly (readonly [situation: string, held: HeldHead | undefined, state: string])[] = [
    ['without a head', undefined, 'waiting'],
    ['with one of now', held(0), 'fresh'],
    ['at 15 minutes less 1 ms', held(899_999), 'fresh'],
    ['at 15 minutes', held(900_000), 'stale'],
    ['at refuseAfter', held(DAY), 'refusing'],
    ['with one dated into the future, seen a day ago', held(-10 * DAY, DAY), 'refusing'],
    ['with one dated into the future, seen now', held(-10 * DAY, 0), 'fresh'],
  ];
  for (const [situation, head, state] of states) {
    it(`${situation} is ${state}`, () => expect(stateOf(head, MOMENT, DAY)).to.equal(state));
  }

  it('changes by time no later than it says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 * DAY }), fc.integer({ min: 1, max: 2 * DAY }), (age, refuseAfter) => {
        const head = held(age);
        const next = untilNextAge(head, MOMENT, refuseAfter);
        const at = (later: number): string =>
          stateOf(head, { now: MOMENT.now + later, monotonic: MOMENT.monotonic + later }, refuseAfter);
        if (next === undefined) expect(at(3 * DAY)).to.equal(at(0));
        else expect(at(next - 1)).to.equal(at(0));
      }),
    );
  });
});

describe('a feed’s pulls', () => {
  it('come every 45 to 75 s, and none later than when the head is 75 s old', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 74_999 }), fc.double({ min: 0, max: 1, noNaN: true }), (age, chance) => {
        const wait = untilNextPull(held(age), MOMENT, chance);
        expect(wait).to.be.within(Math.min(45_000, 75_000 - age), 75_000);
        expect(age + wait).to.be.at.most(75_000);
      }),
    );
  });

  it('come every 10 to 20 s when the head is old, every 1 to 3 s when there is none', () => {
    expect([0, 1].map((chance) => untilNextPull(held(75_000), MOMENT, chance))).to.deep.equal([10_000, 20_000]);
    expect([0, 1].map((chance) => untilNextPull(undefined, MOMENT, chance))).to.deep.equal([1_000, 3_000]);
  });

  it('go on to the operator from 90 s on, or without a head', () => {
    expect(shouldAsk(undefined, MOMENT)).to.equal(true);
    expect(shouldAsk(held(89_999), MOMENT)).to.equal(false);
    expect(shouldAsk(held(90_000), MOMENT)).to.equal(true);
  });
});
