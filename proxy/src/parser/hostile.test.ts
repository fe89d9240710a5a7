import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSqlParser, type ParseOutcome, type SqlParser } from './parser.ts';
import { HOSTILE } from './testdata/hostile.ts';

const MIB = 1024 * 1024;
const neighbour = Buffer.from('select a, b from t where id = $1');

const tell = (text: string): void => void process.stdout.write(`        ${text}\n`);

/** Longest time that one turn of the event loop took of the CPU, in ms: what no other load of the machine adds to. */
class LoopWatch {
  #worst = 0;
  #last = process.threadCpuUsage();
  #on = true;

  start(): void {
    const { user, system } = process.threadCpuUsage(this.#last);
    this.#worst = Math.max(this.#worst, (user + system) / 1000);
    this.#last = process.threadCpuUsage();
    if (this.#on) setImmediate(() => this.start());
  }

  stop(): number {
    this.#on = false;
    return this.#worst;
  }
}

/** What another session waits for its own small statement meanwhile, in ms. */
async function neighbours(parser: SqlParser, signal: { on: boolean }): Promise<number[]> {
  const waited: number[] = [];
  while (signal.on) {
    const asked = performance.now();
    await sleep(1);
    const outcome = await parser.parse(18, neighbour);
    waited.push(Math.max(0, performance.now() - asked - 1));
    expect('kind' in outcome).to.equal(true);
  }
  return waited.sort((a, b) => a - b);
}

describe('Texts that stall, overflow or abort the parser', function () {
  this.timeout(180_000);
  let parser: SqlParser;

  before(async () => {
    parser = createSqlParser();
    await parser.load(18);
    await parser.parse(18, Buffer.from(`select ${'1,'.repeat(5_000)}1`)); // the worker is up
    for (let n = 0; n < 3_000; n += 1) await parser.parse(18, neighbour);
  });
  after(() => parser.close());

  for (const [bytes, step] of [
    [1_500, 1],
    [8_150, 1],
    [64_000, 1],
    [1_000_000, 3],
    [4_190_000, 9],
  ] as const) {
    it(`${String(bytes)} bytes of ${step === 1 ? 'each' : `each ${String(step)}th`}: parsed or refused, and nobody else waits`, async () => {
      const watch = new LoopWatch();
      const signal = { on: true };
      watch.start();
      const meanwhile = neighbours(parser, signal);
      const outcomes: ParseOutcome[] = [];
      for (const { make } of HOSTILE.filter((_, n) => n % step === 0)) {
        const text = Buffer.from(make(bytes));
        await sleep(0); // making the text is not the parser's work
        outcomes.push(await parser.parse(18, text));
      }
      signal.on = false;
      const waited = await meanwhile;
      const worst = watch.stop();
      const refused = outcomes.filter((outcome) => 'understood' in outcome);
      const states = new Set(refused.map((outcome) => ('sqlstate' in outcome ? outcome.sqlstate : '')));
      tell(
        `${String(outcomes.length - refused.length)} parsed, ${String(refused.length)} refused (${[...states].join(', ')}); ` +
          `longest turn ${worst.toFixed(1)} ms of CPU; other sessions waited ${(waited.at(-1) ?? 0).toFixed(1)} ms at most, ` +
          `${(waited[Math.floor(waited.length / 2)] ?? 0).toFixed(2)} ms in the middle`,
      );
      expect([...states].every((state) => ['42601', '54001', '22025'].includes(state))).to.equal(true);
      expect(worst).to.be.below(50);
    });
  }

  it('no worker or instance had to be thrown away for them', () => {
    expect(parser.counts()).to.include({ workersReplaced: 0, grammarsDropped: 0 });
  });

  it('10,000 of them, then ordinary statements: parsed, and memory is flat', async () => {
    const some = async (from: number, to: number): Promise<number> => {
      for (let n = from; n < to; n += 1) {
        const make = HOSTILE[n % HOSTILE.length]?.make ?? String;
        await parser.parse(18, Buffer.from(make(20 + ((n * 7_919) % 9_000))));
      }
      return process.memoryUsage.rss();
    };
    await some(0, 3_000);
    const before = await some(3_000, 6_000);
    const after = await some(6_000, 10_000);
    tell(`${(before / MIB).toFixed(0)} MiB after 6,000, ${(after / MIB).toFixed(0)} MiB after 10,000`);
    expect(after - before).to.be.below(32 * MIB);
    expect(parser.parse(18, neighbour)).to.have.property('kind', 'parsed');
    expect(parser.counts()).to.include({ workersReplaced: 0, grammarsDropped: 0 });
  });
});
