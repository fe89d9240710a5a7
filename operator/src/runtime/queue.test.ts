import { expect } from 'chai';
import fc from 'fast-check';
import { DONE, later, never, retry, type Outcome } from './outcome.ts';
import { WorkQueue } from './queue.ts';
import { FakeClock } from './testing.ts';

function scene() {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random: () => 0.999_999, firstDelayMs: 100, mostDelayMs: 1_000 });
  /** Works the key off, and says when it is ready again: in milliseconds, or never within an hour. */
  const readyAgain = (key: string, outcome: Outcome): number | undefined => {
    queue.finish(key, outcome);
    for (let waited = 0; waited < 3_600_000; waited += 10) {
      if (queue.counts().ready > 0) return waited;
      clock.advanceSync(10);
    }
    return undefined;
  };
  return { clock, queue, readyAgain };
}

describe('the work queue', () => {
  it('makes one look of many changes', () => {
    const { queue } = scene();
    for (let change = 0; change < 5; change++) queue.add('a');
    expect(queue.take()).to.equal('a');
    expect(queue.take()).to.equal(undefined);
  });

  it('serves keys in the order in which they became ready', () => {
    const { queue } = scene();
    for (const key of ['a', 'b', 'a', 'c']) queue.add(key);
    expect([queue.take(), queue.take(), queue.take()]).to.deep.equal(['a', 'b', 'c']);
  });

  it('looks again at what changed while it was looked at, and not before that has ended', () => {
    const { queue } = scene();
    queue.add('a');
    queue.take();
    queue.add('a');
    expect(queue.take()).to.equal(undefined);
    queue.finish('a', DONE);
    expect(queue.take()).to.equal('a');
  });

  it('doubles the delay with each failure, up to the most, and forgets them after a success', () => {
    const { queue, readyAgain } = scene();
    queue.add('a');
    const delays = [1, 2, 3, 4, 5, 6].map(() => readyAgain(queue.take() ?? '', retry()));
    expect(delays).to.deep.equal([100, 200, 400, 800, 1_000, 1_000]);
    expect(queue.counts().failing).to.equal(1);
    queue.finish(queue.take() ?? '', DONE);
    expect(queue.counts()).to.deep.equal({ ready: 0, running: 0, waiting: 0, failing: 0 });
    queue.add('a');
    expect(readyAgain(queue.take() ?? '', retry())).to.equal(100);
  });

  it('brings a failing key forward when it changes, but lets none that changes itself spin', () => {
    const { clock, queue } = scene();
    queue.add('a');
    for (let failure = 0; failure < 5; failure++) {
      queue.finish(queue.take() ?? '', retry());
      clock.advanceSync(1_000);
    }
    queue.finish(queue.take() ?? '', retry());
    queue.add('a');
    expect(queue.take()).to.equal(undefined);
    clock.advanceSync(100);
    expect(queue.take()).to.equal('a');
    queue.add('a');
    queue.finish('a', retry());
    expect(queue.take()).to.equal(undefined);
    clock.advanceSync(100);
    expect(queue.take()).to.equal('a');
  });

  it('looks later at what asked for it, or at once when it changes', () => {
    const { queue, readyAgain } = scene();
    queue.add('a');
    expect(readyAgain(queue.take() ?? '', later(5_000))).to.equal(5_000);
    queue.finish(queue.take() ?? '', later(5_000));
    queue.add('a');
    expect(queue.take()).to.equal('a');
  });

  it('leaves what can not succeed alone until it changes', () => {
    const { queue, readyAgain } = scene();
    queue.add('a');
    expect(readyAgain(queue.take() ?? '', never('as it stands'))).to.equal(undefined);
    queue.add('a');
    expect(queue.take()).to.equal('a');
  });

  it('says how long the oldest has waited', () => {
    const { clock, queue } = scene();
    queue.add('a');
    clock.advanceSync(300);
    queue.add('b');
    expect(queue.oldestMs()).to.equal(300);
  });

  it('leaves no timers when it is cleared', () => {
    const { clock, queue } = scene();
    for (const [key, outcome] of [
      ['a', retry()],
      ['b', later(10)],
    ] as const) {
      queue.add(key);
      queue.take();
      queue.finish(key, outcome);
    }
    expect(clock.timers).to.equal(2);
    queue.clear();
    expect(clock.timers).to.equal(0);
    expect(queue.counts().waiting).to.equal(0);
  });

  it('loses no change and never gives out a key twice, whatever the order of events', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const outcome = fc.constantFrom<Outcome>(DONE, retry(), later(150), never('no'));
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), key }),
      fc.record({ kind: fc.constant('take' as const) }),
      fc.record({ kind: fc.constant('finish' as const), which: fc.nat(2), outcome }),
      fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.nat(400) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = new Model();
        for (const one of steps) model.step(one);
        model.workOff();
      }),
      { numRuns: 500 },
    );
  });
});

type Step =
  | { readonly kind: 'add'; readonly key: string }
  | { readonly kind: 'take' }
  | { readonly kind: 'finish'; readonly which: number; readonly outcome: Outcome }
  | { readonly kind: 'wait'; readonly milliseconds: number };

/** What is owed: a key whose last change has no look that began after it and came to an end of its own (retry is none). */
class Model {
  readonly #clock = new FakeClock();
  readonly #queue = new WorkQueue({ clock: this.#clock, random: Math.random, firstDelayMs: 100, mostDelayMs: 800 });
  readonly #running = new Map<string, { changed: boolean }>();
  readonly #owed = new Set<string>();

  step(step: Step): void {
    if (step.kind === 'add') this.#add(step.key);
    else if (step.kind === 'take') this.#take();
    else if (step.kind === 'wait') this.#clock.advanceSync(step.milliseconds);
    else this.#finish([...this.#running.keys()][step.which], step.outcome);
  }

  /** With nothing but successes from now on, nothing stays owed, and nothing goes on by itself. */
  workOff(): void {
    for (let round = 0; round < 50; round++) {
      this.#clock.advanceSync(1_000);
      while (this.#take() !== undefined);
      for (const key of [...this.#running.keys()]) this.#finish(key, DONE);
    }
    expect([...this.#owed]).to.deep.equal([]);
    expect(this.#queue.counts()).to.deep.equal({ ready: 0, running: 0, waiting: 0, failing: 0 });
    expect(this.#clock.timers).to.equal(0);
  }

  #add(key: string): void {
    this.#queue.add(key);
    this.#owed.add(key);
    const running = this.#running.get(key);
    if (running !== undefined) running.changed = true;
  }

  #take(): string | undefined {
    const key = this.#queue.take();
    if (key === undefined) return undefined;
    expect(this.#running.has(key), 'twice at once').to.equal(false);
    this.#running.set(key, { changed: false });
    return key;
  }

  #finish(key: string | undefined, outcome: Outcome): void {
    const running = this.#running.get(key ?? '');
    if (key === undefined || running === undefined) return;
    this.#running.delete(key);
    this.#queue.finish(key, outcome);
    if (outcome.kind === 'retry') this.#owed.add(key);
    else if (!running.changed) this.#owed.delete(key);
  }
}
