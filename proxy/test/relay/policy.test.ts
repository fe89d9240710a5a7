import { expect } from 'chai';
import * as f from '#test/harness/frontend';
import {
  errorFields,
  firstError,
  rows,
  tags,
  types,
  type Message,
  type RawClient,
  type ServerError,
} from '#test/harness/raw-client';
import type { TestUser } from '#test/harness/snapshot';
import { makeScene, OWNER, READER, until, type Scene } from './scene.ts';

const fatal = (messages: readonly Message[]): Record<string, string> =>
  errorFields(messages.at(-1) ?? { type: '', body: Buffer.alloc(0) });

const MAY_NOTHING: TestUser = { ...READER, rules: [{ tables: ['nothing'], actions: ['select'] }] };

for (const major of [15, 18] as const) {
  describe(`policy that moves while sessions are open, PostgreSQL ${String(major)}`, () => {
    let scene: Scene;
    let client: RawClient;

    before(async function () {
      scene = await makeScene(this, { major });
    });
    after(() => (scene as Scene | undefined)?.stop());
    beforeEach(async () => {
      scene.reset();
      client = await scene.login();
    });
    afterEach(async () => {
      client.destroy();
      const direct = await scene.direct();
      await direct.query('truncate notes');
      await direct.close();
    });

    it('is felt by the next execution, of prepared statements and open portals too', async () => {
      client.send(f.parse('select id from open', { name: 's' }), f.sync());
      await client.readUntilReady();
      await client.query('begin; declare c cursor for select id from open');
      client.send(f.bind({ statement: 's', portal: 'p' }), f.execute('p', 1), f.sync());
      expect(types(await client.readUntilReady())).to.equal('2DsZ');
      await client.query('savepoint a');
      scene.proxy.apply(scene.snapshot([MAY_NOTHING, OWNER]));
      for (const message of [f.execute('p', 1), f.extended('fetch 1 from c'), f.bind({ statement: 's' })]) {
        client.send(message, f.sync());
        expect(firstError(await client.readUntilReady())?.C).to.equal('42501');
        await client.query('rollback to a');
      }
      expect(firstError(await client.query('fetch 1 from c'))?.C).to.equal('42501');
      await client.query('rollback to a');
      scene.reset();
      client.send(f.execute('p', 1), f.sync());
      expect(types(await client.readUntilReady())).to.equal('DsZ');
      expect(tags(await client.query('fetch 2 from c; commit'))).to.eql(['FETCH 2', 'COMMIT']);
    });

    it('ends a COPY from the client, in the words of the refusal', async () => {
      for (const start of [
        f.query('copy notes from stdin'),
        Buffer.concat([f.extended('copy notes from stdin'), f.sync()]),
      ]) {
        scene.reset();
        client.send(start);
        await client.readUntil(({ type }) => type === 'G');
        client.send(f.copyData('1\ta\n'));
        scene.proxy.apply(scene.snapshot([MAY_NOTHING, OWNER]));
        const error = errorFields((await client.readUntil(({ type }) => type === 'E')).at(-1)!);
        expect(error.C).to.equal('42501');
        client.send(f.copyData('2\tb\n'), f.copyDone());
        if (start[0] !== 0x51) client.send(f.sync());
        await client.readUntilReady();
        expect(rows(await client.query('select 1'))).to.eql([['1']]);
      }
      const direct = await scene.direct();
      expect(rows(await direct.query('select count(*) from notes'))).to.eql([['0']]);
      await direct.close();
    });

    it('ends what gives rows, even to a client that does not read, and nothing of what is still allowed', async () => {
      client.send(f.query('select repeat(a.text, 20000) from open a, open b, open c'));
      await client.readUntil(({ type }) => type === 'D');
      client.socket.pause();
      await new Promise((resolve) => setTimeout(resolve, 300));
      const owner = await scene.login('owner');
      owner.send(f.query('select pg_sleep(0.8), 5'));
      scene.proxy.apply(scene.snapshot([MAY_NOTHING, OWNER]));
      await until(async () => {
        const direct = await scene.direct();
        const running = rows(
          await direct.query(
            "select count(*) from pg_stat_activity where state = 'active' and query like '%open a, open b%' and pid <> pg_backend_pid()",
          ),
        );
        await direct.close();
        return running[0]?.[0] === '0';
      });
      client.socket.resume();
      const last = (await client.readUntilReady()).filter(({ type }) => type === 'E');
      expect(last.map((message) => errorFields(message).C)).to.eql(['42501']);
      expect(rows(await client.query('select 1'))).to.eql([['1']]);
      expect(rows(await owner.readUntilReady()).map((row) => row[1])).to.eql(['5']);
      await owner.close();
    });

    it('ends what was sent behind another statement, when its turn comes', async () => {
      const direct = await scene.direct();
      await direct.query('begin; lock table open');
      client.send(f.query('select 1'), f.query('select 2 from open limit 1'), f.query('select 3'));
      await client.readUntilReady();
      scene.proxy.apply(scene.snapshot([MAY_NOTHING, OWNER]));
      expect(firstError(await client.readUntilReady())?.C).to.equal('42501');
      expect(rows(await client.readUntilReady())).to.eql([['3']]);
      await direct.query('rollback');
      await direct.close();
    });

    it('closes the sessions of users who are disabled, removed, or whose time is up', async () => {
      const ends: readonly (readonly [readonly TestUser[], RegExp])[] = [
        [[{ ...READER, enabled: false }, OWNER], /disabled/],
        [[OWNER], /removed/],
        [[{ ...READER, expiresAt: Date.now() - 1 }, OWNER], /expired/],
      ];
      for (const [users, reason] of ends) {
        scene.reset();
        const victim = await scene.login();
        victim.send(f.query('select repeat(a.text, 20000) from open a, open b, open c'));
        await victim.readUntil(({ type }) => type === 'D');
        scene.proxy.apply(scene.snapshot(users));
        const last = fatal(await victim.readToEnd());
        expect(last).to.include({ S: 'FATAL', C: '57P01' });
        expect(last.M).to.match(reason);
      }
      await until(() => scene.proxy.gauges.links <= 1);
    });

    it('ends by itself when a rule or a user expires', async () => {
      const soon = Date.now() + 600;
      scene.proxy.apply(
        scene.snapshot([{ ...READER, rules: [{ tables: ['open'], actions: ['select'], expiresAt: soon }] }, OWNER]),
      );
      client.send(f.query('select repeat(a.text, 20000) from open a, open b, open c'));
      const reply = (await client.readUntilReady()).filter(({ type }) => type === 'E');
      expect(reply.map((message) => errorFields(message).C)).to.eql(['42501']);
      expect(Date.now()).to.be.at.least(soon);
      expect(firstError(await client.query('select 1 from open'))?.C).to.equal('42501');
      scene.proxy.apply(scene.snapshot([{ ...READER, expiresAt: Date.now() + 500 }, OWNER]));
      expect(fatal(await client.readToEnd()).M).to.match(/expired/);
      const again = await scene.login().catch((error: unknown) => error as ServerError);
      expect((again as ServerError).code).to.equal('28P01');
    });

    it('a backend that goes away takes its sessions with it', async () => {
      scene.proxy.apply({ format: 1, scope: 'test', backends: [] });
      expect(fatal(await client.readToEnd()).M).to.match(/backend has been removed/);
    });
  });
}

