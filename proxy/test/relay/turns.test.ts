import { expect } from 'chai';
import * as f from '#test/harness/frontend';
import { rows, type RawClient } from '#test/harness/raw-client';
import { makeScene, type Scene } from './scene.ts';

/** Milliseconds of CPU that the longest turn of the event loop took while `during` lasted: the machine may be busy. */
async function longestTurn(during: () => Promise<void>): Promise<number> {
  const used = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let longest = 0;
  let last = used();
  let over = false;
  const turn = (): void => {
    const now = used();
    longest = Math.max(longest, now - last);
    last = now;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  await during();
  over = true;
  return longest;
}

describe('turns', () => {
  let scene: Scene;
  let client: RawClient;

  before(async function () {
    scene = await makeScene(this);
    client = await scene.login();
  });
  after(async () => {
    const started = scene as Scene | undefined;
    await started?.stop();
  });

  const MESSAGES = 4_000;

  /** All in one write; each text is another, so that none is known. */
  async function flood(text: (number: number) => string): Promise<void> {
    client.send(Buffer.concat(Array.from({ length: MESSAGES }, (_, number) => f.query(text(number)))));
    let left = MESSAGES;
    await client.readUntil(({ type }) => type === 'Z' && --left === 0, 60_000);
  }

  for (const [what, text] of Object.entries({
    'syntax errors': (number: number) => `selec x${number}`,
    refusals: (number: number) => `select secret as x${number} from closed`,
  })) {
    it(`${what} by the thousand, in one go, leave others their turn`, async function () {
      this.timeout(120_000);
      await flood((number) => text(number + MESSAGES)); // warm
      const longest = await longestTurn(() => flood(text));
      console.log(`      longest turn: ${longest.toFixed(1)} ms of CPU`);
      expect(longest).to.be.below(30);
      expect(rows(await client.query('select 1'))).to.eql([['1']]);
    });
  }
});
