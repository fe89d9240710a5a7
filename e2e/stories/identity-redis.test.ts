import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { POLICY_PATH } from '#contract/bootstrap/answer';
import { signHead } from '#contract/snapshot/head';
import type { Head } from '#contract/snapshot/head';
import { makeKey, PAIR_BYTES } from '#contract/snapshot/keys';
import { redisNames, TERM_KEY } from '#contract/snapshot/redis';
import { eventually } from '../harness/eventually.ts';
import { askOperator, get, handMade, known } from '../harness/hand-made.ts';
import { account } from '../harness/resources.ts';
import { SteadyShop } from '../harness/steady-shop.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-lies';
const OURS = redisNames(`${HERE}/app`);
const OTHERS = redisNames(`${HERE}/other`);

/** Somebody has Redis: reads, writes and publishes what he likes, with the proxies' login and with the operator's. */
story('lies in Redis', [HERE], (scene) => {
  let shop: SteadyShop;
  /** Signed by the operator while the client was permitted more, and its document. */
  let old: string;
  /** What it signed since. */
  let truth: string;
  let opened = 0;

  before('a client that asks all the time, and had more permissions once', async function () {
    this.timeout(240_000);
    const { cluster, kubectl } = scene();
    shop = new SteadyShop(cluster, HERE);
    await kubectl.apply(account(HERE, 'other'));
    const what = await known(cluster);
    await kubectl.apply(handMade(what, { namespace: HERE, name: 'nobody', account: 'other' }));
    await shop.open();
    opened = Date.now();
    await shop.inForce('given', await shop.change('given'), 60);
    old = await shop.redis('GET', OURS.head);
    await shop.inForce('taken', await shop.change('taken'), 60);
    truth = await shop.redis('GET', OURS.head);
    await askOperator(kubectl, 'nobody', { path: POLICY_PATH, ca: what.ca }); // now there is policy of its scope too
  });

  const headIn = (text: string): Head =>
    JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()) as Head;
  const offer = async (head: string): Promise<void> => {
    await shop.redis('SET', OURS.head, head);
    await shop.redis('PUBLISH', OURS.channel, head);
  };
  const troubles = async (what: string): Promise<number> => {
    const address = await shop.kubectl.run(['get', 'pod', 'client', '-o', 'jsonpath={.status.podIP}']);
    const metrics = await get(shop.kubectl, 'nobody', `http://${address}:19090/metrics`);
    return Number(new RegExp(`policy_troubles_total\\{what="${what}"\\} ([0-9]+)`).exec(metrics)?.[1] ?? 0);
  };

  const lies: readonly (readonly [what: string, trouble: string, lie: () => Promise<void>])[] = [
    ['an old head with its document', 'older-head', () => offer(old)],
    [
      'a head of the highest revision, signed by a key of their own under the id of ours',
      'forged-head',
      async () => {
        const { revision, ...now } = headIn(truth);
        const key = { ...makeKey(Date.now(), randomBytes(PAIR_BYTES)), id: now.key };
        await offer(signHead({ ...now, revision: revision + 1, digest: headIn(old).digest }, key));
      },
    ],
    [
      'head and document of another scope',
      'forged-head',
      async () => {
        const head = await shop.redis('GET', OTHERS.head);
        const { digest } = headIn(head);
        expect(await shop.redis('COPY', OTHERS.doc(digest), OURS.doc(digest), 'REPLACE')).to.equal('1');
        await offer(head);
      },
    ],
    ['noise', 'forged-head', () => offer('x'.repeat(5000))],
  ];

  it('what the proxies’ login may not: heads, documents, the term, messages, scripts', async () => {
    const commands = [
      ['SET', OURS.head, old],
      ['DEL', OURS.head],
      ['EXPIRE', OURS.head, '1'],
      ['SET', OURS.doc(headIn(old).digest), 'x'],
      ['SET', TERM_KEY, '1'],
      ['PUBLISH', OURS.channel, old],
      ['EVAL', 'return 1', '0'],
      ['SCAN', '0'],
      ['FLUSHALL'],
      ['CONFIG', 'GET', '*'],
    ];
    for (const command of commands) {
      expect(await shop.redisAs('proxies', ...command), command.join(' ')).to.match(/^NOPERM/);
    }
    expect(await shop.redisAs('proxies', 'GETRANGE', OURS.head, '0', '4096'), 'and it does work').to.match(/^\w+\.\w+/);
  });

  for (const [what, trouble, lie] of lies) {
    it(`${what}: refused, and counted as ${trouble}`, async () => {
      const before = await troubles(trouble);
      await shop.during(what, async () => {
        await lie();
        await sleep(2000);
      });
      if (before === 0) expect(await troubles(trouble)).to.be.greaterThan(0); // the same is counted once a minute
    });
  }

  it('all that is put right within a beat, as is a document that was overwritten', async () => {
    const { digest, revision } = headIn(truth);
    const began = Date.now();
    await shop.during('head and document overwritten', async () => {
      await shop.redis('SET', OURS.doc(digest), 'nothing');
      await eventually(40, async () => {
        const head = await shop.redis('GET', OURS.head);
        expect(head.includes('.') && headIn(head).scope === `${HERE}/app` && headIn(head).revision).to.equal(revision);
        expect(Number(await shop.redis('STRLEN', OURS.doc(digest)))).to.be.greaterThan(100);
      });
    });
    note(`Redis has the truth again after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  });

  for (const term of ['9007199254740991', '9007199254740993']) {
    it(`a term of nobody, ${term}: what changes arrives`, async () => {
      await shop.during(`the term ${term}`, async () => {
        await shop.redis('SET', TERM_KEY, term);
        const to = term.endsWith('1') ? 'given' : 'taken';
        await shop.inForce(to, await shop.change(to), 100);
        await eventually(60, async () =>
          expect(Number(await shop.redis('GET', TERM_KEY))).to.be.lessThan(2 * Date.now()),
        );
      });
    });
  }

  it('in all that no statement ended otherwise than it should have', async () => {
    await shop.steady('all of it', opened, Date.now());
  });
});
