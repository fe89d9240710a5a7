import { expect } from 'chai';
import { requireRedis, type RedisServer } from '#test/harness/redis-server';
import { Proxies } from './proxies.ts';
import { Leaders, snapshotOf, userOf } from './scene.ts';

/** Each is the real subscriber with its two connections. */
const SUBSCRIBERS = process.env.LONG === '1' ? 1000 : 200;
const ASKED_P99_MS = 2_000;

describe(`from a change to ${String(SUBSCRIBERS)} subscribers`, () => {
  let server: RedisServer;
  let leaders: Leaders;
  let proxies: Proxies;

  before(async function () {
    server = await requireRedis(this);
    leaders = new Leaders(server.url);
    proxies = new Proxies(server.url);
  });
  afterEach(() => proxies.close());
  after(async () => {
    (leaders as Leaders | undefined)?.close();
    await (server as RedisServer | undefined)?.stop();
  });

  for (const [situation, scopeOf] of [
    ['of as many scopes', (index: number) => `shop/app-${String(index)}`],
    ['of one scope', () => 'shop/app'],
  ] as const) {
    it(`${situation}: in force everywhere, p99 within ${String(ASKED_P99_MS)} ms`, async function () {
      this.timeout(60_000);
      const leader = await leaders.make();
      await leader.takeOffice();
      const indices = Array.from({ length: SUBSCRIBERS }, (_, index) => index);
      const scopes = [...new Set(indices.map(scopeOf))];
      const publish = (user: string): Promise<unknown> =>
        Promise.all(
          scopes.map((scope) => leader.publish({ snapshot: snapshotOf(scope, user), who: 'tester', why: 'a test' })),
        );
      await publish('anna');
      const pace = (milliseconds: number): number => milliseconds; // as in earnest: no pulls besides
      const feeds = await Promise.all(indices.map((index) => proxies.start(scopeOf(index), { pace })));
      for (const feed of feeds) await feed.until('anna');

      let began = 0;
      const arrivals = feeds.map(
        (feed) =>
          new Promise<number>((resolve) =>
            feed.onSwap((current) => {
              if (userOf(current?.snapshot) === 'bert') resolve(performance.now() - began);
            }),
          ),
      );
      began = performance.now();
      await publish('bert');
      const took = (await Promise.all(arrivals)).sort((a, b) => a - b);
      const at = (share: number): number => took[Math.ceil(took.length * share) - 1] ?? NaN;
      process.stdout.write(
        `      p50 ${at(0.5).toFixed(0)} ms, p99 ${at(0.99).toFixed(0)} ms, last ${at(1).toFixed(0)} ms\n`,
      );
      expect(at(0.99)).to.be.lessThan(ASKED_P99_MS);
    });
  }
});
