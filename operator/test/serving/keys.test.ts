import { expect } from 'chai';
import { KeysError, makeKey, PAIR_BYTES, type KeyRing } from '#contract/snapshot/keys';
import { DROP_AFTER_MS, USE_AFTER_MS } from '#contract/snapshot/keys-rotation';
import { ownSecret } from '#operator/keys/own-secret';
import { openKeySecret, type OperatorKeys } from '#operator/keys/secret-keys';
import type { KubeClient } from '#operator/kube/client';
import { SECRETS, type KubeObject } from '#operator/kube/resource';
import { NotLeadingError, type Leadership } from '#operator/runtime/election';
import { FakeClock, flush } from '#operator/runtime/testing';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';
import { ENVIRONMENT, NAMESPACE, makeSecret, until } from './scene.ts';

const REF = { namespace: NAMESPACE, name: 'articdbm-keys' };
const DAY = 86_400_000;
type SecretObject = KubeObject & { readonly data?: Readonly<Record<string, string>> };

describe('the key Secret, by several replicas on a real API server', function () {
  this.timeout(60_000);
  let server: ApiServer;
  let client: KubeClient;
  const opened: OperatorKeys[] = [];
  const errors: unknown[] = [];
  before(async function () {
    server = await requireApiServer(this);
    client = server.client();
    await server.createNamespaces(NAMESPACE);
  });
  afterEach(async () => {
    for (const keys of opened.splice(0)) keys.stop();
    errors.splice(0);
    await client.delete(SECRETS, REF);
  });
  after(stopApiServers);

  const open = async (options: Partial<Parameters<typeof openKeySecret>[0]> = {}): Promise<OperatorKeys> => {
    const onError = (error: unknown): void => void errors.push(error);
    const secret = ownSecret(client, REF);
    const keys = await openKeySecret({ ...ENVIRONMENT, secret, onError, ...options }, AbortSignal.timeout(10_000));
    opened.push(keys);
    return keys;
  };
  const stored = (): Promise<SecretObject | undefined> => client.get<SecretObject>(SECRETS, REF);
  const ids = ({ keys, current }: KeyRing): string[] => [...keys.keys()].map((id) => (id === current ? `${id}*` : id));
  const leadership = (): { leadership: Leadership; end: () => void } => {
    const over = new AbortController();
    const check = (): void => {
      if (over.signal.aborted) throw new NotLeadingError();
    };
    const { signal } = over;
    const leads = (): boolean => !signal.aborted;
    return {
      leadership: { term: 1, signal, leads, check, confirm: () => Promise.resolve(leads()) },
      end: () => over.abort(),
    };
  };

  for (const [situation, prepare] of [
    ['is absent', () => Promise.resolve()],
    ['is empty, as the chart makes it', () => makeSecret(client, 'articdbm/articdbm-keys', {})],
    ['has empty entries', () => makeSecret(client, 'articdbm/articdbm-keys', { current: '' })],
  ] as const) {
    it(`eight replicas that begin at once make one ring where the Secret ${situation}`, async () => {
      await prepare();
      const all = await Promise.all(Array.from({ length: 8 }, () => open()));
      const masters = all.map((keys) =>
        [...keys.ring().keys.values()].map(({ master }) => master.toString('hex')).join(),
      );
      expect(new Set(masters).size).to.equal(1);
      expect(Object.keys((await stored())?.data ?? {})).to.have.length(3);
    });
  }

  it('a replica that starts later, and one that starts anew, writes nothing', async () => {
    await open();
    const before = (await stored())?.metadata.resourceVersion;
    await open();
    expect((await stored())?.metadata.resourceVersion).to.equal(before);
  });

  it('what somebody else has put there is never overwritten; the error says what to do and holds no value', async () => {
    await makeSecret(client, 'articdbm/articdbm-keys', { master: 'hunter2', current: 'me' });
    const before = await stored();
    const error = await open().catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(KeysError);
    expect(String(error)).to.match(
      /Secret articdbm\/articdbm-keys .* left alone\. Put it back from a backup; or empty it/,
    );
    expect(String(error)).to.not.contain('hunter2');
    expect(await stored()).to.deep.equal(before);
  });

  it('a Secret that breaks under a running replica stops nothing, and is told of', async () => {
    const keys = await open({ rereadEvery: 200 });
    const ring = keys.ring();
    const { leadership: lead, end } = leadership();
    const rotating = keys.rotateKeys(lead, DAY);
    await client.mergePatch(SECRETS, REF, {
      data: { [`sign.${ring.current}`]: Buffer.from('PEM').toString('base64') },
    });
    await until(() => errors.length > 0);
    expect(errors[0]).to.be.instanceOf(KeysError);
    expect(keys.ring()).to.equal(ring);
    end();
    await rotating;
  });

  it('emptying it replaces all keys on all replicas: the way out when they are stolen', async () => {
    const [one, other] = await Promise.all([open({ rereadEvery: 300 }), open({ rereadEvery: 300 })]);
    const [before, others] = [one.ring(), other.ring()];
    await client.mergePatch(SECRETS, REF, { data: null });
    await until(() => one.ring() !== before && other.ring() !== others);
    expect(ids(one.ring())).to.deep.equal(ids(other.ring()));
    const [master] = [...before.keys.values()].map((key) => key.master);
    expect([...one.ring().keys.values()].some((key) => key.master.equals(master ?? Buffer.alloc(0)))).to.equal(false);
  });

  it('an API server that is away at the start is waited for', async () => {
    server.proxy.freeze();
    const far = ownSecret(server.client('through'), REF);
    const opening = open({
      secret: {
        ...far,
        read: (signal) =>
          far.read(AbortSignal.any([AbortSignal.timeout(300), ...(signal === undefined ? [] : [signal])])),
      },
    });
    await until(() => errors.length > 0);
    server.proxy.thaw();
    server.cut();
    expect((await opening).ring().keys.size).to.equal(1);
  });

  it('several callers of refresh share one reading', async () => {
    let reads = 0;
    const counted = server.client('direct', server.token, () => reads++);
    const keys = await open({ secret: ownSecret(counted, REF) });
    reads = 0;
    await Promise.all(Array.from({ length: 50 }, () => keys.refresh()));
    expect(reads).to.equal(1);
  });

  it('rotation publishes, uses an hour later, drops a day later; each is one write, told to listeners', async () => {
    const clock = new FakeClock();
    let now = Date.parse('2026-11-24T09:00:00Z');
    const keys = await open({ wall: () => now });
    const stale = await open();
    const leader = await open({ wall: () => now, clock, random: () => 1 });
    const heard: string[][] = [];
    leader.onChange((ring) => heard.push(ids(ring)));
    const { leadership: lead, end } = leadership();
    const version = async (): Promise<string> => (await stored())?.metadata.resourceVersion ?? '';
    const first = ids(keys.ring()).join().replace('*', '');
    const rotating = leader.rotateKeys(lead, 90 * DAY);
    const after = async (milliseconds: number, changes: boolean): Promise<string[]> => {
      const [before, told] = [await version(), heard.length];
      now += milliseconds;
      await clock.advance(60_000);
      if (changes) await until(() => heard.length > told);
      else await new Promise((resolve) => setTimeout(resolve, 100));
      await flush();
      expect((await version()) !== before, 'written').to.equal(changes);
      return ids(leader.ring());
    };
    expect(await after(0, false)).to.deep.equal([`${first}*`]);
    const published = await after(90 * DAY, true);
    const second = published[1] ?? '';
    expect(published).to.deep.equal([`${first}*`, second]);
    expect(await after(USE_AFTER_MS - 1_000, false)).to.deep.equal([`${first}*`, second]);
    // A replica that has not looked since: it lacks the new id until it is asked, and then has it.
    expect(ids(stale.ring())).to.deep.equal([`${first}*`]);
    expect(ids(await stale.refresh())).to.deep.equal([`${first}*`, second]);
    expect(await after(1_000, true)).to.deep.equal([first, `${second}*`]);
    expect(await after(DROP_AFTER_MS - 1_000, false)).to.deep.equal([first, `${second}*`]);
    expect(await after(1_000, true)).to.deep.equal([`${second}*`]);
    end();
    await rotating;
    expect(heard).to.have.length(3);
    expect(errors).to.deep.equal([]);
  });

  it('two leaders that believe to lead at once take each step once', async () => {
    let now = Date.parse('2026-11-24T09:00:00Z');
    const [one, other] = [await open({ wall: () => now }), await open({ wall: () => now })];
    now += 100 * DAY;
    const leads = [leadership(), leadership()];
    const rotating = [one, other].map((keys, at) => keys.rotateKeys(leads[at]!.leadership, 90 * DAY));
    await until(async () => (await one.refresh()).keys.size === 2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const { end } of leads) end();
    await Promise.all(rotating);
    expect(ids(await one.refresh())).to.deep.equal(ids(await other.refresh()));
    expect(one.ring().keys.size).to.equal(2);
  });

  it('a leader that was stopped past its lease writes nothing', async () => {
    let now = Date.parse('2026-11-24T09:00:00Z');
    const keys = await open({ wall: () => now });
    now += 100 * DAY;
    const before = (await stored())?.metadata.resourceVersion;
    const { leadership: lead } = leadership();
    const check = (): void => {
      throw new NotLeadingError();
    };
    await keys.rotateKeys({ ...lead, check, leads: () => false }, 90 * DAY);
    expect((await stored())?.metadata.resourceVersion).to.equal(before);
  });

  it('labels and annotations of the Secret stay when it is written', async () => {
    const metadata = {
      ...REF,
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { 'helm.sh/resource-policy': 'keep' },
    };
    await client.create(SECRETS, { metadata });
    await open();
    expect((await stored())?.metadata).to.deep.include({ labels: metadata.labels, annotations: metadata.annotations });
  });

  it('is made of random bytes: no two rings share a master', async () => {
    const one = (await open()).ring();
    await client.delete(SECRETS, REF);
    const other = (await open()).ring();
    const zero = makeKey(Date.now(), Buffer.alloc(PAIR_BYTES)).master;
    const masters = [one, other].flatMap(({ keys }) => [...keys.values()].map(({ master }) => master.toString('hex')));
    expect(new Set([...masters, zero.toString('hex')]).size).to.equal(3);
  });
});
