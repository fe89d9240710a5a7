import { expect } from 'chai';
import * as frontend from '#test/harness/frontend';
import { randomSource } from './random.ts';
import type { RandomSource } from './random.ts';
import { HUSH, Scene } from './scene.ts';

const CONNECTIONS = process.env.LONG === '1' ? 20_000 : 400;
const SEED = Number(process.env.SEED ?? 20_241_124);

const TEXTS = [
  'select 1',
  'select count(*) from open',
  'select * from open where id = $1',
  'select word from closed',
  'select * from closed; select 1',
  'insert into open values (0, $1)',
  'begin',
  'rollback',
  'savepoint s',
  'copy open from stdin',
  'copy open to stdout',
  'copy closed to stdout',
  'prepare p as select word from closed',
  'execute p',
  'declare c cursor for select * from open',
  'fetch all from c',
  'deallocate all',
  'discard all',
  'select 1/0',
  'selec',
  '',
] as const;

const NAMES = ['', 's', 'p', 'c', 'n'.repeat(70)] as const;

/** One message as a driver would send it. */
function proper(random: RandomSource): Buffer {
  const text = random.pick(TEXTS);
  const name = random.pick(NAMES);
  const values = random.below(2) === 0 ? [] : [random.pick(['1', 'x', null])];
  const makers: readonly (() => Buffer)[] = [
    () => frontend.query(text),
    () => frontend.parse(text, { name }),
    () => frontend.bind({ portal: random.pick(NAMES), statement: name, values }),
    () => frontend.execute(name, random.below(3)),
    () => frontend.describeStatement(name),
    () => frontend.describePortal(name),
    () => frontend.closeStatement(name),
    () => frontend.closePortal(name),
    () => frontend.sync(),
    () => frontend.flush(),
    () => frontend.copyData('0\tx\n'),
    () => frontend.copyDone(),
    () => frontend.copyFail('enough'),
    () => frontend.functionCall(random.below(3_000), ['1']),
  ];
  return random.pick(makers)();
}

/** A stream of proper messages, of which some are bent: bits turned, cut, doubled, lengths changed, garbage between. */
function stream(random: RandomSource): Buffer {
  const parts: Buffer[] = [];
  for (let count = 1 + random.below(15); count > 0; count--) parts.push(bent(proper(random), random));
  return Buffer.concat(parts);
}

function bent(bytes: Buffer, random: RandomSource): Buffer {
  switch (random.below(40)) {
    case 0: {
      const copy = Buffer.from(bytes);
      const at = random.below(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      return copy;
    }
    case 1:
      return bytes.subarray(0, random.below(bytes.length));
    case 2:
      return Buffer.concat([bytes, bytes]);
    case 3: {
      const copy = Buffer.from(bytes);
      copy.writeUInt32BE(random.pick([0, 3, 4, 5, copy.length, 100_000, 0x7fff_ffff, 0xffff_ffff]), 1);
      return copy;
    }
    case 4:
      return Buffer.concat([bytes, random.bytes(random.below(20))]);
    default:
      return bytes; // most of them stay whole, so that a session lives to see the rest
  }
}

describe('fuzzed message streams', function () {
  this.timeout(process.env.LONG === '1' ? 3_600_000 : 90_000);
  let scene: Scene;

  before(async function () {
    scene = await Scene.start(this);
    await scene.arrive();
  });
  after(async () => {
    const started = scene as Scene | undefined;
    if (started === undefined) return;
    try {
      await started.settled(1);
      await started.leave(1_000);
    } finally {
      await started.stop();
    }
  });

  it(`${String(CONNECTIONS)} sessions: each ends, none reads what is refused, the proxy lives (SEED=${String(SEED)})`, async () => {
    const random = randomSource(SEED);
    let replies = 0;
    for (let round = 0; round < CONNECTIONS / 8; round++) {
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          const client = await scene.login('app');
          client.send(stream(random), frontend.sync());
          client.socket.end(); // the end of the stream ends the session, whatever state it is in
          const messages = await client.readToEnd(8_000);
          replies += messages.length;
          for (const { body } of messages) expect(body.includes(HUSH)).to.equal(false);
          client.destroy();
        }),
      );
    }
    console.log(`      ${String(replies)} messages came back`);
    expect(replies).to.be.above(CONNECTIONS);
    expect(scene.proxy.exit()).to.equal(undefined);
  });
});
