import { expect } from 'chai';
import { firstError, rows } from '#test/harness/raw-client';
import { makeScene, until, type Scene } from './scene.ts';

describe('names that come to exist outside pg_catalog', () => {
  let scene: Scene;

  before(async function () {
    scene = await makeScene(this);
  });
  after(() => (scene as Scene | undefined)?.stop());

  it('are known from the first statement on, and soon after somebody makes them through the proxy', async function () {
    this.timeout(10_000);
    const reader = await scene.login();
    expect(rows(await reader.query("select lower('ABC'::text)"))).to.eql([['abc']]);
    const owner = await scene.login('owner');
    await owner.query("create function public.lower(varchar) returns text language sql as $$ select 'theirs' $$");
    await until(async () => firstError(await reader.query("select lower('ABC'::text)"))?.C === '42501');
    expect(rows(await reader.query("select pg_catalog.lower('ABC')"))).to.eql([['abc']]);
    await owner.query("create function sneaky(text) returns int language sql as 'select 1'");
    await owner.query('create cast (text as int) with function sneaky(text) as implicit');
    await until(async () => firstError(await reader.query('select text from open where id = 1'))?.C === '42501');
    await owner.query('drop cast (text as int); drop function sneaky(text); drop function public.lower(varchar)');
    await until(async () => firstError(await reader.query("select lower('ABC')")) === undefined);
    await reader.close();
    await owner.close();
  });

  it('are judged by the strict rule when they can not be read', async () => {
    const direct = await scene.direct();
    await direct.query("create role weak login password 'w'; revoke connect on database postgres from public");
    await direct.query('grant connect on database postgres to weak');
    await direct.query('revoke select on pg_catalog.pg_proc from public');
    const { startTestProxy } = await import('#test/harness/proxy');
    const { RawClient } = await import('#test/harness/raw-client');
    const { testSnapshot } = await import('#test/harness/snapshot');
    const users = [{ name: 'weak', password: 'x', rules: [{ tables: ['open'], actions: ['select' as const] }] }];
    await direct.query('grant select on open to weak');
    const proxy = await startTestProxy({
      snapshot: testSnapshot({ host: scene.server.host, port: scene.server.port, users }),
      login: { username: 'weak', password: 'w' },
    });
    const client = await RawClient.login({ port: proxy.port, user: 'weak', password: 'x', database: 'postgres' });
    expect(proxy.troubles.map(({ what }) => what)).to.include('catalog');
    expect(firstError(await client.query("select lower('A')"))?.C).to.equal('42501');
    expect(rows(await client.query("select pg_catalog.lower('A')"))).to.eql([['a']]);
    await client.close();
    await proxy.stop();
    await direct.query('grant select on pg_catalog.pg_proc to public');
    await direct.close();
  });
});
