import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../harness/eventually.ts';
import { Daemon, isLocal, processOf } from '../harness/node.ts';
import { SteadyShop } from '../harness/steady-shop.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-away';

/** One part after another is away for some seconds. The same for minutes, and with old dumps: away-long.long.test.ts */
story('parts of the cluster away', [HERE], (scene) => {
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

  it('Redis emptied: what is then taken is refused', async () => {
    await shop.during('Redis emptied', async () => {
      const given = await shop.change('given');
      await shop.inForce('given', given, 30);
      expect(await shop.redis('FLUSHALL')).to.equal('OK');
      const taken = await shop.change('taken');
      await shop.inForce('taken', taken, 100);
    });
  });

  it('Redis deleted: what is given meanwhile arrives', async () => {
    await shop.during('Redis deleted', async () => {
      const { operators } = shop;
      await operators.run(['delete', 'pod', '-l', 'app.kubernetes.io/name=articdbm-evaluation-redis', '--wait=false']);
      const given = await shop.change('given');
      await shop.inForce('given', given, 110);
    });
  });

  it('the store deleted, and so empty: nothing waits for it, and it is written to again', async () => {
    await shop.during('the store deleted', async () => {
      const { operators } = shop;
      const label = 'app.kubernetes.io/name=articdbm-evaluation-postgresql';
      await operators.run(['delete', 'pod', '-l', label]);
      const taken = await shop.change('taken');
      await shop.inForce('taken', taken, 30);
      const began = performance.now();
      const query = `select count(*) from articdbm.revisions where scope = '${HERE}/app'`;
      const command = [
        'sh',
        '-c',
        `PGPASSWORD="$(cat /run/articdbm/store-password)" psql -h 127.0.0.1 -U articdbm -Atc "${query}" postgres`,
      ];
      await eventually(60, async () => {
        const { stdout } = await operators.try(['exec', 'deployment/articdbm-evaluation-postgresql', '--', ...command]);
        expect(Number(stdout)).to.be.greaterThan(0);
      });
      note(
        `the empty store has the revision ${((performance.now() - began) / 1000).toFixed(1)} s after it was in force`,
      );
    });
  });

  it('a sidecar killed while no operator is there: it begins by itself', async () => {
    await shop.scaleOperator(0);
    const uid = await shop.uidOf('client');
    await shop.during(
      'a sidecar killed without an operator',
      async () => {
        const killed = Date.now();
        process.kill(processOf(uid, 'articdbm-proxy.js'), 'SIGKILL');
        await eventually(30, async () => {
          const path = 'jsonpath={.status.initContainerStatuses[0].restartCount}';
          expect(await shop.kubectl.run(['get', 'pod', 'client', '-o', path])).to.equal('1');
        });
        await shop.served(killed, 30);
      },
      { lost: true },
    );
    await shop.during('the restarted sidecar, still without', () => sleep(5000));
  });

  it('no operator: new labelled pods are refused and told why, unlabelled ones are made', async () => {
    await shop.during('no operator', async () => {
      const labelled = await shop.newPod('refused', true);
      expect(labelled.status).not.to.equal(0);
      expect(labelled.output).to.match(/failed calling webhook "pods\.articdbm\.io"/);
      note(labelled.output.trim());
      expect((await shop.newPod('plain', false)).output).to.match(/created/);
      await shop.kubectl.ready(30, 'pod/plain');
    });
  });

  it('one that was admitted before waits, says for what, and begins when the operator is back, as does a change', async () => {
    await shop.scaleOperator(2);
    const gate = { schedulingGates: [{ name: 'story/wait' }] };
    await eventually(30, async () => expect((await shop.newPod('early', true, gate)).output).to.match(/created/));
    await shop.scaleOperator(0);
    await shop.kubectl.run([
      'patch',
      'pod',
      'early',
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/spec/schedulingGates"}]',
    ]);
    await eventually(40, async () => {
      const events = await shop.kubectl.run([
        'get',
        'events',
        '--field-selector=involvedObject.name=early,reason=Unhealthy',
      ]);
      expect(events).to.match(/waiting for keys and logins: the operator at .* can not be reached/);
    });
    await shop.during('the operator coming back', async () => {
      const given = await shop.change('given');
      await shop.scaleOperator(2);
      const back = Date.now();
      await shop.inForce('given', given, 60);
      await shop.kubectl.ready(40, 'pod/early');
      note(`and a pod that waited is ready ${((Date.now() - back) / 1000).toFixed(1)} s after the operator is`);
    });
  });

  it('the API server killed, and started again ten seconds later', async () => {
    const server = new Daemon('kube-apiserver');
    await shop.during('the API server away and back', async () => {
      server.kill();
      await sleep(10_000);
      server.start();
      await eventually(60, () => shop.kubectl.run(['get', '--raw', '/readyz']));
      const back = Date.now();
      const taken = await shop.change('taken');
      await shop.inForce('taken', taken, 60);
      note(`which is ${((Date.now() - back) / 1000).toFixed(1)} s after the API server is back`);
    });
  });

  it('keys replaced at once, as docs/operations.md says: nothing restarts, and changes arrive', async () => {
    const before = await keyIds();
    await shop.during('keys replaced', async () => {
      await shop.operators.run(['patch', 'secret', 'articdbm-keys', '--type=merge', '-p', '{"data":null}']);
      const emptied = Date.now();
      await eventually(90, async () =>
        expect(await keyIds())
          .not.to.equal('')
          .and.not.to.equal(before),
      );
      note(`new keys are there ${((Date.now() - emptied) / 1000).toFixed(1)} s after the Secret was emptied`);
      const given = await shop.change('given');
      await shop.inForce('given', given, 100);
    });
  });

  const keyIds = async (): Promise<string> => {
    const { data = {} } = await shop.operators.json<{ data?: Record<string, string> }>(
      'get',
      'secret',
      'articdbm-keys',
    );
    return Object.keys(data).sort().join();
  };

  it('in all that no statement ended otherwise than it should have', async () => {
    await shop.steady('all of it', opened, Date.now(), true);
  });
});
