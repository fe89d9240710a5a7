import { expect } from 'chai';
import { firstError, rows, type RawClient } from '#test/harness/raw-client';
import { makeScene, READER, type Scene } from './scene.ts';

describe('functions of pg_catalog that are not free', () => {
  let scene: Scene;
  let client: RawClient;

  before(async function () {
    scene = await makeScene(this);
  });
  after(() => (scene as Scene | undefined)?.stop());
  afterEach(() => client.close());

  async function loginWith(schemas: readonly string[], functions: readonly string[]): Promise<void> {
    const rules = [...(READER.rules ?? []), { schemas, functions, actions: ['execute' as const] }];
    scene.proxy.apply(scene.snapshot([{ ...READER, rules }]));
    client = await scene.login();
  }

  it('are granted one by one by a rule that names pg_catalog', async () => {
    await loginWith(['pg_catalog'], ['pg_relation_size', 'pg_advisory_*', 'pg_get_viewdef']);
    expect(rows(await client.query("select pg_relation_size('open') > 0"))).to.eql([['t']]);
    expect(firstError(await client.query('select pg_catalog.pg_advisory_xact_lock(1)'))).to.equal(undefined);
    expect(rows(await client.query("select pg_get_viewdef('pg_catalog.pg_tables'::regclass) <> ''"))).to.eql([['t']]);
    const refused = firstError(await client.query('select pg_terminate_backend(1)'));
    expect(refused?.M).to.equal('user "reader" may not execute function "pg_catalog.pg_terminate_backend"');
    expect(refused?.H).to.equal(
      'needs a DbPermission rule: sql: {schemas: [pg_catalog], functions: [pg_terminate_backend], actions: [execute]}',
    );
  });

  it('are in no pattern of schemas', async () => {
    await loginWith(['*', 'pg_*', 'pg_catalo*'], ['*']);
    expect(firstError(await client.query("select pg_relation_size('open')"))?.C).to.equal('42501');
    expect(firstError(await client.query('select moves_path()'))).to.equal(undefined);
  });

  it('that run texts, read files or depend on arguments stay with admin, whatever is granted', async () => {
    await loginWith(['pg_catalog'], ['*']);
    for (const call of [
      "pg_read_file('PG_VERSION')",
      "query_to_xml('select secret from closed', true, false, '')",
      "table_to_xml('closed', true, false, '')",
      "ts_stat('select secret::tsvector from closed')",
      "lo_import('PG_VERSION')",
      "pg_input_is_valid('x', 'public.order_status')",
      "setval('s', 1)",
    ]) {
      const name = call.slice(0, call.indexOf('('));
      for (const written of [call, `pg_catalog.${call}`]) {
        const error = firstError(await client.query(`select ${written}`));
        expect(error, written).to.include({ C: '42501', M: `user "reader" may not call ${name}` });
        expect(error?.H).to.equal('needs a DbPermission rule: sql: {actions: [admin]}');
      }
    }
    expect(firstError(await client.query("select set_config('role', 'postgres', false)"))?.C).to.equal('42501');
    expect(firstError(await client.query("select current_setting('data_directory')"))?.C).to.equal('42501');
  });
});
