import { expect } from 'chai';
import fc from 'fast-check';
import { wait, type Clock } from './clock.ts';
import {
  NotLeadingError,
  runElection,
  type Held,
  type LeaseRecord,
  type LeaseStore,
  type Leadership,
} from './election.ts';
import { FakeClock, seeded } from './testing.ts';

const TIMES = { leaseMs: 15_000, actMs: 10_000, retryMs: 2_000 };

/** The record, and what can go wrong on the way to it. */
class World {
  readonly clock = new FakeClock();
  held: Held | undefined;
  /** How long an answer takes, at most. */
  latencyMs = 20;
  /** Of requests, before and after they took effect. */
  lossRate = 0;
  readonly random: () => number;
  #versions = 0;

  constructor(seed = 1) {
    this.random = seeded(seed);
  }

  async read(): Promise<Held | undefined> {
    await this.#travel();
    const held = this.held;
    await this.#travel();
    return held;
  }

  async write(record: LeaseRecord, over: string | undefined): Promise<Held | 'lost'> {
    await this.#travel();
    const same = this.held?.version === over;
    if (same) this.held = { record, version: String(++this.#versions) };
    const held = this.held;
    await this.#travel();
    return same && held !== undefined ? held : 'lost';
  }

  async #travel(): Promise<void> {
    await new Promise<void>((resolve) => this.clock.after((this.random() * this.latencyMs) / 2, resolve));
    if (this.random() < this.lossRate) throw new Error('lost on the way');
  }
}

/** A process that can be stopped: its timers and answers then wait, and its clock goes on. */
class Process implements Clock, LeaseStore {
  readonly stop = new AbortController();
  readonly leaderships: Leadership[] = [];
  readonly terms: number[] = [];
  leadership: Leadership | undefined;
  readonly ended: Promise<void>;
  readonly #world: World;
  #frozen: (() => void)[] | undefined;

  constructor(world: World, identity: string) {
    this.#world = world;
    const lead = async (leadership: Leadership): Promise<void> => {
      this.leadership = leadership;
      this.leaderships.push(leadership);
      await wait(this, Number.MAX_SAFE_INTEGER, leadership.signal);
      this.leadership = undefined;
    };
    const { random } = world;
    const options = { store: this, identity, times: TIMES, clock: this, wall: () => this.now(), random, lead };
    this.ended = runElection(options, this.stop.signal);
  }

  leads(): boolean {
    return this.leadership?.leads() === true;
  }

  now(): number {
    return this.#world.clock.now();
  }

  after(milliseconds: number, run: () => void): () => void {
    let wanted = true;
    const cancel = this.#world.clock.after(milliseconds, () => this.#whenAwake(() => wanted && run()));
    return () => {
      wanted = false;
      cancel();
    };
  }

  async read(signal: AbortSignal): Promise<Held | undefined> {
    return this.#answer(this.#world.read(), signal);
  }

  async write(record: LeaseRecord, over: string | undefined, signal: AbortSignal): Promise<Held | 'lost'> {
    return this.#answer(this.#world.write(record, over), signal);
  }

  freeze(): void {
    this.#frozen ??= [];
  }

  thaw(): void {
    const waiting = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const run of waiting) run();
  }

  #whenAwake(run: () => void): void {
    if (this.#frozen === undefined) run();
    else this.#frozen.push(run);
  }

  #answer<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      answer.then(
        (value) => this.#whenAwake(() => resolve(value)),
        (error: unknown) => this.#whenAwake(() => reject(error instanceof Error ? error : new Error('unknown'))),
      );
    });
  }
}

const processes = (world: World, ...names: string[]): Process[] => names.map((name) => new Process(world, name));
const leaders = (all: readonly Process[]): number => all.filter((one) => one.leads()).length;

