/** Works by one simple and one prepared statement in turn, until it is told to leave. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import * as frontend from '#test/harness/frontend';
import { RawClient, rows } from '#test/harness/raw-client';
import type { BystanderAsk, Experience } from './bystander.ts';
import { answerQuestions } from './separate-process.ts';

const all: number[] = [];
let lately: number[] = [];
let leaving = false;
let working: Promise<void> = Promise.resolve();

async function work(client: RawClient): Promise<void> {
  for (let n = 1; !leaving; n++) {
    const started = performance.now();
    const expected = String(n);
    if (n % 2 === 0) client.send(frontend.query(`select ${expected}`));
    else client.send(frontend.extended('select $1::int', [expected]), frontend.sync());
    const [row] = rows(await client.readUntilReady());
    if (row?.[0] !== expected) throw new Error(`the bystander asked for ${expected} and got ${String(row?.[0])}`);
    const waited = performance.now() - started;
    all.push(waited);
    lately.push(waited);
    await sleep(5);
  }
  await client.close();
}

function experience(waits: readonly number[]): Experience {
  const sorted = waits.toSorted((a, b) => a - b);
  return { statements: sorted.length, median: sorted[sorted.length >> 1] ?? 0, worst: sorted.at(-1) ?? 0 };
}

answerQuestions(async (ask: BystanderAsk) => {
  switch (ask.kind) {
    case 'arrive':
      working = work(await RawClient.login(ask.login));
      working.catch(() => undefined); // told at `leave`
      return undefined;
    case 'lately': {
      const waits = lately;
      lately = [];
      return experience(waits);
    }
    case 'leave':
      leaving = true;
      await working;
      return experience(all);
    case 'go':
      process.disconnect?.();
      return undefined;
  }
});
