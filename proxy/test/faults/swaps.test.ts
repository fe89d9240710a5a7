import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import * as f from '#test/harness/frontend';
import { ConnectionEnded, errorFields, rows, type Message, type RawClient } from '#test/harness/raw-client';
import { makeScene, OWNER, READER, type Scene } from '#test/relay/scene';

const DENIED = { ...READER, rules: [{ tables: ['notes'], actions: ['select' as const] }] };

/** What a statement came to, as its client sees it. */
type Outcome = 'whole' | 'refused' | 'ended' | 'short';

/** Swaps between allowed and denied, faster than any policy comes. */
class Swapper {
  allowed = true;
  swaps = 0;
  readonly #scene: Scene;
  #on = true;
  readonly #done: Promise<void>;

  constructor(scene: Scene, pause: () => number) {
    this.#scene = scene;
    this.#done = this.#run(pause);
  }

  async #run(pause: () => number): Promise<void> {
    while (this.#on) {
      this.swap(!this.allowed);
      await sleep(pause());
    }
  }

  swap(allowed: boolean): void {
    this.allowed = allowed;
    this.swaps++;
    this.#scene.proxy.apply(this.#scene.snapshot([allowed ? READER : DENIED, OWNER]));
  }

  async stop(): Promise<void> {
    this.#on = false;
    await this.#done;
  }
}

/** A reply with `wanted` rows or copied lines, one with an error, the end with an error: nothing else may come. */
function outcomeOf(messages: readonly Message[], wanted: number): Outcome {
  const error = messages.find(({ type }) => type === 'E');
  const given = messages.filter(({ type }) => type === 'D' || type === 'd').length;
  if (error !== undefined) return errorFields(error).S === 'FATAL' ? 'ended' : 'refused';
  return given === wanted ? 'whole' : 'short';
}

async function replyOf(client: RawClient): Promise<Message[]> {
  const messages: Message[] = [];
  for (;;) {
    try {
      const message = await client.readMessage(5_000);
      messages.push(message);
      if (message.type === 'Z') return messages;
    } catch (error) {
      if (error instanceof ConnectionEnded) return messages;
      throw error;
    }
  }
}

const KINDS: Readonly<Record<string, { readonly send: () => Buffer[]; readonly rows: number }>> = {
  'a query': { send: () => [f.query('select * from open')], rows: 1_000 },
  'a longer query': {
    send: () => [f.query("select a.*, repeat('x', 200) from open a, generate_series(1, 20)")],
    rows: 20_000,
  },
  'the extended protocol': {
    send: () => [f.extended('select * from open where id <> $1', ['0']), f.sync()],
    rows: 1_000,
  },
  'portions of a portal': {
    send: () => [
      f.parse('select * from open'),
      f.bind(),
      f.execute('', 400),
      f.execute('', 400),
      f.execute(),
      f.sync(),
    ],
    rows: 1_000,
  },
  'a pipeline': { send: () => [...[1, 2, 3].map(() => f.extended('select * from open')), f.sync()], rows: 3_000 },
  COPY: { send: () => [f.query('copy open to stdout')], rows: 1_000 },
  'several in one text': { send: () => [f.query('select * from open; select * from open')], rows: 2_000 },
};

describe('policy that turns at any moment', function () {
  this.timeout(60_000);
  let scene: Scene;

  before(async function () {
    scene = await makeScene(this);
  });
  after(async function () {
    this.timeout(20_000);
    await (scene as Scene | undefined)?.stop();
  });

  for (const [kind, { send, rows: wanted }] of Object.entries(KINDS)) {
    it(`${kind}: whole, refused, or the session ends; nothing that only looks whole`, async () => {
      const swapper = new Swapper(scene, () => Math.random() * 6);
      const counts: Record<Outcome, number> = { whole: 0, refused: 0, ended: 0, short: 0 };
      const work = async (until: number): Promise<void> => {
        let client = await scene.login();
        while (Date.now() < until) {
          client.send(...send());
          const outcome = outcomeOf(await replyOf(client), wanted);
          counts[outcome]++;
          if (outcome !== 'ended') continue;
          client.destroy();
          client = await scene.login();
        }
        await client.close();
      };
      const until = Date.now() + 1_500;
      await Promise.all([work(until), work(until), work(until)]);
      await swapper.stop();
      console.log(`      ${String(swapper.swaps)} swaps: ${JSON.stringify(counts)}`);
      expect(counts.short).to.equal(0);
      if (wanted < 10_000) expect(counts.whole).to.be.greaterThan(0); // a longer one is always caught
      expect(counts.refused).to.be.greaterThan(0);
    });
  }

  it('what is sent after the swap has no effect', async () => {
    const owner = await scene.login('owner');
    await owner.query('truncate notes');
    const swapper = new Swapper(scene, () => 1_000_000);
    let client = await scene.login();
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      swapper.swap(true);
      client.send(f.query(`insert into notes values (${String(2 * round)}, 'allowed')`));
      if (round % 3 === 0) await sleep(Math.random() * 2);
      swapper.swap(false);
      client.send(f.query(`insert into notes values (${String(2 * round + 1)}, 'denied')`));
      const both = [...(await replyOf(client)), ...(await replyOf(client))];
      if (both.some((message) => message.type === 'E' && errorFields(message).C === '42501')) refused++;
      if (!client.ended) continue;
      client.destroy();
      client = await scene.login();
    }
    expect(refused).to.equal(300);
    const found = rows(await owner.query("select count(*) from notes where text = 'denied'"));
    expect(found).to.eql([['0']]);
    await client.close();
    await owner.close();
    swapper.swap(true);
  });

  it('a parameter of 30 MB on its way: refused, and the session stays in step', async () => {
    scene.reset();
    const client = await scene.login();
    const big = f.bind({ values: [Buffer.alloc(30 * 1024 * 1024, 0x61)] });
    for (let round = 0; round < 6; round++) {
      scene.reset();
      client.send(f.parse('select length($1::text) from open where id = 1'));
      client.socket.write(big.subarray(0, 1_000_000 * (round + 1)));
      await sleep(20);
      scene.proxy.apply(scene.snapshot([DENIED, OWNER]));
      client.socket.write(big.subarray(1_000_000 * (round + 1)));
      client.send(f.execute(), f.sync());
      const messages = await client.readUntilReady();
      expect(messages.some(({ type }) => type === 'D')).to.equal(false);
      expect(messages.some((message) => message.type === 'E' && errorFields(message).C === '42501')).to.equal(true);
      expect(rows(await client.query('select 1'))).to.eql([['1']]);
    }
    await client.close();
    scene.reset();
  });
});
