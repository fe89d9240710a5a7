import { expect } from 'chai';
import { OPERATOR_LEASE } from '#contract/names';
import { LEASES, type KubeObject } from '#operator/kube/resource';
import { PUBLISH_STEPS } from '#operator/publish/steps';
import { stopApiServers } from '../harness/api-server.ts';
import { killOperators, OPERATOR_NAMESPACE, type OperatorProcess } from '../harness/operator.ts';
import { eventually } from '../publish/proxies.ts';
import { ClusterScene, pause, permission, SHOP, SIDECAR, tablesOf } from './cluster-scene.ts';

const STEPS = PUBLISH_STEPS.map(({ name }) => name);
const LEASE = { namespace: OPERATOR_NAMESPACE, name: OPERATOR_LEASE };

describe('replicas of the operator', function () {
  this.timeout(180_000);
  let scene: ClusterScene;
  /** What the only permission allows now. */
  let tables = ['orders'];
  let number = 0;
  before(async function () {
    scene = await ClusterScene.open(this);
    await scene.apply(...Object.values(SHOP));
  });
  afterEach(killOperators);
  after(async () => {
    await (scene as ClusterScene | undefined)?.close();
    await stopApiServers();
  });

  const replica = async (seams = {}): Promise<OperatorProcess> => {
    const operator = await scene.operator({ seams });
    await operator.ready();
    return operator;
  };

  async function change(): Promise<void> {
    tables = [`t${String(++number)}`];
    await scene.apply(permission('shop/app-reads', 'app', 'prod/orders', tables));
  }

  /** The publishes of a new leader are done. */
  async function settled(operator: OperatorProcess): Promise<void> {
    await inForce();
    const busy = async (state: string) => operator.metric(`articdbm_operator_queue{queue="scopes",state="${state}"}`);
    await eventually(async () => (await busy('ready')) === 0 && (await busy('running')) === 0, 'it has settled');
    await pause(1_000);
  }

  const inForce = () => scene.until(SIDECAR, (now) => String(tablesOf(now)) === String(tables), 20_000);
  const holder = async (): Promise<string | undefined> =>
    (await scene.client.get<KubeObject & { readonly spec: { holderIdentity?: string } }>(LEASES, LEASE))?.spec
      .holderIdentity;

  it('one leads; killed, the other takes over and completes what changed meanwhile', async () => {
    const one = await replica();
    await one.leads();
    const other = await replica();
    await change();
    await inForce();
    expect(await other.metric('articdbm_operator_leader')).to.equal(0);
    await one.kill();
    await change();
    await other.leads();
    const now = await inForce();
    expect(now.head.term).to.be.greaterThan(0);
    expect(await holder()).to.match(new RegExp(`^${other.identity}_127\\.0\\.0\\.1:${String(other.https)}_`));
  });

  it('one that is told to stop gives the lead back, and the other need not wait', async () => {
    const one = await replica();
    await one.leads();
    const other = await replica();
    expect(await one.stop()).to.equal(0);
    const stopped = performance.now();
    await other.leads();
    expect(performance.now() - stopped).to.be.lessThan(2_500); // below the 3 s for which a silent leader is waited
    await change();
    await inForce();
  });

  it('stopped past its lease and continued, nothing that the old leader does takes effect', async () => {
    const one = await replica();
    await one.leads();
    await change();
    await inForce();
    one.signal('SIGSTOP');
    const other = await replica();
    await other.leads();
    await change();
    const { head } = await inForce();
    const before = { head: await scene.headOf(SIDECAR), rows: await scene.rows(SIDECAR) };
    one.signal('SIGCONT');
    await eventually(async () => (await one.metric('articdbm_operator_leader')) === 0, 'it learns of its end', 15_000);
    await pause(2_000);
    expect((await scene.inForce(SIDECAR))?.head).to.include({ term: head.term, revision: head.revision });
    expect(await scene.headOf(SIDECAR)).to.equal(before.head);
    expect(await scene.rows(SIDECAR)).to.deep.equal(before.rows);
    await change();
    expect((await inForce()).head.term).to.equal(head.term);
    expect(one.running, 'it stands for election again').to.equal(true);
  });

  it('the Lease deleted: one leads again, under a higher term, and nothing is lost', async () => {
    const [one, other] = [await replica(), await replica()];
    await one.leads();
    const before = await inForce();
    await scene.client.delete(LEASES, LEASE);
    await change();
    const after = await inForce();
    expect(after.head.revision).to.be.greaterThan(before.head.revision);
    const leaders = async (): Promise<number> =>
      ((await one.metric('articdbm_operator_leader')) ?? 0) + ((await other.metric('articdbm_operator_leader')) ?? 0);
    await eventually(async () => (await leaders()) === 1, 'one leads', 20_000);
    await change();
    await inForce();
    expect(await holder()).to.be.a('string');
  });

  for (const step of STEPS) {
    it(`killed after ${step}: nothing half is served, and the other completes the change`, async () => {
      const one = await replica({ stand: { step, scope: SIDECAR } });
      await one.leads();
      const other = await replica();
      const old = await inForce();
      await settled(one);
      await one.stand();
      await change();
      await one.stands();
      const between = await scene.inForce(SIDECAR);
      expect(String(tablesOf(between))).to.equal(String(step === 'write' ? tables : tablesOf(old)));
      await one.kill();
      await other.leads();
      const now = await inForce();
      await eventually(
        async () => (await scene.rows(SIDECAR)).some(({ revision }) => revision === now.head.revision),
        'history has it',
        10_000,
      );
      const revisions = (await scene.rows(SIDECAR)).map(({ revision }) => revision);
      expect(new Set(revisions).size, 'one record per revision').to.equal(revisions.length);
    });
  }

  for (const step of STEPS.filter((name) => name !== 'write')) {
    it(`stopped after ${step}, and continued under a newer leader: its write takes no effect`, async () => {
      const one = await replica({ stand: { step, scope: SIDECAR } });
      await one.leads();
      await settled(one);
      await one.stand();
      await change();
      await one.stands();
      one.signal('SIGSTOP');
      const other = await replica();
      await other.leads();
      await change();
      const { head } = await inForce();
      const rows = await scene.rows(SIDECAR);
      one.signal('SIGCONT');
      one.goOn();
      await eventually(
        async () => (await one.metric('articdbm_operator_leader')) === 0,
        'it learns of its end',
        15_000,
      );
      await pause(1_000);
      const now = await inForce();
      expect(now.head).to.include({ term: head.term, revision: head.revision });
      expect(await scene.rows(SIDECAR)).to.deep.equal(rows);
    });
  }
});