describe('the election', () => {
  it('waits out a leader whose record may just have been deleted, then leads', async () => {
    const world = new World();
    const [a] = processes(world, 'a');
    await world.clock.advance(TIMES.actMs - 100);
    expect(a?.leads()).to.equal(false);
    await world.clock.advance(TIMES.retryMs);
    expect(a?.leads()).to.equal(true);
  });

  it('hands over at once when the leader is told to end, after its work has', async () => {
    const world = new World();
    const all = processes(world, 'a', 'b');
    await world.clock.advance(30_000);
    const first = all.find((one) => one.leads());
    const second = all.find((one) => one !== first);
    first?.stop.abort();
    await world.clock.advance(TIMES.retryMs + 100);
    expect(first?.leads()).to.equal(false);
    expect(second?.leads()).to.equal(true);
  });

  it('lets what drains write on, and keeps the lease meanwhile', async () => {
    const world = new World();
    const stop = new AbortController();
    let drained: boolean | undefined;
    const lead = async (leadership: Leadership): Promise<void> => {
      await wait(world.clock, 60_000, leadership.signal);
      await wait(world.clock, 30_000, new AbortController().signal);
      drained = leadership.leads();
    };
    const { clock, random } = world;
    void runElection({ store: world, identity: 'a', times: TIMES, clock, wall: () => 0, random, lead }, stop.signal);
    await clock.advance(20_000);
    const [b] = processes(world, 'b');
    await clock.advance(5_000);
    stop.abort();
    await clock.advance(29_000);
    expect(b?.leads()).to.equal(false);
    await clock.advance(4_000);
    expect({ drained, b: b?.leads() }).to.deep.equal({ drained: true, b: true });
  });

  it('makes a leader that was stopped past its lease notice before it writes', async () => {
    const world = new World();
    const [a] = processes(world, 'a');
    await world.clock.advance(20_000);
    const leadership = a?.leadership;
    a?.freeze();
    const [b] = processes(world, 'b');
    await world.clock.advance(TIMES.leaseMs + 3 * TIMES.retryMs);
    expect(b?.leads()).to.equal(true);
    expect(() => leadership?.check()).to.throw(NotLeadingError);
    a?.thaw();
    await world.clock.advance(1_000);
    expect(leadership?.signal.aborted).to.equal(true);
    expect(await Promise.race([leadership?.confirm(), world.clock.advance(100)])).to.equal(false);
  });

  it('gives each leader a higher term, though the record was deleted in between', async () => {
    const world = new World();
    const all = processes(world, 'a', 'b');
    for (let round = 0; round < 4; round++) {
      await world.clock.advance(30_000);
      world.held = undefined;
    }
    await world.clock.advance(30_000);
    const terms = all.flatMap(({ leaderships }) => leaderships.map(({ term }) => term)).sort((one, two) => one - two);
    expect(terms.length).to.be.at.least(5);
    expect(new Set(terms).size).to.equal(terms.length);
    expect(Math.max(...terms)).to.equal(all.find((one) => one.leads())?.leadership?.term);
  });

  it('steps down when it can not renew, before another may lead', async () => {
    const world = new World();
    const [a] = processes(world, 'a');
    await world.clock.advance(20_000);
    world.lossRate = 1;
    await world.clock.advance(TIMES.actMs + 100);
    expect(a?.leads()).to.equal(false);
  });

  it('never has two leaders, whatever is lost, slow, stopped or deleted, and has one again afterwards', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        await randomTimes(seed);
      }),
      { numRuns: 150 },
    );
  });
});

async function randomTimes(seed: number): Promise<void> {
  const world = new World(seed);
  const { clock, random } = world;
  const all = processes(world, 'a', 'b', 'c');
  for (let step = 0; step < 150; step++) {
    const one = all[Math.floor(random() * 3)];
    const what = random();
    if (what < 0.05) world.held = undefined;
    else if (what < 0.15) one?.freeze();
    else if (what < 0.3) one?.thaw();
    else if (what < 0.35) world.lossRate = random() < 0.5 ? 0 : random();
    else if (what < 0.4) world.latencyMs = random() < 0.5 ? 20 : random() * 20_000;
    for (let part = 0; part < 4; part++) {
      await clock.advance(random() * 1_000);
      expect(leaders(all), `seed ${String(seed)}`).to.be.at.most(1);
    }
  }
  world.lossRate = 0;
  world.latencyMs = 20;
  for (const one of all) one.thaw();
  for (let second = 0; second < 60; second++) {
    await clock.advance(1_000);
    expect(leaders(all), `seed ${String(seed)}`).to.be.at.most(1);
  }
  expect(leaders(all), `seed ${String(seed)}`).to.equal(1);
}
