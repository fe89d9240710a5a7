import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../harness/eventually.ts';
import type { Finished } from '../harness/program.ts';
import { psql } from '../harness/psql.ts';
import { SteadyShop } from '../harness/steady-shop.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-restored';
const REDIS = 'deployment/articdbm-evaluation-redis';
const STORE = 'deployment/articdbm-evaluation-postgresql';
/** The evaluation's Redis with a disk, an administrator, and what an administrator does: old.rdb put back at the next start. */
const START =
  'if [ -e /data/old.rdb ]; then cp /data/old.rdb /data/dump.rdb; fi; ' +
  "exec redis-server /run/articdbm/redis.conf --dir /data --user root on nopass '~*' '&*' '+@all'";

story('Redis and the store put back from old dumps', [HERE], (scene) => {
  let shop: SteadyShop;
  const run = (...args: readonly string[]): Promise<string> => shop.operators.run(args, { seconds: 100 });
  const inRedis = (script: string): Promise<Finished> => shop.operators.try(['exec', REDIS, '--', 'sh', '-c', script]);
  const inStore = async (script: string): Promise<string> => {
    const login =
      'export PGPASSWORD="$(cat /run/articdbm/store-password)" PGHOST=127.0.0.1 PGUSER=articdbm PGDATABASE=postgres';
    return (await run('exec', STORE, '--', 'sh', '-ec', `${login}; ${script}`)).trim();
  };

  before('a client that asks all the time', async function () {
    this.timeout(300_000);
    shop = new SteadyShop(scene().cluster, HERE);
    const container = {
      name: 'redis',
      command: ['sh', '-c', START],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    };
    const spec = { containers: [container], volumes: [{ name: 'data', emptyDir: {} }] };
    await run('patch', REDIS, '-p', JSON.stringify({ spec: { template: { spec } } }));
    await run('rollout', 'status', REDIS, '--timeout=90s');
    await shop.open();
  });
  after(async function () {
    this.timeout(120_000);
    await run('rollout', 'undo', REDIS);
    await run('rollout', 'status', REDIS, '--timeout=90s');
  });

  it('Redis from a dump of before a revocation: no running pod goes back, and none that begins then', async function () {
    this.timeout(400_000);
    await shop.inForce('given', await shop.change('given'), 60);
    expect((await inRedis('redis-cli --user root --pass x SAVE && cp /data/dump.rdb /data/old.rdb')).output).to.match(
      /OK/,
    );
    const taken = await shop.change('taken');
    await shop.inForce('taken', taken, 60);
    await shop.during('Redis put back', async () => {
      await sleep(95_000); // younger, a head is believed by whoever begins: a change may be 90 s late
      await inRedis('redis-cli --user root --pass x SHUTDOWN NOSAVE');
      const back = Date.now();
      const made = ['one', 'two', 'three'];
      for (const name of made) expect((await shop.newPod(name, true)).output).to.match(/created/);
      await shop.kubectl.ready(90, ...made.map((name) => `pod/${name}`));
      note(`three pods are ready ${((Date.now() - back) / 1000).toFixed(1)} s after Redis was put back`);
      for (const name of made) {
        expect((await psql(shop.kubectl, name, 'select count(name) from customers')).sqlstate).to.equal('42501');
        expect((await psql(shop.kubectl, name, 'select count(*) from orders')).sqlstate).to.equal('00000');
      }
      const { output } = await inRedis('redis-cli --user root --pass x INFO persistence | grep last_load');
      expect(output, 'it did begin with the dump').to.match(/rdb_last_load_keys_loaded:[1-9]/);
      await sleep(35_000);
      await shop.inForce('taken', taken, 1, 'it was taken; it never came back'); // throws at any way back
      await shop.inForce('given', await shop.change('given'), 60);
    });
  });

  it('the store from a dump of before: what is in force stays, and history goes on', async function () {
    this.timeout(200_000);
    await shop.during('the store put back', async () => {
      await inStore('pg_dump --schema=articdbm >/tmp/old.sql');
      const count = `psql -Atc "select count(*) from articdbm.revisions where scope = '${HERE}/app'"`;
      const before = Number(await inStore(count));
      await shop.inForce('taken', await shop.change('taken'), 30);
      await eventually(20, async () => expect(Number(await inStore(count))).to.be.greaterThan(before));
      await inStore('psql -qc "drop schema articdbm cascade" && psql -q -f /tmp/old.sql');
      expect(Number(await inStore(count))).to.equal(before);
      await shop.inForce('given', await shop.change('given'), 30);
      await eventually(60, async () => expect(Number(await inStore(count))).to.be.greaterThan(before));
    });
  });
});
