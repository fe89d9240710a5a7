import { expect } from 'chai';
import * as f from '#test/harness/frontend';
import { errorFields, firstError, rows, tags, types, type Message, type RawClient } from '#test/harness/raw-client';
import { makeScene, type Scene } from './scene.ts';

const status = (messages: readonly Message[]): string => messages.at(-1)?.body.toString() ?? '';

describe('refusing by substitution', () => {
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
    await client.query('rollback');
    await client.query('delete from notes');
    await client.close();
  });

  it('says what is missing, and leaves the session usable', async () => {
    const error = firstError(await client.query('select * from closed'));
    expect(error?.C).to.equal('42501');
    expect(error?.S).to.equal('ERROR');
    expect(error?.M).to.contain('closed');
    expect(error?.H).to.contain('DbPermission');
    expect(rows(await client.query('select text from open where id = 7'))).to.eql([['row 7']]);
  });

  it('calls too deep what is too deep to be judged, as what is too deep to be parsed', async () => {
    expect(rows(await client.query(`select ${'1+'.repeat(970)}1`))).to.eql([['971']]);
    expect(firstError(await client.query(`select ${'1+'.repeat(1_100)}1`))).to.include({
      C: '54001',
      M: 'the statement is nested too deeply',
    });
    expect(firstError(await client.query(`select ${'('.repeat(6_000)}1${')'.repeat(6_000)}`))?.C).to.equal('54001');
  });

  it('runs what precedes the refused statement of a text, and undoes it as one transaction', async () => {
    const reply = await client.query(
      "insert into notes values (1, 'a'); select id from notes; select * from closed; insert into notes values (2, 'b')",
    );
    expect(types(reply)).to.equal('CTDCEZ');
    expect(firstError(reply)?.C).to.equal('42501');
    expect(rows(await client.query('select count(*) from notes'))).to.eql([['0']]);
  });

  it('keeps what was committed before the refused statement of a text', async () => {
    const reply = await client.query("begin; insert into notes values (3, 'c'); commit; select * from closed");
    expect(types(reply)).to.equal('CCCEZ');
    expect(rows(await client.query('select id from notes'))).to.eql([['3']]);
  });

  it('fails a transaction, from which a savepoint saves', async () => {
    await client.query("begin; insert into notes values (1, 'kept')");
    await client.query('savepoint s');
    expect(status(await client.query('select * from closed'))).to.equal('E');
    expect(firstError(await client.query('select * from closed'))?.C).to.equal('25P02');
    expect(status(await client.query('rollback to s'))).to.equal('T');
    expect(status(await client.query('commit'))).to.equal('I');
    expect(rows(await client.query('select text from notes'))).to.eql([['kept']]);
  });

  it('skips the rest of a pipeline up to its Sync, and nothing of the next', async () => {
    client.send(
      f.extended('select text from open where id = $1', ['1']),
      f.extended('select * from closed'),
      f.extended('select text from open where id = $1', ['2']),
      f.query('select 1'),
      f.sync(),
      f.extended('select text from open where id = $1', ['3']),
      f.sync(),
    );
    const first = await client.readUntilReady();
    expect(types(first)).to.equal('12TDC1EZ');
    expect(rows(first)).to.eql([['row 1']]);
    const second = await client.readUntilReady();
    expect(rows(second)).to.eql([['row 3']]);
  });

  it('keeps a prepared statement that was refused', async () => {
    client.send(f.parse('select * from closed', { name: 's' }), f.describeStatement('s'), f.sync());
    expect(types(await client.readUntilReady())).to.equal('1tTZ');
    for (let round = 0; round < 2; round++) {
      client.send(f.bind({ statement: 's' }), f.execute(), f.sync());
      const reply = await client.readUntilReady();
      expect(types(reply)).to.equal('EZ');
      expect(firstError(reply)?.C).to.equal('42501');
    }
    client.send(f.closeStatement('s'), f.bind({ statement: 's' }), f.sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('26000');
  });

  it('judges INSERT when it is executed, not when it is bound', async () => {
    client.send(f.parse('insert into closed values (9, $1)'), f.bind({ values: ['x'] }), f.execute(), f.sync());
    expect(types(await client.readUntilReady())).to.equal('12EZ');
  });

  it('judges PREPARE at EXECUTE, in one text and in several', async () => {
    expect(types(await client.query('prepare p as select * from closed; execute p'))).to.equal('CEZ');
    expect(firstError(await client.query('execute p'))?.C).to.equal('42501');
    client.send(f.extended('execute p'), f.sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('42501');
    client.send(f.bind({ statement: 'p' }), f.execute(), f.sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('42501');
    expect(types(await client.query('deallocate p; prepare p as select 1; execute p'))).to.equal('CCTDCZ');
  });

  it('keys names by their first 63 bytes', async () => {
    const long = 'n'.repeat(63);
    client.send(f.parse('select * from closed', { name: `${long}tail` }), f.sync());
    await client.readUntilReady();
    expect(firstError(await client.query(`execute ${long}`))?.C).to.equal('42501');
    client.send(f.bind({ statement: `${long}other` }), f.execute(), f.sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('42501');
  });

  it('refuses cursors at DECLARE, and reads those that are allowed by Execute and FETCH', async () => {
    await client.query('begin');
    expect(firstError(await client.query('declare c cursor for select * from closed'))?.C).to.equal('42501');
    await client.query('rollback');
    await client.query('begin; declare c cursor for select id from open order by id');
    expect(rows(await client.query('fetch 2 from c'))).to.eql([['1'], ['2']]);
    client.send(f.execute('c', 1), f.sync());
    const reply = await client.readUntilReady();
    expect(types(reply)).to.equal('DsZ');
  });

  it('passes what no name stands for to the server', async () => {
    client.send(f.bind({ statement: 'nobody' }), f.sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('26000');
    client.send(f.execute('nobody'), f.sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('34000');
  });

  it('refuses FunctionCall, leaving the next message alone', async () => {
    client.send(f.functionCall(1397, ['-7']), f.query('select 5'));
    const refused = await client.readUntilReady();
    expect(types(refused)).to.equal('EZ');
    expect(firstError(refused)?.C).to.equal('42501');
    expect(rows(await client.readUntilReady())).to.eql([['5']]);
  });

  it('lets who may do everything call functions by FunctionCall', async () => {
    const owner = await scene.login('owner');
    owner.send(f.functionCall(1397, ['-7']));
    const reply = await owner.readUntilReady();
    expect(types(reply)).to.equal('VZ');
    await owner.close();
  });

  it('refuses what is no SQL as the parser says it, with its position', async () => {
    const error = firstError(await client.query("select 'ä', id from open wher id = 1"));
    expect(error?.C).to.equal('42601');
    const direct = await scene.direct();
    const native = firstError(await direct.query("select 'ä', id from open wher id = 1"));
    await direct.close();
    expect([error?.M, error?.P]).to.eql([native?.M, native?.P]);
    client.send(f.parse('selec'), f.bind(), f.execute(), f.sync());
    expect(types(await client.readUntilReady())).to.equal('EZ');
  });

  it('keeps the unnamed statement over a refused Query no longer than the server does', async () => {
    client.send(f.parse('select text from open where id = 1'), f.sync());
    await client.readUntilReady();
    await client.query('select * from closed');
    client.send(f.bind(), f.execute(), f.sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('26000');
  });

  it('tells a row to nobody who may not read it', async () => {
    const failing = "insert into notes values (1, 'x'); insert into notes values (1, 'y')";
    expect(firstError(await client.query(failing))?.D).to.contain('already exists');
    const direct = await scene.direct();
    await direct.query('create table audited (id int primary key, secret text not null default null)');
    await direct.close();
    scene.proxy.apply(
      scene.snapshot([
        { name: 'reader', password: 'r', rules: [{ tables: ['audited'], columns: ['id'], actions: ['insert'] }] },
      ]),
    );
    const error = firstError(await client.query('insert into audited (id) values (1)'));
    expect(error?.C).to.equal('23502');
    expect(error?.D).to.equal(undefined);
    scene.reset();
  });

  it('answers an empty text, and several messages in one packet, in order', async () => {
    client.send(f.query(''), f.query('select 1'), f.query('select * from closed'), f.query('select 2'));
    expect(types(await client.readUntilReady())).to.equal('IZ');
    expect(rows(await client.readUntilReady())).to.eql([['1']]);
    expect(types(await client.readUntilReady())).to.equal('EZ');
    expect(rows(await client.readUntilReady())).to.eql([['2']]);
  });

  it('never shows what stood in for the refused', async () => {
    const reply = [
      ...(await client.query('select * from closed')),
      ...(await client.query('begin; select * from closed')),
      ...(await client.query('rollback')),
    ];
    for (const message of reply.filter(({ type }) => type === 'E')) {
      expect(JSON.stringify(errorFields(message))).not.to.match(/articdbm_|does not exist/);
    }
    expect(tags(reply)).to.eql(['BEGIN', 'ROLLBACK']);
  });
});
