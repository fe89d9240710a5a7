import { expect } from 'chai';
import * as f from '#test/harness/frontend';
import { rows, type RawClient } from '#test/harness/raw-client';
import { makeScene, READER, until, type Scene } from './scene.ts';

const SLEEPERS = "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()";

const WORKING = "select count(*) from pg_stat_activity where query like '%left behind%' and pid <> pg_backend_pid()";

describe('a client that goes', () => {
  let scene: Scene;
  let direct: RawClient;

  before(async function () {
    scene = await makeScene(this);
    direct = await scene.direct();
  });
  after(async () => {
    await direct.close();
    await (scene as Scene | undefined)?.stop();
  });

  const sleeping = async (): Promise<number> => Number(rows(await direct.query(SLEEPERS))[0]?.[0]);

  it('amid a statement leaves nothing running, and keeps its place until then', async function () {
    this.timeout(30_000);
    scene.proxy.apply(scene.snapshot([{ ...READER, limits: { connections: 1 } }]));
    const client = await scene.login();
    client.send(f.query('select pg_sleep(60)'));
    await until(async () => (await sleeping()) === 1);
    client.destroy();
    let refused = 0;
    await until(async () => {
      try {
        await (await scene.login()).close();
        return true;
      } catch (error) {
        expect((error as Error).message).to.match(/^53300 /);
        refused += 1;
        return false;
      }
    }, 20_000);
    expect(refused).to.be.greaterThan(0);
    await until(async () => (await sleeping()) === 0);
    scene.reset();
  });

  it('after its last statement has that statement run to its end, as without the proxy', async () => {
    const client = await scene.login();
    client.send(f.query("select pg_sleep(1); insert into notes values (7, 'left behind')"));
    await until(async () => Number(rows(await direct.query(WORKING))[0]?.[0]) === 1);
    client.destroy();
    await until(async () => rows(await direct.query('select text from notes where id = 7')).length === 1);
  });

  it('is known by the number that the server has for it', async () => {
    const client = await scene.login();
    expect(rows(await client.query('select pg_backend_pid()'))[0]?.[0]).to.equal(String(client.pid));
    await client.close();
  });
});
