import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../harness/eventually.ts';
import { Daemon, isLocal, processOf } from '../harness/node.ts';
import { SteadyShop } from '../harness/steady-shop.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-minutes';
const MINUTES = 2 * 60_000;

story('parts of the cluster away for minutes', [HERE], (scene) => {
  let shop: SteadyShop;
  let opened = 0;

  before('a client that asks all the time', async function () {
    this.timeout(240_000);
    if (!isLocal()) this.skip(); // processes of the node are killed
    shop = new SteadyShop(scene().cluster, HERE);
    await shop.open();
    opened = Date.now();
  });
  after(async function () {
    this.timeout(150_000);
    await (shop as SteadyShop | undefined)?.restore();
  });
  const evaluation = (part: string, replicas: number): Promise<string> =>
    shop.operators.run(['scale', `deployment/articdbm-evaluation-${part}`, `--replicas=${replicas}`]);

  it('no operator for two minutes: running pods work, a killed sidecar begins, changes arrive afterwards', async function () {
    this.timeout(300_000);
    await shop.scaleOperator(0);
    const began = Date.now();
    await shop.during('a minute without an operator', () => sleep(MINUTES / 2));
    const uid = await shop.uidOf('client');
    const killed = Date.now();
    process.kill(processOf(uid, 'articdbm-proxy.js'), 'SIGKILL');
    await shop.served(killed, 30);
    const given = await shop.change('given');
    await shop.during('and the rest of two minutes', () => sleep(Math.max(0, began + MINUTES - Date.now())));
    await shop.scaleOperator(2);
    const back = Date.now();
    await shop.inForce('given', given, 60);
    note(`that is ${((Date.now() - back) / 1000).toFixed(1)} s after the operator is back`);
  });

  it('no Redis for minutes: what is taken is refused within 110 s, and goes on when Redis is back', async function () {
    this.timeout(300_000);
    await shop.during('no Redis', async () => {
      await evaluation('redis', 0);
      await sleep(5_000);
      await shop.inForce('taken', await shop.change('taken'), 130);
      const given = await shop.change('given');
      await sleep(10_000);
      await evaluation('redis', 1);
      await shop.inForce('given', given, 60);
    });
  });

  it('no store for two minutes: changes are in force as soon as ever, and recorded when it is back', async function () {
    this.timeout(300_000);
    await shop.during('no store', async () => {
      await evaluation('postgresql', 0);
      await sleep(5_000);
      await shop.inForce('taken', await shop.change('taken'), 30);
      await eventually(60, async () => {
        const backends = await shop.kubectl.run(['get', 'dbbackend', 'shop', '-o', 'yaml']);
        expect(backends).to.match(/HistoryDelayed/);
      });
      await sleep(MINUTES - 30_000);
      await evaluation('postgresql', 1);
      const back = Date.now();
      await eventually(90, async () => {
        const backends = await shop.kubectl.run(['get', 'dbbackend', 'shop', '-o', 'yaml']);
        expect(backends).not.to.match(/HistoryDelayed/);
      });
      note(
        `history is told to be complete ${((Date.now() - back) / 1000).toFixed(1)} s after the store was asked back`,
      );
    });
  });

  it('kubelet killed for half a minute: pods and their sidecars work on, and none is made anew', async function () {
    this.timeout(180_000);
    const kubelet = new Daemon('kubelet');
    const from = Date.now();
    kubelet.kill();
    await sleep(30_000);
    kubelet.start();
    await eventually(60, () => shop.kubectl.run(['logs', 'client', '-c', 'app', '--tail=1'])); // by way of kubelet
    await shop.steady('kubelet away and back', from, Date.now());
    await shop.during('and after', () => sleep(15_000));
    await shop.inForce('given', await shop.change('given'), 30);
  });

  it('the API server away for a minute', async function () {
    this.timeout(240_000);
    const server = new Daemon('kube-apiserver');
    await shop.during('the API server away for a minute', async () => {
      server.kill();
      await sleep(60_000);
      server.start();
      await eventually(60, () => shop.kubectl.run(['get', '--raw', '/readyz']));
      await shop.inForce('taken', await shop.change('taken'), 60);
    });
  });

  it('operator and Redis away together for two minutes: what was in force is, and what changed arrives', async function () {
    this.timeout(400_000);
    await shop.during('neither operator nor Redis', async () => {
      await shop.scaleOperator(0);
      await evaluation('redis', 0);
      const given = await shop.change('given');
      await sleep(MINUTES);
      await evaluation('redis', 1);
      await shop.scaleOperator(2);
      const back = Date.now();
      await shop.inForce('given', given, 130);
      note(`that is ${((Date.now() - back) / 1000).toFixed(1)} s after both are back`);
    });
  });

  it('in all that no statement ended otherwise than it should have', async () => {
    await shop.steady('all of it', opened, Date.now(), true);
  });
});
