import { expect } from 'chai';
import { DONE, retry, type Outcome } from './outcome.ts';
import { WorkQueue } from './queue.ts';
import { startReconciler, type ReconcilerOptions } from './reconciler.ts';
import { FakeClock, flush, seeded } from './testing.ts';

function scene(options: Partial<ReconcilerOptions> & Pick<ReconcilerOptions, 'reconcile'>) {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random: () => 0.5, firstDelayMs: 100 });
  const outcomes: [string, Outcome][] = [];
  const onOutcome = (key: string, outcome: Outcome): void => void outcomes.push([key, outcome]);
  const reconciler = startReconciler({ queue, clock, concurrency: 2, onOutcome, ...options });
  return { clock, queue, reconciler, outcomes };
}

describe('the reconciler loop', () => {
  it('tries again what threw, with the error as the cause', async () => {
    let calls = 0;
    const error = new Error('once');
    const { clock, queue, outcomes } = scene({
      reconcile: () => (calls++ === 0 ? Promise.reject(error) : Promise.resolve(DONE)),
    });
    queue.add('a');
    await clock.advance(1_000);
    expect(outcomes).to.deep.equal([
      ['a', retry(error)],
      ['a', DONE],
    ]);
  });

  it('keeps a key that does not end in time, so that it is never worked on twice', async () => {
    let running = 0;
    const aborted: string[] = [];
    let end: (outcome: Outcome) => void = () => undefined;
    const { clock, queue } = scene({
      deadlineMs: 1_000,
      reconcile: (key, signal) => {
        running++;
        signal.addEventListener('abort', () => aborted.push(key));
        return new Promise<Outcome>((resolve) => (end = resolve)).finally(() => running--);
      },
    });
    queue.add('a');
    await clock.advance(5_000);
    queue.add('a');
    await flush();
    expect(aborted).to.deep.equal(['a']);
    expect(running).to.equal(1);
    end(retry());
    await clock.advance(1_000);
    expect(running).to.equal(1);
  });

  it('drains: takes no more, waits for what runs, then aborts it', async () => {
    const aborted: string[] = [];
    const { clock, queue, reconciler } = scene({
      reconcile: (key, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            aborted.push(key);
            resolve(DONE);
          });
        }),
    });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    let drained = false;
    void reconciler.drain(500).then(() => (drained = true));
    await clock.advance(499);
    expect({ drained, aborted }).to.deep.equal({ drained: false, aborted: [] });
    await clock.advance(2);
    expect(drained).to.equal(true);
    expect(aborted).to.have.members(['a', 'b']);
    expect(queue.counts().ready).to.equal(1);
  });

  it('works on no key twice at once, on no more than allowed, and in the end on the last change of each', async () => {
    for (let seed = 1; seed <= 30; seed++) await randomWork(seed);
  });
});

async function randomWork(seed: number): Promise<void> {
  const random = seeded(seed);
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random, firstDelayMs: 20, mostDelayMs: 200 });
  const world = new Map<string, number>();
  const done = new Map<string, number>();
  const running = new Set<string>();
  startReconciler({
    queue,
    clock,
    concurrency: 3,
    reconcile: async (key) => {
      expect(running.has(key), 'twice at once').to.equal(false);
      running.add(key);
      expect(running.size).to.be.at.most(3);
      const seen = world.get(key) ?? 0;
      await new Promise<void>((resolve) => clock.after(random() * 50, resolve));
      running.delete(key);
      if (random() < 0.3) throw new Error('at random');
      done.set(key, seen);
      return DONE;
    },
  });
  for (let change = 1; change <= 100; change++) {
    const key = `k${String(Math.floor(random() * 8))}`;
    world.set(key, change);
    queue.add(key);
    await clock.advance(random() * 20);
  }
  await clock.advance(20_000);
  expect(Object.fromEntries(done), `seed ${String(seed)}`).to.deep.equal(Object.fromEntries(world));
}
