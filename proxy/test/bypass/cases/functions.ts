import { type BypassCase, change, marker, rows } from '../case.ts';

const OBJECT = `select lo_from_bytea(4711, 'zq7marker-object')`;

const called = (threat: string, attack: string, pattern: RegExp, setup?: string): BypassCase => ({
  threat,
  attack,
  evidence: rows(pattern),
  ...(setup === undefined ? {} : { setup }),
});

const reads = (threat: string, attack: string, setup?: string): BypassCase => ({
  threat,
  attack,
  evidence: marker,
  ...(setup === undefined ? {} : { setup }),
});

/** A fast-path call of a function by its OID, which the data's owner looks up. */
const fastpath =
  (signature: string, ...values: readonly string[]): BypassCase['attack'] =>
  async (a) => {
    const oid = await a.owner(`select '${signature}'::regprocedure::oid::int`);
    await a.run([a.call(Number(oid), ...values)]);
  };

/** Functions of pg_catalog that read files, other sessions and secrets, run text, or touch the server. */
export const FUNCTIONS: readonly BypassCase[] = [
  called('pg_read_file', `select pg_read_file('PG_VERSION')`, /^1\d/),
  called('pg_read_file in FROM', `select * from pg_catalog.pg_read_file('PG_VERSION') f`, /^1\d/),
  called('pg_read_binary_file', `select convert_from(pg_read_binary_file('PG_VERSION'), 'UTF8')`, /^1\d/),
  called('pg_ls_dir', `select pg_ls_dir('.')`, /^base$/m),
  called('pg_ls_waldir', 'select count(*) > 0 from pg_ls_waldir()', /^t$/),
  called('pg_stat_file', `select (pg_stat_file('PG_VERSION')).size`, /^3$/),
  called('pg_current_logfile', 'select pg_current_logfile() is null', /^[tf]$/),
  {
    threat: 'lo_import',
    attack: `select lo_import('/etc/passwd')`,
    evidence: change('select exists (select from pg_largeobject_metadata)'),
  },
  {
    threat: 'lo_export',
    attack: `select lo_export(4711, '/tmp/articdbm-bypass-lo')`,
    setup: OBJECT,
    evidence: change(`select (pg_stat_file('/tmp/articdbm-bypass-lo', true)).size is not null`),
    undo: `copy (select 1) to program 'rm -f /tmp/articdbm-bypass-lo'`,
  },
  reads('lo_get', 'select lo_get(4711)', OBJECT),
  reads('loread', 'begin; select loread(lo_open(4711, 262144), 100); commit', OBJECT),
  {
    threat: 'lo_unlink',
    attack: 'select lo_unlink(4711)',
    setup: OBJECT,
    evidence: change('select not exists (select from pg_largeobject_metadata)'),
  },
  {
    threat: 'lo_create',
    attack: 'select lo_create(0) > 0',
    evidence: change('select exists (select from pg_largeobject_metadata)'),
  },
  reads('query_to_xml', `select query_to_xml('select value from secrets', true, false, '')`),
  reads(
    'query_to_xml in capitals and with a computed text',
    `select QUERY_TO_XML('select value from ' || 'sec' || 'rets', true, false, '')`,
  ),
  reads(
    'query_to_xml_and_xmlschema',
    `select query_to_xml_and_xmlschema('select value from secrets', true, false, '')`,
  ),
  reads('table_to_xml', `select table_to_xml('secrets', true, false, '')`),
  reads('schema_to_xml', `select schema_to_xml('public', true, false, '')`),
  reads('database_to_xml', `select database_to_xml(true, false, '')`),
  reads(
    'cursor_to_xml over what a forbidden cursor holds',
    `begin; declare c cursor for select value from secrets; select cursor_to_xml('c', 10, true, false, ''); commit`,
  ),
  reads('ts_stat', `select word from ts_stat('select to_tsvector(''simple'', value) from secrets')`),
  reads(
    'ts_rewrite with a query text',
    `select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, plainto_tsquery(''simple'', value) from secrets where id = 1')`,
  ),
  called('pg_terminate_backend', 'select pg_terminate_backend(999999)', /^f$/),
  called('pg_cancel_backend', 'select pg_cancel_backend(999999)', /^f$/),
  called('pg_reload_conf', 'select pg_reload_conf()', /^t$/),
  called('pg_switch_wal', 'select pg_switch_wal() is not null', /^t$/),
  called('pg_create_restore_point', `select pg_create_restore_point('x') is not null`, /^t$/),
  called('pg_logical_emit_message', `select pg_logical_emit_message(false, 'a', 'b') is not null`, /^t$/),
  {
    threat: 'pg_create_physical_replication_slot',
    attack: `select pg_create_physical_replication_slot('peek')`,
    evidence: change(`select exists (select from pg_replication_slots where slot_name = 'peek')`),
    undo: `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'peek'`,
  },
  called('pg_export_snapshot', 'begin isolation level repeatable read; select pg_export_snapshot(); rollback', /-/),
  called('pg_stat_reset', 'select pg_stat_reset()', /^$/),
  called('pg_notify to others', `select pg_notify('orders', 'x') is not null`, /^t$/),
  {
    threat: 'an advisory lock that stops others',
    attack: 'select pg_advisory_lock(4711)',
    evidence: change(
      `select exists (select from pg_locks where locktype = 'advisory' and objid = 4711 and database = (select oid from pg_database where datname = current_database()))`,
    ),
  },
  {
    threat: 'nextval of a forbidden sequence',
    attack: `select nextval('invoice_seq')`,
    evidence: change('select is_called from public.invoice_seq'),
  },
  {
    threat: 'nextval of a forbidden sequence by a computed name',
    attack: `select nextval('invoice' || '_seq')`,
    evidence: change('select is_called from public.invoice_seq'),
  },
  {
    threat: 'nextval of a forbidden sequence by a cast',
    attack: `select nextval('public.invoice_seq'::regclass)`,
    evidence: change('select is_called from public.invoice_seq'),
  },
  {
    threat: 'nextval of a forbidden sequence by OID',
    attack: `select nextval(c.oid) from pg_class c where relname = 'invoice_seq'`,
    evidence: change('select is_called from public.invoice_seq'),
  },
  {
    threat: 'nextval of a sequence given as a parameter',
    attack: async (a) => {
      await a.extended('select nextval($1)', 'invoice_seq');
    },
    evidence: change('select is_called from public.invoice_seq'),
  },
  {
    threat: 'setval of an allowed sequence',
    attack: `select setval('orders_id_seq', 1)`,
    evidence: change('select last_value = 1 from public.orders_id_seq'),
  },
  {
    threat: 'setval of a forbidden sequence',
    attack: `select setval('invoice_seq', 77)`,
    evidence: change('select last_value = 77 from public.invoice_seq'),
  },
  {
    threat: 'a sequence named in an odd spelling',
    attack: `select nextval(' public . "invoice_seq" ')`,
    evidence: change('select is_called from public.invoice_seq'),
  },
  called(
    'pg_get_object_address is no road to data, row_security_active neither; pg_relation_filepath is one',
    `select pg_relation_filepath('secrets')`,
    /base/,
  ),
  called(
    'pg_get_wal_resource_managers and other server internals',
    'select count(*) > 0 from pg_get_backend_memory_contexts()',
    /^t$/,
  ),
  {
    threat: 'pg_import of statistics (version 18)',
    attack: `select pg_restore_relation_stats('schemaname', 'public', 'relname', 'secrets', 'relpages', 77::integer, 'reltuples', 777::real)`,
    evidence: change(`select reltuples = 777 from pg_class where relname = 'secrets'`),
  },
  {
    threat: 'FunctionCall of lo_get',
    setup: OBJECT,
    attack: async (a) => {
      const oid = await a.owner(`select 'lo_get(oid)'::regprocedure::oid::int`);
      await a.run([a.call(Number(oid), '4711')]);
    },
    evidence: marker,
  },
  {
    threat: 'FunctionCall of pg_read_file',
    attack: fastpath('pg_read_file(text)', 'PG_VERSION'),
    evidence: { kind: 'result', pattern: /^18/ },
  },
  { threat: 'FunctionCall of a forbidden function', attack: fastpath('public.leak()'), evidence: marker },
  {
    threat: 'FunctionCall of query_to_xml',
    attack: fastpath('query_to_xml(text,bool,bool,text)', 'select value from public.secrets', 't', 'f', ''),
    evidence: marker,
  },
  {
    threat: 'FunctionCall inside a failed-looking pipeline',
    attack: async (a) => {
      const oid = await a.owner(`select 'public.leak()'::regprocedure::oid::int`);
      await a.run([...a.allowed(), a.call(Number(oid))]);
    },
    evidence: marker,
  },
  {
    threat: 'NOTIFY to others',
    attack: async (a) => {
      await a.query(`notify orders, 'x'`);
      await a.query('select 1');
    },
    evidence: { kind: 'notified' },
  },
  {
    threat: 'LISTEN to what others say',
    attack: async (a) => {
      await a.query('listen audit');
      await a.owner(`notify audit, 'zq7marker-news'`);
      await a.query('select 1');
    },
    evidence: marker,
  },
  reads('a forbidden function in a default of JSON_VALUE', `select json_value('{}', '$.a' default leak() on empty)`),
  reads(
    'xpath over xmlagg of the forbidden table',
    `select xpath('//v/text()', (select xmlelement(name r, xmlagg(xmlelement(name v, value))) from secrets))`,
  ),
];
