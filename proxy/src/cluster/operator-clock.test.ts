import { expect } from 'chai';
import { OperatorClock, read, type MachineClock } from './operator-clock.ts';

class Machine implements MachineClock {
  boot = 'one';
  time = { wall: 1_000_000, monotonic: 500 };
  wall = (): number => this.time.wall;
  monotonic = (): number => this.time.monotonic;
  pass(milliseconds: number): void {
    this.time = { wall: this.time.wall + milliseconds, monotonic: this.time.monotonic + milliseconds };
  }
}

describe('the operator’s clock', () => {
  let machine: Machine;
  let clock: OperatorClock;
  beforeEach(() => {
    machine = new Machine();
    clock = new OperatorClock(machine);
  });

  it('is the machine’s until the operator has spoken', () => {
    expect(clock.now()).to.equal(1_000_000);
  });

  it('goes on from what the operator said, whatever is done to the wall clock', () => {
    clock.set(9_000_000, read(machine));
    machine.pass(100);
    machine.time = { ...machine.time, wall: 5 };
    expect(clock.now()).to.equal(9_000_100);
    machine.time = { ...machine.time, wall: 10 ** 15 };
    expect(clock.now()).to.equal(9_000_100);
  });

  it('counts what passed between an earlier process and this one', () => {
    const at = read(machine);
    machine.pass(3_600_000);
    machine.time = { ...machine.time, wall: 0 };
    clock.set(9_000_000, at);
    expect(clock.now()).to.equal(12_600_000);
  });

  for (const [situation, boot, passed] of [
    ['after a restart of the machine', 'two', { wall: 1_060_000, monotonic: 900 }],
    ['where runs of the machine can not be told apart', '', { wall: 1_060_000, monotonic: 60_500 }],
    ['when the count has begun anew', 'one', { wall: 1_060_000, monotonic: 1 }],
  ] as const) {
    it(`${situation} goes by the wall clock, and never back`, () => {
      const at = read(machine);
      machine.boot = boot;
      machine.time = passed;
      const reading = { ...at, boot: machine.boot === '' ? '' : at.boot };
      clock.set(9_000_000, reading);
      expect(clock.now()).to.equal(9_060_000);
      machine.time = { ...machine.time, wall: 0 };
      clock.set(9_000_000, { ...reading, monotonic: 10 ** 9 });
      expect(clock.now()).to.equal(9_000_000);
    });
  }
});
