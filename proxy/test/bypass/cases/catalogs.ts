import { type BypassCase, marker, rows } from '../case.ts';

const FOREIGN = `create foreign data wrapper w; create server s foreign data wrapper w options (host 'zq7marker-host');
  create user mapping for public server s options (password 'zq7marker-password');`;
const SUBSCRIPTION = `create subscription never connection 'host=127.0.0.1 password=zq7marker' publication p with (connect = false, slot_name = none, enabled = false);`;
const ANALYZED = 'analyze public.customers, public.secrets';

const catalog = (threat: string, attack: string, setup?: string): BypassCase => ({
  threat,
  attack,
  evidence: marker,
  ...(setup === undefined ? {} : { setup }),
});

/** What the catalogs know that a limited user must not. */
export const CATALOGS: readonly BypassCase[] = [
  {
    threat: 'password verifiers in pg_authid',
    attack: 'select rolpassword from pg_authid',
    evidence: rows(/SCRAM-SHA-256/),
  },
  {
    threat: 'pg_authid by its qualified name and *',
    attack: 'select * from pg_catalog.pg_authid',
    evidence: rows(/SCRAM-SHA-256/),
  },
  { threat: 'pg_authid as a whole row', attack: 'select a::text from pg_authid a', evidence: rows(/SCRAM-SHA-256/) },
  { threat: 'pg_shadow', attack: 'select passwd from pg_shadow', evidence: rows(/SCRAM-SHA-256/) },
  {
    threat: 'an oracle over pg_authid',
    attack: `select count(*) from pg_authid where rolpassword like 'SCRAM%'`,
    evidence: rows(/^1$/),
  },
  {
    threat: 'a join of the harmless pg_roles with pg_authid',
    attack: 'select a.rolpassword from pg_roles r join pg_authid a on a.oid = r.oid',
    evidence: rows(/SCRAM-SHA-256/),
  },
  {
    threat: "other sessions' statements in pg_stat_activity",
    attack: async (a) => {
      await a.owner(`select 'zq7marker-query'`);
      await a.query('select query from pg_stat_activity');
    },
    evidence: marker,
  },
  {
    threat: 'pg_stat_activity as a whole row',
    attack: async (a) => {
      await a.owner(`select 'zq7marker-query'`);
      await a.query('select row_to_json(s) from pg_stat_activity s');
    },
    evidence: marker,
  },
  {
    threat: 'pg_stat_get_activity',
    attack: async (a) => {
      await a.owner(`select 'zq7marker-query'`);
      await a.query('select query from pg_stat_get_activity(null)');
    },
    evidence: marker,
  },
  {
    threat: 'pg_stat_get_backend_activity',
    attack: async (a) => {
      await a.owner(`select 'zq7marker-query'`);
      await a.query('select pg_stat_get_backend_activity(i) from pg_stat_get_backend_idset() i');
    },
    evidence: marker,
  },
  catalog('sample values in pg_stats', 'select histogram_bounds from pg_stats', ANALYZED),
  catalog('sample values in pg_statistic', 'select stavalues1::text, stavalues2::text from pg_statistic', ANALYZED),
  catalog('sample values through to_json of pg_statistic', 'select to_json(s) from pg_statistic s', ANALYZED),
  catalog(
    'extended statistics',
    'select most_common_vals from pg_stats_ext',
    "create statistics public.both (mcv) on ssn, email from public.customers; insert into public.customers select n, 'n' || n, 'zq7marker', 'zq7marker' from generate_series(10, 99) n; analyze public.customers",
  ),
  {
    threat: 'settings files in pg_file_settings',
    attack: 'select sourcefile from pg_file_settings',
    evidence: rows(/postgresql/),
  },
  { threat: 'pg_hba_file_rules', attack: 'select auth_method from pg_hba_file_rules', evidence: rows(/scram-sha-256/) },
  {
    threat: 'pg_hba_file_rules() as a function',
    attack: 'select auth_method from pg_hba_file_rules()',
    evidence: rows(/scram-sha-256/),
  },
  catalog('passwords of user mappings', 'select umoptions from pg_user_mapping', FOREIGN),
  catalog('passwords of user mappings by the view', 'select umoptions from pg_user_mappings', FOREIGN),
  catalog(
    'passwords of user mappings by information_schema',
    'select option_value from information_schema.user_mapping_options',
    FOREIGN,
  ),
  catalog('options of foreign servers', 'select srvoptions from pg_foreign_server', FOREIGN),
  {
    threat: 'connection strings of subscriptions',
    setup: SUBSCRIPTION,
    undo: 'drop subscription never',
    attack: 'select subconninfo from pg_subscription',
    evidence: marker,
  },
  catalog('bodies of functions in pg_proc', 'select prosrc from pg_proc'),
  catalog('bodies of functions as whole rows', 'select p from pg_proc p'),
  catalog('bodies of functions by pg_get_functiondef', `select pg_get_functiondef('public.leak()'::regprocedure)`),
  catalog('bodies of functions by information_schema', 'select routine_definition from information_schema.routines'),
  catalog(
    'bodies by pg_get_function_sqlbody',
    `select pg_get_function_sqlbody('public.peek()'::regprocedure)`,
    `create function public.peek() returns text begin atomic select 'zq7marker-body'::text; end`,
  ),
  catalog(
    'large objects in pg_largeobject',
    'select data from pg_largeobject',
    `select lo_from_bytea(4711, 'zq7marker-object')`,
  ),
  {
    threat: 'row counts of forbidden tables in pg_stat_user_tables',
    attack: `select n_tup_ins from pg_stat_all_tables where relname = 'secrets'`,
    evidence: rows(/^\d+$/),
  },
  {
    threat: 'row counts by pg_stat_get_tuples_inserted',
    attack: `select pg_stat_get_tuples_inserted('secrets'::regclass)`,
    evidence: rows(/^\d+$/),
  },
  {
    threat: 'the last value of a forbidden sequence by its own row',
    attack: 'select last_value from invoice_seq',
    evidence: rows(/^1$/),
  },
  {
    threat: 'pg_sequence_last_value',
    attack: `select pg_sequence_last_value('invoice_seq')`,
    setup: `select nextval('public.invoice_seq')`,
    evidence: rows(/^1$/),
  },
  {
    threat: 'pg_sequences.last_value',
    attack: `select last_value from pg_sequences where sequencename = 'invoice_seq'`,
    setup: `select nextval('public.invoice_seq')`,
    evidence: rows(/^1$/),
  },
  { threat: 'locks of others', attack: 'select count(*) > 0 from pg_locks', evidence: rows(/^t$/) },
  {
    threat: 'memory and shared memory of the server',
    attack: 'select count(*) > 0 from pg_shmem_allocations',
    evidence: rows(/^t$/),
  },
  { threat: 'replication state', attack: 'select count(*) from pg_stat_replication', evidence: rows(/^0$/) },
  catalog(
    'statements of others in pg_stat_statements, were it loaded',
    `select value from secrets where exists (select from pg_extension)`,
  ),
  {
    threat: 'a write to the catalog',
    attack: `update pg_class set relacl = null where relname = 'secrets' returning relname`,
    evidence: rows(/secrets/),
  },
  {
    threat: 'a lock on the catalog',
    attack: 'begin; lock table pg_class in share mode; select 7; rollback',
    evidence: rows(/^7$/),
  },
  {
    threat: 'FOR UPDATE on the catalog',
    attack: `select relname from pg_class where relname = 'secrets' for update`,
    evidence: rows(/secrets/),
  },
  {
    threat: 'COPY of a forbidden catalog',
    attack: 'copy pg_authid (rolname, rolpassword) to stdout',
    evidence: rows(/SCRAM-SHA-256/),
  },
  catalog(
    'JOIN USING of a catalog with hidden columns',
    `select x.prosrc from pg_proc p join pg_proc x using (oid) where p.proname = 'leak'`,
  ),
  {
    threat: 'ORDER BY a hidden column of the catalog as an oracle',
    attack: `select proname from pg_proc where prosrc like '%zq7%body%'`,
    evidence: rows(/leak/),
  },
];
