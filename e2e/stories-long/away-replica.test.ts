import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeKeyRing, makeKey, PAIR_BYTES, parseKeyRing } from '#contract/snapshot/keys';
import type { KeyRing } from '#contract/snapshot/keys';
import { addKey, dropKey, useKey } from '#contract/snapshot/keys-rotation';
import { eventually } from '../harness/eventually.ts';
import { isLocal, processOf } from '../harness/node.ts';
import { psql } from '../harness/psql.ts';
import { SteadyShop } from '../harness/steady-shop.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-replica';
interface Named {
  readonly metadata: { readonly name: string; readonly uid: string };
}

story('a replica of the operator that stands still and goes on', [HERE], (scene) => {
  let shop: SteadyShop;
  const stopped = new Set<number>();

  before('a client that asks all the time', async function () {
    this.timeout(240_000);
    if (!isLocal()) this.skip(); // processes of the node are stopped
    shop = new SteadyShop(scene().cluster, HERE);
    await shop.scaleOperator(2);
    await shop.open();
  });
  afterEach(() => {
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
    stopped.clear();
  });

  const leader = async (): Promise<string> => {
    const path = 'jsonpath={.spec.holderIdentity}';
    return (await shop.operators.run(['get', 'lease', 'articdbm-operator', '-o', path])).split('_')[0] ?? '';
  };
  /** Stops the process of the leader, or of another replica. */
  async function stop(which: 'leader' | 'follower'): Promise<{ readonly name: string; readonly pid: number }> {
    const leads = await leader();
    const { items } = await shop.operators.json<{ items: Named[] }>(
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/component=operator',
    );
    const found = items.find(({ metadata }) => (metadata.name === leads) === (which === 'leader'));
    const pid = processOf(found?.metadata.uid ?? '-', 'articdbm.js');
    process.kill(pid, 'SIGSTOP');
    stopped.add(pid);
    return { name: found?.metadata.name ?? '', pid };
  }
  const goOn = (pid: number): void => {
    process.kill(pid, 'SIGCONT');
    stopped.delete(pid);
  };

  async function editRing(edit: (ring: KeyRing) => KeyRing): Promise<KeyRing> {
    const { data = {} } = await shop.operators.json<{ data?: Record<string, string> }>(
      'get',
      'secret',
      'articdbm-keys',
    );
    const decoded = Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64')] as const);
    const ring = edit(parseKeyRing(Object.fromEntries(decoded)));
    const next = Object.fromEntries(
      Object.entries(encodeKeyRing(ring)).map(([name, value]) => [name, value.toString('base64')]),
    );
    const gone = Object.fromEntries(
      Object.keys(data)
        .filter((name) => !(name in next))
        .map((name) => [name, null]),
    );
    const patch = JSON.stringify({ data: { ...gone, ...next } });
    await shop.operators.run(['patch', 'secret', 'articdbm-keys', '--type=merge', '-p', patch]);
    return ring;
  }

  it('keys are rotated, step by step, while a follower stands still: it goes on by the new ones', async function () {
    this.timeout(500_000);
    await shop.during('a rotation with a replica that stands still', async () => {
      const { pid } = await stop('follower');
      const key = makeKey(Date.now(), randomBytes(PAIR_BYTES));
      await editRing((ring) => addKey(ring, key));
      await sleep(5_000);
      const { keys } = await editRing((ring) => useKey(ring, key.id, Date.now()));
      await shop.inForce('given', await shop.change('given'), 150);
      await editRing((ring) => [...keys.keys()].filter((id) => id !== key.id).reduce(dropKey, ring));
      await shop.inForce('taken', await shop.change('taken'), 150);
      goOn(pid);
      await made('after-rotation');
    });
  });

  /** A labelled pod that begins now, whichever replica it asks. */
  async function made(name: string): Promise<void> {
    const began = Date.now();
    await eventually(60, async () => expect((await shop.newPod(name, true)).output).to.match(/created/));
    await shop.kubectl.ready(90, `pod/${name}`);
    expect((await psql(shop.kubectl, name, 'select count(*) from orders')).sqlstate).to.equal('00000');
    expect((await psql(shop.kubectl, name, 'select count(name) from customers')).sqlstate).to.equal('42501');
    note(`a new pod was ready ${((Date.now() - began) / 1000).toFixed(1)} s after it was asked for`);
  }

  it('the follower that stands still is asked no more, and new pods are made', async function () {
    this.timeout(240_000);
    await shop.during('a follower stands still', async () => {
      const { pid } = await stop('follower');
      await made('with-one-replica');
      goOn(pid);
    });
  });

  it('the leader stands still past its lease, and goes on: another leads, and nothing of the old one takes effect', async function () {
    this.timeout(400_000);
    await shop.during('a leader that stands still and goes on', async () => {
      const { name, pid } = await stop('leader');
      const at = Date.now();
      const given = await shop.change('given');
      await shop.inForce('given', given, 150);
      expect(await leader()).not.to.equal(name);
      note(
        `another leads, and had it in force, ${((Date.now() - at) / 1000).toFixed(1)} s after the leader stood still`,
      );
      const taken = await shop.change('taken');
      goOn(pid);
      await shop.inForce('taken', taken, 60);
      await sleep(40_000); // more than a beat
      await shop.inForce('taken', taken, 1, 'it was taken; it never came back');
    });
  });

  it('keys are replaced at once while the leader stands still, who then goes on with the old ones', async function () {
    this.timeout(400_000);
    await shop.during('keys replaced under a leader that stands still', async () => {
      const { pid } = await stop('leader');
      await shop.operators.run(['patch', 'secret', 'articdbm-keys', '--type=merge', '-p', '{"data":null}']);
      const given = await shop.change('given');
      await shop.inForce('given', given, 200);
      const taken = await shop.change('taken');
      goOn(pid);
      await shop.inForce('taken', taken, 60);
      await made('after-replacement');
    });
  });
});
