import { expect } from 'chai';
import * as f from '#test/harness/frontend';
import { errorFields, firstError, rows, tags, types, type RawClient } from '#test/harness/raw-client';
import { makeScene, until, type Scene } from './scene.ts';

describe('what flows through', () => {
  let scene: Scene;
  let client: RawClient;

  before(async function () {
    scene = await makeScene(this);
  });
  after(() => (scene as Scene | undefined)?.stop());
  beforeEach(async () => {
    client = await scene.login();
  });
  afterEach(async () => {
    await client.close();
    const direct = await scene.direct();
    await direct.query('truncate notes');
    await direct.close();
  });

  describe('COPY', () => {
    it('takes data, with Syncs before and within it that the server swallows', async () => {
      client.send(f.extended('copy notes from stdin'), f.sync());
      expect(types(await client.readUntil(({ type }) => type === 'G'))).to.equal('12nG');
      client.send(f.copyData('1\ta\n'), f.sync(), f.copyData('2\tb\n'), f.flush(), f.copyDone(), f.sync());
      const reply = await client.readUntilReady();
      expect(types(reply)).to.equal('CZ');
      expect(tags(reply)).to.eql(['COPY 2']);
      expect(rows(await client.query('select count(*) from notes'))).to.eql([['2']]);
    });

    it('takes data that was sent before the server asked for it', async () => {
      client.send(f.query('copy notes from stdin'), f.copyData('1\ta\n'), f.copyDone(), f.query('select 7'));
      expect(types(await client.readUntilReady())).to.equal('GCZ');
      expect(rows(await client.readUntilReady())).to.eql([['7']]);
    });

    it('is refused before any data, which is then ignored', async () => {
      client.send(f.query('copy closed from stdin'), f.copyData('1\ta\n'), f.copyDone());
      const reply = await client.readUntilReady();
      expect(types(reply)).to.equal('EZ');
      expect(firstError(reply)?.C).to.equal('42501');
      client.send(f.extended('copy closed from stdin'), f.sync(), f.copyData('1\n'), f.copyDone(), f.sync());
      expect(types(await client.readUntilReady())).to.equal('12nEZ');
      expect(types(await client.readUntilReady())).to.equal('Z');
      expect(rows(await client.query('select 1'))).to.eql([['1']]);
    });

    it('that fails in the midst leaves every Sync with its answer', async () => {
      client.send(f.extended('copy notes from stdin'), f.flush());
      await client.readUntil(({ type }) => type === 'G');
      client.send(f.copyData('not a number\n'), f.copyDone(), f.sync(), f.query('select 8'));
      const failed = await client.readUntilReady();
      expect(types(failed)).to.equal('EZ');
      expect(firstError(failed)?.C).to.equal('22P02');
      expect(rows(await client.readUntilReady())).to.eql([['8']]);
    });

    it('that the client itself lets fail ends in the client’s words', async () => {
      client.send(f.query('copy notes from stdin'), f.copyFail('changed my mind'));
      const reply = await client.readUntilReady();
      expect(types(reply)).to.equal('GEZ');
      expect(firstError(reply)?.M).to.contain('changed my mind');
    });

    it('twice in one text', async () => {
      client.send(
        f.query('copy notes from stdin; copy notes from stdin; select 3'),
        f.copyData('1\ta\n'),
        f.copyDone(),
        f.copyData('2\tb\n'),
        f.copyDone(),
      );
      expect(types(await client.readUntilReady())).to.equal('GCGCTDCZ');
    });

    it('gives data', async () => {
      const reply = await client.query('copy (select id from open order by id limit 3) to stdout');
      expect(types(reply)).to.equal('HdddcCZ');
    });

    it('with another message within ends that connection alone', async () => {
      const other = await scene.login();
      client.send(f.query('copy notes from stdin'));
      await client.readUntil(({ type }) => type === 'G');
      client.send(f.query('select 1'));
      const last = await client.readToEnd();
      expect(errorFields(last.at(-1) ?? { type: '', body: Buffer.alloc(0) })).to.include({ S: 'FATAL', C: '08P01' });
      expect(rows(await other.query('select 1'))).to.eql([['1']]);
      await other.close();
      client = await scene.login();
    });
  });

  it('large parameters, large rows, and texts beyond the limit, which skip nothing behind them', async function () {
    this.timeout(30_000);
    const big = 'x'.repeat(6_000_000);
    client.send(f.extended('select length($1), $1', [big]), f.sync());
    const [[length, back] = []] = rows(await client.readUntilReady());
    expect([length, back?.length]).to.eql(['6000000', 6_000_000]);
    client.send(f.query(`select '${big}'`), f.query('select 1'));
    const refused = await client.readUntilReady();
    expect(types(refused)).to.equal('EZ');
    expect(firstError(refused)?.C).to.equal('54001');
    expect(rows(await client.readUntilReady())).to.eql([['1']]);
    client.send(f.extended(`select '${big}'`), f.sync(), f.query('select 2'));
    expect(firstError(await client.readUntilReady())?.C).to.equal('54001');
    expect(rows(await client.readUntilReady())).to.eql([['2']]);
    const text = `select 1 /* ${'x'.repeat(3_000_000)} */`;
    expect(rows(await client.query(text))).to.eql([['1']]);
  });

  it('a refused Bind with a large parameter, whose body is skipped', async () => {
    client.send(
      f.extended('select * from closed where secret = $1', ['y'.repeat(500_000)]),
      f.sync(),
      f.query('select 4'),
    );
    expect(firstError(await client.readUntilReady())?.C).to.equal('42501');
    expect(rows(await client.readUntilReady())).to.eql([['4']]);
  });

  it('all of it byte by byte', async function () {
    this.timeout(20_000);
    const bytes = Buffer.concat([
      f.extended('select text from open where id = $1', ['5']),
      f.extended('select * from closed'),
      f.sync(),
      f.query('copy notes from stdin'),
      f.copyData('1\ta\n'),
      f.copyDone(),
      f.query('select count(*) from notes'),
    ]);
    for (const byte of bytes) {
      client.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(types(await client.readUntilReady())).to.equal('12TDC1EZ');
    expect(types(await client.readUntilReady())).to.equal('GCZ');
    expect(rows(await client.readUntilReady())).to.eql([['1']]);
  });

  it('thousands of messages in one packet, answered in order', async function () {
    this.timeout(30_000);
    const count = 20_000;
    const one = Buffer.concat([f.bind({ statement: 's' }), f.execute()]);
    client.send(f.parse('select id from open where id = 1', { name: 's' }), f.sync());
    await client.readUntilReady();
    client.send(...Array.from({ length: count }, () => one), f.sync());
    const reply = await client.readUntilReady(25_000);
    expect(reply.length).to.equal(3 * count + 1);
  });

  it('a client that does not read stops the server, and the proxy keeps nothing', async function () {
    this.timeout(30_000);
    client.socket.pause();
    client.send(f.query("select repeat('z', 1000) from open a, open b"));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = process.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(process.memoryUsage().rss - before).to.be.below(20 * 1024 * 1024);
    client.destroy();
    await until(async () => {
      const direct = await scene.direct();
      const active = rows(
        await direct.query(
          "select count(*) from pg_stat_activity where query like '%repeat%' and pid <> pg_backend_pid()",
        ),
      );
      await direct.close();
      return active[0]?.[0] === '0';
    }, 10_000);
    client = await scene.login();
  });

  it('a client that only sends is not read without end', async function () {
    this.timeout(30_000);
    client.socket.pause();
    const direct = await scene.direct();
    await direct.query('begin; lock table notes');
    const packet = Buffer.concat(Array.from({ length: 1000 }, () => f.query('select count(*) from notes')));
    let written = 0;
    const full = (): boolean => client.socket.writableLength > 0;
    for (let round = 0; round < 3_000 && !full(); round++) {
      client.socket.write(packet);
      written += packet.length;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(full(), 'the proxy has stopped reading').to.equal(true);
    expect(written).to.be.below(64 * 1024 * 1024);
    await direct.query('rollback');
    await direct.close();
    client.destroy();
    client = await scene.login();
  });

  it('cancel requests, to the statement of the session that they name and no other', async () => {
    const other = await scene.login('owner');
    const owner = await scene.login('owner');
    owner.send(f.query('select pg_sleep(20)'));
    other.send(f.query('select pg_sleep(1), 11'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await cancel(scene, owner.pid, Buffer.alloc(4, 1));
    await cancel(scene, owner.pid, owner.key);
    const error = firstError(await owner.readUntilReady(5_000));
    expect(error?.C).to.equal('57014');
    expect(error?.M).to.equal('canceling statement due to user request');
    expect(rows(await other.readUntilReady()).map(([, eleven]) => eleven)).to.eql(['11']);
    await owner.close();
    await other.close();
  });

  it('keys of 32 bytes to clients of 3.2', async () => {
    const { RawClient } = await import('#test/harness/raw-client');
    const modern = await RawClient.login({
      port: scene.proxy.port,
      user: 'reader',
      password: 'r',
      database: 'articdbm',
      version: f.PROTOCOL_3_2,
    });
    expect(modern.key.length).to.equal(32);
    expect(client.key.length).to.equal(4);
    expect(rows(await modern.query('select current_database()'))).to.eql([['postgres']]);
    await modern.close();
  });

  it('the last words of a server that ends, and then the end', async () => {
    const owner = await scene.login('owner');
    const direct = await scene.direct();
    const [[pid] = []] = rows(await owner.query('select pg_backend_pid()'));
    await direct.query(`select pg_terminate_backend(${String(pid)})`);
    const last = await owner.readToEnd();
    expect(errorFields(last.at(-1) ?? { type: '', body: Buffer.alloc(0) })).to.include({ S: 'FATAL', C: '57P01' });
    await direct.close();
  });

  it('the replies of a client that has said all and closed its half', async () => {
    client.send(f.query('select 1'), f.query('select 2'));
    client.socket.end();
    const all = await client.readToEnd();
    expect(types(all)).to.equal('TDCZTDCZ');
    client = await scene.login();
  });

  it('the search path: its set grows, and what a function did to it is asked', async () => {
    expect(firstError(await client.query('set search_path = other'))?.C).to.equal('42501');
    expect(rows(await client.query('select moves_path()'))).to.eql([['1']]);
    expect(firstError(await client.query('select * from open'))?.C).to.equal('42501');
    client.send(f.extended('select stays()'), f.extended('select text from public.open where id = 1'), f.sync());
    expect(rows(await client.readUntilReady())).to.eql([['1'], ['row 1']]);
    client.send(f.extended('select * from open'), f.sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('42501');
  });

  it('a function that leaves the path alone costs nothing but a question', async () => {
    client.send(f.extended('select stays()'), f.extended('select text from open where id = 1'), f.sync());
    const reply = await client.readUntilReady();
    expect(types(reply)).to.equal('12TDC12TDCZ');
    expect(types(await client.query('select stays(); select text from open where id = 2'))).to.match(/^TDC(TDC|E)Z$/);
    expect(rows(await client.query('select text from open where id = 3'))).to.eql([['row 3']]);
  });
});

async function cancel(scene: Scene, pid: number, key: Buffer): Promise<void> {
  const { RawClient } = await import('#test/harness/raw-client');
  const messenger = await RawClient.connect({ port: scene.proxy.port });
  messenger.send(f.cancelRequest(pid, key));
  expect(await messenger.readToEnd()).to.eql([]);
  messenger.destroy();
}
