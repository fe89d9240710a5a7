import { expect } from 'chai';
import type { KubeClient } from '../kube/client.ts';
import { ApiError, UnreachableError } from '../kube/errors.ts';
import type { ObjectRef } from '../kube/resource.ts';
import { FakeClock, flush } from '../runtime/testing.ts';
import { ClusterSecrets } from './cluster-secrets.ts';

type Answer = { readonly version: string; readonly data: Readonly<Record<string, string>> } | 'gone' | Error;

const FORBIDDEN = new ApiError('GET', { status: 403, reason: 'Forbidden', detail: '', retryAfterMs: undefined });
const AWAY = new UnreachableError('GET', new Error('cut'));
const SIGNAL = new AbortController().signal;
const S = { namespace: 'shop', name: 's' };

/** A made-up API server: answers are as told, and asked-for names are noted. */
function scene() {
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  const wanted = new Map<string, string[]>([['shop/s', ['password']]]);
  const clock = new FakeClock();
  const changed: string[] = [];
  const client = {
    async get(_: unknown, { namespace = '', name }: ObjectRef) {
      asked.push(`${namespace}/${name}`);
      await Promise.resolve();
      const answer = answers.get(`${namespace}/${name}`) ?? 'gone';
      if (answer instanceof Error) throw answer;
      if (answer === 'gone') return undefined;
      const data = Object.entries(answer.data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
      return {
        metadata: { namespace, name, resourceVersion: answer.version },
        data: Object.fromEntries(data) as object,
      };
    },
  };
  const secrets = new ClusterSecrets({
    client: client as unknown as KubeClient,
    clock,
    random: () => 1,
    keysOf: (namespace, name) => new Set(wanted.get(`${namespace}/${name}`)),
  });
  secrets.onChange(({ namespace, name }) => changed.push(`${namespace}/${name}`));
  const put = (version: string, data: Record<string, string>): unknown => answers.set('shop/s', { version, data });
  return { answers, asked, wanted, clock, changed, secrets, put, load: () => secrets.load([S], SIGNAL) };
}

async function rejected(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('Secrets', () => {
  it('are fetched once for all who ask within a minute, and hold no key that nobody names', async () => {
    const { secrets, asked, put, clock } = scene();
    put('1', { password: 'p', other: 'o' });
    await Promise.all([secrets.load([S, S], SIGNAL), secrets.load([S], SIGNAL)]);
    await clock.advance(59_000);
    await secrets.load([S], SIGNAL);
    expect(asked).to.deep.equal(['shop/s']);
    expect(secrets.read('shop', 's', 'password')).to.equal('p');
    expect(() => secrets.read('shop', 's', 'other')).to.throw('not loaded');
    expect(secrets.resourceVersion('shop', 's')).to.equal('1');
    await clock.advance(2_000);
    await secrets.load([S], SIGNAL);
    expect(asked).to.have.length(2);
  });

  it('are fetched anew for a key that is named since', async () => {
    const { secrets, asked, put, wanted, load } = scene();
    put('1', { password: 'p', other: 'o' });
    await load();
    wanted.set('shop/s', ['password', 'other']);
    expect(secrets.state([S])).to.equal('unread');
    await load();
    expect(asked).to.have.length(2);
    expect(secrets.read('shop', 's', 'other')).to.equal('o');
  });

  it('that are missing are told from those that may not be read', async () => {
    const { secrets, answers, load, clock } = scene();
    await load();
    expect([secrets.read('shop', 's', 'password'), secrets.trouble('shop', 's')]).to.deep.equal([undefined, 'missing']);
    answers.set('shop/s', FORBIDDEN);
    await clock.advance(61_000);
    await load();
    expect([secrets.read('shop', 's', 'password'), secrets.trouble('shop', 's')]).to.deep.equal([
      undefined,
      'forbidden',
    ]);
  });

  it('that can not be asked for keep a load from ending well, unless they were read before', async () => {
    const { secrets, answers, put, load, clock } = scene();
    answers.set('shop/s', AWAY);
    expect(await rejected(load())).to.equal(AWAY);
    put('1', { password: 'p' });
    await load();
    answers.set('shop/s', AWAY);
    await clock.advance(61_000);
    await load();
    expect(secrets.read('shop', 's', 'password')).to.equal('p');
    expect(secrets.state([S])).to.equal('held');
  });

  it('that are missing are asked for again by whoever needs them, and not by each', async () => {
    const { secrets, asked, put, load, clock } = scene();
    await load();
    await load();
    expect(asked).to.have.length(1);
    put('1', { password: 'p' });
    await clock.advance(1_500);
    await load();
    expect([asked.length, secrets.read('shop', 's', 'password')]).to.deep.equal([2, 'p']);
  });

  it('that may not be read any more count on as they were', async () => {
    const { secrets, answers, put, load, clock, wanted } = scene();
    put('1', { password: 'p' });
    await load();
    answers.set('shop/s', FORBIDDEN);
    await clock.advance(61_000);
    await load();
    expect([secrets.read('shop', 's', 'password'), secrets.resourceVersion('shop', 's')]).to.deep.equal(['p', '1']);
    wanted.set('shop/s', ['password', 'other']); // of which nothing was ever read
    await load();
    expect([secrets.read('shop', 's', 'other'), secrets.trouble('shop', 's')]).to.deep.equal([undefined, 'forbidden']);
  });

  it('are looked at again while they are named, and who listens is told of a change', async () => {
    const { secrets, asked, put, load, clock, changed, wanted } = scene();
    const stop = new AbortController();
    put('1', { password: 'p' });
    await load();
    const fresh = secrets.keepFresh(stop.signal);
    await clock.advance(59_000);
    expect(asked).to.have.length(1);
    await clock.advance(2_000);
    expect(asked).to.have.length(2);
    expect(changed).to.deep.equal([]);
    put('2', { password: 'q' });
    await clock.advance(61_000);
    expect(changed).to.deep.equal(['shop/s']);
    expect(secrets.read('shop', 's', 'password')).to.equal('q');
    wanted.clear();
    const before = asked.length;
    await clock.advance(300_000);
    expect(asked).to.have.length(before);
    expect(() => secrets.read('shop', 's', 'password'), 'forgotten').to.throw('not loaded');
    stop.abort();
    await fresh;
  });

  it('that are missing are looked at soon, and then ever later', async () => {
    const { secrets, asked, load, clock, changed, put } = scene();
    const stop = new AbortController();
    await load();
    const fresh = secrets.keepFresh(stop.signal);
    const counts: number[] = [];
    for (let second = 0; second < 16; second++) {
      await clock.advance(1_000);
      counts.push(asked.length);
    }
    expect(counts[1], 'within two seconds').to.equal(2);
    expect(counts[15], 'and not every second').to.equal(5);
    put('1', { password: 'p' });
    await clock.advance(20_000);
    expect(changed).to.deep.equal(['shop/s']);
    stop.abort();
    await flush();
    await fresh;
  });

  it('wait in turn when many are asked for at once', async () => {
    const { secrets, asked, wanted } = scene();
    const names = Array.from({ length: 100 }, (_, index) => ({ namespace: 'shop', name: `s${String(index)}` }));
    for (const { name } of names) wanted.set(`shop/${name}`, ['password']);
    const loading = secrets.load(names, SIGNAL);
    expect(asked.length).to.be.lessThan(10);
    await loading;
    expect(asked).to.have.length(100);
  });
});
