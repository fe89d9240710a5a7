import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import * as f from '#test/harness/frontend';
import { firstError, rows } from '#test/harness/raw-client';
import { makeScene, OWNER, until, type Scene } from './scene.ts';

/** What psql asks for \d and \d NAME; OIDs in it lead nowhere here. */
const PSQL_D = (
  JSON.parse(
    readFileSync(new URL('../applications/recorded/psql.json', import.meta.url), 'utf8'),
  ) as readonly Recorded[]
)
  .filter(({ origin }) => origin === 'psql \\d' || origin === 'psql \\d customers')
  .map(({ sql }) => sql);

interface Recorded {
  readonly origin: string;
  readonly sql: string;
}

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

  it('do not count casts of extensions that only a superuser can make, as citext’s', async () => {
    const direct = await scene.direct();
    expect(firstError(await direct.query('create schema ext; create extension citext schema ext'))).to.equal(undefined);
    const reader = await scene.login('reader');
    const owner = await scene.login('owner');
    await owner.query("create function public.upper(int) returns text language sql as $$ select 'seen' $$");
    await until(async () => firstError(await reader.query("select upper('names were read again')"))?.C === '42501');
    expect(rows(await reader.query('select 1'))).to.eql([['1']]);
    expect(rows(await reader.query('select text from open where id = 1'))).to.eql([['row 1']]);
    expect(PSQL_D).to.have.length(13);
    for (const statement of PSQL_D) expect(firstError(await reader.query(statement)), statement).to.equal(undefined);
    await reader.close();
    await owner.close();
    await direct.query('drop schema ext cascade; drop function public.upper(int)');
    await direct.close();
  });

  it('are types of parameters that a client gives by OID: usage of each is asked for, of arrays that of their element', async () => {
    const direct = await scene.direct();
    await direct.query("create type mood as enum ('glad'); create domain small as int check (value < 9)");
    const oids = rows(
      await direct.query("select typname, oid from pg_type where typname in ('mood', '_mood', 'small')"),
    );
    const oid = new Map(oids.map(([name, number]) => [name, Number(number)]));
    await direct.close();
    scene.proxy.apply(
      scene.snapshot([
        { name: 'reader', password: 'r', rules: [{ types: ['mood'], tables: ['open'], actions: ['usage', 'select'] }] },
        OWNER,
      ]),
    );
    const owner = await scene.login('owner');
    await owner.query('create table made ()'); // through the proxy, so that names are read again
    const reader = await scene.login();
    const parse = async (type: string): Promise<string | undefined> => {
      reader.send(f.parse('select $1', { types: [oid.get(type) ?? 0] }), f.sync());
      return firstError(await reader.readUntilReady())?.C;
    };
    await until(async () => (await parse('mood')) === undefined);
    expect([await parse('_mood'), await parse('small')]).to.eql([undefined, '42501']);
    await reader.close();
    await owner.close();
    scene.reset();
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
