import { expect } from 'chai';
import { isDeepStrictEqual } from 'node:util';
import { stopApiServers } from '../harness/api-server.ts';
import { killOperators } from '../harness/operator.ts';
import { ClusterScene, GATEWAY, PASSWORDS, SHOP, SIDECAR, tablesOf } from './cluster-scene.ts';

describe('the operator as a process', function () {
  this.timeout(120_000);
  let scene: ClusterScene;
  before(async function () {
    scene = await ClusterScene.open(this);
  });
  afterEach(killOperators);
  after(async () => {
    await (scene as ClusterScene | undefined)?.close();
    await stopApiServers();
  });

  it('brings what is applied to Redis, and says so in the status', async () => {
    const operator = await scene.operator();
    await operator.ready();
    await operator.leads();
    await scene.apply(...Object.values(SHOP));
    const sidecar = await scene.until(SIDECAR, (now) => isDeepStrictEqual(tablesOf(now), ['orders']));
    const gateway = await scene.until(GATEWAY, (now) => isDeepStrictEqual(tablesOf(now), ['orders']));
    expect(sidecar.snapshot.backends[0]?.users[0]).to.include({ ref: 'shop/app', bound: true });
    expect(gateway.snapshot.backends[0]?.users[0]?.verifier).to.match(/^SCRAM-SHA-256\$/);
    for (const one of [SHOP.backend, SHOP.user, SHOP.permission])
      expect(await scene.readyCondition(one)).to.match(/^True /);
    for (const secret of PASSWORDS) expect(operator.output()).not.to.include(secret);
    expect(await operator.stop()).to.equal(0);
  });
});
