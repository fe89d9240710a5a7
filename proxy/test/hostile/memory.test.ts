import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import net from 'node:net';
import * as frontend from '#test/harness/frontend';
import { RawClient, rows } from '#test/harness/raw-client';
import { randomSource } from './random.ts';
import { Scene } from './scene.ts';

const LONG = process.env.LONG === '1';
const BAD_LOGINS = LONG ? 100_000 : 5_000;
const MIB = 1024 * 1024;

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

describe('memory', function () {
  this.timeout(LONG ? 3_600_000 : 120_000);
  let scene: Scene;

  before(async function () {
    scene = await Scene.start(this);
    await scene.arrive();
    await warmUp();
  });
  after(async () => {
    const started = scene as Scene | undefined;
    if (started === undefined) return;
    try {
      await started.settled(1);
      await started.leave(1_500);
    } finally {
      await started.stop();
    }
  });

  /** What every session needs once: parser, code, pools. */
  async function warmUp(): Promise<void> {
    let ready = 0;
    const clients = await Promise.all(Array.from({ length: 10 }, () => scene.login('boss')));
    for (const client of clients) {
      await client.query("select repeat('x', 1000) from generate_series(1, 20000)");
      for (let count = 0; count < 500; count++)
        client.send(frontend.query('select word from absent'), frontend.query('selec'));
      await client.readUntil(({ type }) => type === 'Z' && ++ready === 1_000, 30_000);
      ready = 0;
      await client.close();
    }
  }

  /** The most that the proxy held while `during` lasted, over what it held before. Both printed. */
  async function growth(what: string, during: (proceed: () => boolean) => Promise<number>): Promise<number> {
    const before = (await scene.proxy.facts({ collect: true })).rss;
    await scene.lately();
    let most = before;
    const watch = new AbortController();
    const watching = (async () => {
      while (!watch.signal.aborted) {
        most = Math.max(most, (await scene.proxy.facts()).rss);
        await sleep(100);
      }
    })();
    const until = Date.now() + 2_500;
    const sent = await during(() => Date.now() < until);
    watch.abort();
    await watching;
    const told = `RSS ${mib(before)} before, ${mib(most)} at most; ${mib(sent)} were moved; ${await scene.lately()}`;
    console.log(`      ${what}: ${told}`);
    return most - before;
  }

  it('clients that do not read a huge result', async () => {
    const grown = await growth('10 results of 2 GB, unread', async (proceed) => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => scene.login('boss')));
      for (const client of clients) {
        client.socket.pause();
        client.send(frontend.query("select repeat('x', 2000) from generate_series(1, 1000000)"));
      }
      while (proceed()) await sleep(50);
      for (const client of clients) client.destroy();
      return clients.reduce((sum, { socket }) => sum + socket.bytesRead, 0);
    });
    expect(grown).to.be.below(48 * MIB);
  });

  it('a row of 300 MB passes without being held whole', async () => {
    const grown = await growth('a row of 300 MB', async () => {
      const client = await scene.login('boss');
      const reply = await client.query("select repeat('x', 300000000)", 60_000);
      expect(rows(reply)[0]?.[0]?.length).to.equal(300_000_000);
      client.destroy();
      return client.bytesRead;
    });
    expect(grown).to.be.below(150 * MIB); // half of it: the collector is late with what has gone by
  });

  /** Sends the same bytes over and over, honouring nothing but the socket's own back pressure; reads nothing. */
  async function sendWithoutEnd(client: RawClient, bytes: () => Buffer, proceed: () => boolean): Promise<number> {
    client.socket.pause();
    let sent = 0;
    while (proceed() && !client.socket.destroyed) {
      const chunk = bytes();
      if (client.socket.write(chunk)) await sleep(0);
      else await Promise.race([new Promise((resolve) => client.socket.once('drain', resolve)), sleep(500)]);
      sent = client.socket.bytesWritten;
    }
    client.destroy();
    return sent;
  }

  const text = `select '${'x'.repeat(1_000)}'`;
  const floods: Readonly<Record<string, () => Buffer>> = {
    'Parse of the unnamed statement without end': () =>
      Buffer.concat(Array.from({ length: 50 }, () => frontend.parse(text))),
    'Query without end': () => Buffer.concat(Array.from({ length: 50 }, () => frontend.query(text))),
    'Sync without end': () => Buffer.concat(Array.from({ length: 5_000 }, frontend.sync)),
    'Flush without end': () => Buffer.concat(Array.from({ length: 5_000 }, frontend.flush)),
    'refused statements without end': () =>
      Buffer.concat(Array.from({ length: 200 }, () => frontend.query('select word from closed'))),
    'refused pipelines without Sync, without end': () =>
      Buffer.concat(Array.from({ length: 200 }, () => frontend.extended('select word from closed'))),
    'syntax errors without end': () => Buffer.concat(Array.from({ length: 200 }, () => frontend.query('selec'))),
    'CopyData that nobody asked for': () => frontend.copyData(Buffer.alloc(60_000)),
    'Close of what is not, without end': () =>
      Buffer.concat(Array.from({ length: 2_000 }, () => frontend.closeStatement('absent'))),
  };
  for (const [what, bytes] of Object.entries(floods)) {
    it(`${what}, replies unread`, async () => {
      const grown = await growth(
        what,
        async (proceed) => await sendWithoutEnd(await scene.login('app'), bytes, proceed),
      );
      expect(grown).to.be.below(48 * MIB);
    });
  }

  it('named statements and portals without end, replies read', async () => {
    const grown = await growth('named statements', async (proceed) => {
      const client = await scene.login('app');
      client.socket.resume();
      let number = 0;
      while (proceed() && !client.ended) {
        const batch = Array.from({ length: 100 }, () => frontend.parse(text, { name: `s${String(number++)}` }));
        client.send(...batch, frontend.sync());
        const last = await client.readUntilReady(20_000).catch(() => []);
        if (last.some(({ type }) => type === 'E')) break;
      }
      client.destroy();
      return client.socket.bytesWritten;
    });
    expect(grown).to.be.below(96 * MIB);
  });

  it('texts that are all different, without end', async () => {
    const grown = await growth('different texts', async (proceed) => {
      const client = await scene.login('app');
      let number = 0;
      while (proceed()) {
        client.send(
          ...Array.from({ length: 50 }, () =>
            frontend.query(`select ${String(number++)} as c${String(number)}, '${'y'.repeat(500)}'`),
          ),
        );
        await client.readUntil(({ type }) => type === 'Z', 20_000);
        for (let left = 49; left > 0; left--) await client.readUntilReady(20_000);
      }
      client.destroy();
      return client.socket.bytesWritten;
    });
    expect(grown).to.be.below(96 * MIB);
  });

  it('CopyData without end to a server that stands still', async () => {
    const client = await scene.login('boss');
    client.send(frontend.query('begin; create table pit (x text); copy pit from stdin'));
    await client.readUntil(({ type }) => type === 'G');
    const pid = await serverPid('copy pit');
    process.kill(pid, 'SIGSTOP');
    try {
      const data = frontend.copyData(`${'x'.repeat(60_000)}\n`);
      const grown = await growth('CopyData to a stopped server', (proceed) =>
        sendWithoutEnd(client, () => data, proceed),
      );
      expect(grown).to.be.below(32 * MIB);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  async function serverPid(activity: string): Promise<number> {
    const admin = await RawClient.login({ ...scene.server, database: 'scene' });
    const found = await admin.query(
      `select pid from pg_stat_activity where query like '%${activity}%' and pid <> pg_backend_pid() and datname = 'scene'`,
    );
    await admin.close();
    return Number(rows(found)[0]?.[0]);
  }

  it('a message that claims 512 MB is not waited for in memory', async () => {
    const grown = await growth('one Query of 512 MB', async (proceed) => {
      const client = await scene.login('app');
      client.send(Buffer.concat([Buffer.from('Q'), frontend.int32(512 * MIB)]));
      const chunk = Buffer.alloc(60_000, 0x20);
      return await sendWithoutEnd(client, () => chunk, proceed);
    });
    expect(grown).to.be.below(48 * MIB);
  });

  it('1,000 idle connections that never log in are gone at the deadline, their memory too', async () => {
    const before = (await scene.proxy.facts({ collect: true })).rss;
    const sockets = Array.from({ length: 1_000 }, () => {
      const socket = net.connect(scene.port(), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.on('connect', () => socket.write(Buffer.from([0, 0])));
      socket.resume();
      return socket;
    });
    const open = (): number => sockets.filter((socket) => !socket.closed).length;
    for (const deadline = Date.now() + 10_000; open() > 0 && Date.now() < deadline;) await sleep(50);
    expect(open()).to.equal(0);
    const after = (await scene.proxy.facts({ collect: true })).rss;
    console.log(`      RSS ${mib(before)} before, ${mib(after)} after 1,000 connections that never logged in`);
    expect(after - before).to.be.below(32 * MIB);
  });

  it(`bad logins: RSS after the second ${String(BAD_LOGINS)} is within 5 % of that after the first`, async () => {
    const random = randomSource(3);
    const batch = async (): Promise<number> => {
      await inParallel(BAD_LOGINS, 40, () => badLogin(scene.port(), random.below(4), random.bytes(32)));
      await sleep(500);
      let least = Number.POSITIVE_INFINITY;
      for (let look = 0; look < 5; look++) {
        least = Math.min(least, (await scene.proxy.facts({ collect: true })).rss);
        await sleep(200);
      }
      return least;
    };
    await inParallel(500, 40, () => badLogin(scene.port(), random.below(4), random.bytes(32)));
    const first = await batch();
    const second = await batch();
    console.log(
      `      RSS ${mib(first)} after the first ${String(BAD_LOGINS)} bad logins, ${mib(second)} after the second`,
    );
    expect(second).to.be.below(first * 1.05);
  });
});

/** Of four kinds: a wrong proof, an unknown user, garbage, gone halfway. */
async function badLogin(port: number, kind: number, proof: Buffer): Promise<void> {
  const client = await RawClient.connect({ port });
  try {
    if (kind === 2) client.send(frontend.packet(proof));
    else client.send(frontend.startup({ user: kind === 1 ? `nobody-${proof.toString('hex')}` : 'app' }));
    if (kind < 2) await wrongProof(client, proof);
    if (kind !== 3) await client.readToEnd(10_000);
  } finally {
    client.destroy();
  }
}

async function wrongProof(client: RawClient, proof: Buffer): Promise<void> {
  await client.readMessage();
  const first = Buffer.from(`n,,n=,r=${proof.toString('hex')}`);
  client.send(
    frontend.passwordMessage(Buffer.concat([frontend.cstring('SCRAM-SHA-256'), frontend.int32(first.length), first])),
  );
  const nonce = /r=([^,]+)/.exec((await client.readMessage()).body.toString())?.[1] ?? '';
  client.send(frontend.passwordMessage(Buffer.from(`c=biws,r=${nonce},p=${proof.toString('base64')}`)));
}

async function inParallel(count: number, width: number, run: () => Promise<void>): Promise<void> {
  let left = count;
  const work = async (): Promise<void> => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: width }, work));
}
