import { expect } from 'chai';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as f from '#test/harness/frontend';
import { errorFields, firstError, rows, type RawClient } from '#test/harness/raw-client';
import { makeScene, until, type Scene } from '#test/relay/scene';

/** Resolves when the other side has closed: by then the server has what it was meant to have. */
function cancel(port: number, pid: number, key: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port }, () => socket.write(f.cancelRequest(pid, key)));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
  });
}

describe('cancel requests', function () {
  this.timeout(30_000);
  let scene: Scene;
  let client: RawClient;

  before(async function () {
    scene = await makeScene(this, { limits: { connections: 20_000 } });
    client = await scene.login();
  });
  after(async function () {
    this.timeout(20_000);
    await client.close();
    await (scene as Scene | undefined)?.stop();
  });

  it('with any other key, or the key of somebody who is gone, do nothing', async () => {
    const gone = await scene.login();
    await gone.close();
    await until(() => scene.proxy.gauges.links === 1);
    const { pid, key } = client;
    client.send(f.query('select 5 from pg_sleep(0.6)'));
    await sleep(30);
    const keys = [
      key.subarray(0, 3),
      Buffer.concat([key, Buffer.alloc(1)]),
      Buffer.concat([key, key]),
      Buffer.from(key.map((byte) => byte ^ 1)),
      Buffer.alloc(0),
      Buffer.alloc(256, key[0]),
      Buffer.alloc(257),
    ];
    await Promise.all(keys.map((wrong) => cancel(scene.proxy.port, pid, wrong)));
    await Promise.all([0, -1, pid + 1, 0x7fffffff].map((other) => cancel(scene.proxy.port, other, key)));
    await cancel(scene.proxy.port, pid, gone.key);
    await cancel(scene.proxy.port, gone.pid, gone.key);
    await cancel(scene.proxy.port, gone.pid, key);
    expect(rows(await client.readUntilReady())).to.eql([['5']]);
  });

  it('hit nothing that is sent after they were answered', async () => {
    let hits = 0;
    for (let round = 0; round < 150; round++) {
      client.send(f.query('select pg_sleep(0.002)'));
      const [reply] = await Promise.all([client.readUntilReady(), cancel(scene.proxy.port, client.pid, client.key)]);
      if (firstError(reply)?.C === '57014') hits++;
      // PostgreSQL promises no more than that the request was passed on: the signal itself may come a moment later.
      await sleep(2);
      expect(rows(await client.query('select 1 from pg_sleep(0.001)')), `round ${String(round)}`).to.eql([['1']]);
    }
    console.log(`      150 requests, ${String(hits)} in time`);
  });

  it('amid pipelines, portals, COPY and the proxy’s own questions leave the session in step', async () => {
    const flow = { on: true };
    const flood = (async (): Promise<number> => {
      let sent = 0;
      while (flow.on) {
        await Promise.all([1, 2, 3].map(() => cancel(scene.proxy.port, client.pid, client.key)));
        sent += 3;
      }
      return sent;
    })();
    const seen = new Set<string>();
    const last = Date.now() + 2_500;
    for (let round = 0; Date.now() < last; round++) {
      client.send(
        f.query('select stays()'),
        f.query('select id from open where id = 1'),
        f.extended('select stays()'),
        f.extended('select id from open'),
        f.parse('select * from open'),
        f.bind(),
        f.execute('', 10),
        f.execute('', 10),
        f.sync(),
        f.query('set search_path to public'),
        f.query('copy open to stdout'),
      );
      for (let reply = 0; reply < 5; reply++) {
        const error = firstError(await client.readUntilReady());
        if (error !== undefined) seen.add(error.C ?? '');
      }
    }
    flow.on = false;
    const sent = await flood;
    console.log(`      ${String(sent)} requests; errors seen: ${[...seen].sort().join(', ')}`);
    expect([...seen].filter((code) => code !== '57014' && code !== '42501')).to.eql([]);
    await sleep(50);
    expect(firstError(await client.query('set search_path to public'))).to.equal(undefined);
    const answer = await client.query('select id from open where id = 7');
    expect(firstError(answer)?.M).to.equal(undefined);
    expect(rows(await client.query('select id from open where id = 7'))).to.eql([['7']]);
  });

  it('10,000 with wrong keys: the others work on', async () => {
    const wrong = Buffer.from(client.key.map((byte) => byte ^ 0xff));
    let worst = 0;
    const flow = { on: true };
    const work = (async (): Promise<void> => {
      while (flow.on) {
        const before = performance.now();
        const reply = await client.query('select 1');
        expect(reply.some((message) => message.type === 'E' && errorFields(message).C !== undefined)).to.equal(false);
        worst = Math.max(worst, performance.now() - before);
      }
    })();
    for (let wave = 0; wave < 50; wave++) {
      await Promise.all(Array.from({ length: 200 }, () => cancel(scene.proxy.port, client.pid, wrong)));
    }
    flow.on = false;
    await work;
    console.log(`      a statement meanwhile took ${worst.toFixed(0)} ms at most`);
    expect(worst).to.be.below(2_000);
    await until(() => scene.proxy.gauges.connections === 1);
  });
});