describe('limits and the end', () => {
  let scene: Scene;

  afterEach(() => (scene as Scene | undefined)?.stop());

  const refusedLogin = async (user = 'reader'): Promise<string> => {
    const outcome = await scene.login(user).catch((error: unknown) => error as ServerError);
    return (outcome as ServerError).code;
  };

  it('connections in all and per user', async function () {
    scene = await makeScene(this, { limits: { connections: 4 } });
    scene.proxy.apply(scene.snapshot([{ ...READER, limits: { connections: 2 } }, OWNER]));
    const first = await scene.login();
    const second = await scene.login();
    expect(await refusedLogin()).to.equal('53300');
    await first.close();
    await until(() => scene.proxy.gauges.connections === 1);
    const third = await scene.login();
    const owners = [await scene.login('owner'), await scene.login('owner')];
    expect(await refusedLogin('owner')).to.equal('53300');
    for (const client of [second, third, ...owners]) await client.close();
  });

  it('statements per second with a burst, by substitution', async function () {
    scene = await makeScene(this);
    const limits = { statementsPerSecond: 2, burst: 5 };
    scene.proxy.apply(scene.snapshot([{ ...READER, limits }, OWNER]));
    const client = await scene.login();
    const codes: (string | undefined)[] = [];
    for (let count = 0; count < 7; count++) codes.push(firstError(await client.query('select 1'))?.C);
    expect(codes.slice(0, 5)).to.eql(Array(5).fill(undefined));
    expect(codes.at(-1)).to.equal('53400');
    client.send(f.extended('select 1'), f.extended('select 2'), f.sync());
    expect(firstError(await client.readUntilReady())?.C).to.equal('53400');
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(rows(await client.query('select 1'))).to.eql([['1']]);
    await client.close();
  });

  it('statement timeout in PostgreSQL’s words, idle timeout, each to its session alone', async function () {
    scene = await makeScene(this, { backend: { timeouts: { statement: 400, idle: 1500 } } });
    const owner = await scene.login('owner');
    const reply = await owner.query('select pg_sleep(10)');
    expect(firstError(reply)).to.include({ C: '57014', M: 'canceling statement due to statement timeout' });
    expect(rows(await owner.query('select 1'))).to.eql([['1']]);
    owner.send(f.extended('select pg_sleep(10)'), f.extended('select 2'), f.sync());
    expect(firstError(await owner.readUntilReady())?.C).to.equal('57014');
    for (let count = 0; count < 6; count++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(rows(await owner.query('select pg_sleep(0.1), 3')).length).to.equal(1);
    }
    const start = Date.now();
    const last = fatal(await owner.readToEnd());
    expect(last).to.include({ S: 'FATAL', C: '57P05' });
    expect(Date.now() - start).to.be.above(1_000);
  });

  it('a database that no rule names, one that is not there, a search path that is not allowed', async function () {
    scene = await makeScene(this);
    const { RawClient } = await import('#test/harness/raw-client');
    const attempt = async (user: string, database: string, parameters = {}): Promise<string> => {
      const options = { port: scene.proxy.port, user, password: user[0] ?? '', database, parameters };
      const outcome = await RawClient.login(options).catch((error: unknown) => error as ServerError);
      if (outcome instanceof RawClient) await outcome.close();
      return outcome instanceof RawClient ? 'in' : outcome.code;
    };
    expect(await attempt('reader', 'template1')).to.equal('42501');
    expect(await attempt('owner', 'nowhere')).to.equal('3D000');
    expect(await attempt('reader', 'articdbm')).to.equal('in');
    expect(await attempt('reader', 'postgres', { search_path: 'other' })).to.equal('42501');
    expect(await attempt('owner', 'postgres', { search_path: 'other, public' })).to.equal('in');
  });

  it('no policy at all', async function () {
    scene = await makeScene(this);
    scene.proxy.apply({ format: 1, scope: 'test', backends: [] });
    expect(['57P03', '28P01']).to.include(await refusedLogin());
  });

  it('a drain lets what is in flight end, and no longer than it is given', async function () {
    scene = await makeScene(this);
    const [idle, short, long] = [await scene.login(), await scene.login('owner'), await scene.login('owner')];
    short.send(f.query('select pg_sleep(0.3), 9'));
    long.send(f.query('select pg_sleep(30)'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stopped = scene.proxy.drain(1_000);
    expect(fatal(await idle.readToEnd()).C).to.equal('57P01');
    const end = await short.readToEnd();
    expect(rows(end).map((row) => row[1])).to.eql(['9']);
    expect(fatal(end).C).to.equal('57P01');
    expect(fatal(await long.readToEnd()).C).to.equal('57P01');
    await stopped;
  });

  it('records logins, statements and denials, and no constant', async function () {
    scene = await makeScene(this, { backend: { audit: 'statements' } });
    const client = await scene.login('reader', { application_name: 'suite\nx' });
    await client.query("select id from open where text = 'topsecret'");
    await client.query("select * from closed where secret = 'topsecret'");
    await client.close();
    await until(() => scene.proxy.events.some(({ kind }) => kind === 'logout'));
    const events = scene.proxy.events;
    expect(events.map(({ kind, outcome }) => `${kind} ${outcome}`)).to.eql([
      'login ok',
      'statement ok',
      'denial refused',
      'logout ok',
    ]);
    expect(events[1]).to.deep.include({
      tag: 'SELECT',
      actions: ['select'],
      objects: ['public.open'],
      user: 'test/reader',
    });
    expect(events[2]).to.deep.include({ reason: 'permission', objects: ['public.closed'] });
    expect(events[0]?.application).to.equal('suite?x');
    expect(JSON.stringify(events)).not.to.contain('topsecret');
  });
});
