import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileOutput } from '#proxy/audit/output';
import { jsonLinesSink } from '#proxy/audit/sink';

describe('a disk without space', () => {
  it('takes no audit line: what is beyond the bound is dropped and counted, and nobody waits', async () => {
    const output = fileOutput('/dev/full', 10_000);
    const sink = jsonLinesSink(output);
    const line = 'x'.repeat(99);
    const before = performance.now();
    for (let round = 0; round < 4; round++) {
      for (let count = 0; count < 100; count++) sink.writeLine(line);
      await sleep(50);
    }
    expect(sink.dropped()).to.equal(300);
    await output.flush(100);
    expect(performance.now() - before).to.be.below(2_000);
  });
});
