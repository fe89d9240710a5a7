import { type BypassCase, change, rows } from '../case.ts';
import { extended, query } from '../messages.ts';

const setting = (name: string, value: string, shown = value): BypassCase => ({
  threat: `SET ${name}`,
  attack: [query(`set ${name} = '${value}'`), query(`show ${name}`)],
  evidence: rows(new RegExp(`^${shown}$`, 'm')),
});

/** Settings that change who one is, what is checked, what is written down. */
export const SETTINGS: readonly BypassCase[] = [
  setting('role', 'pg_read_all_data'),
  {
    threat: 'SET ROLE',
    attack: [query('set role pg_read_all_data'), query('select current_user')],
    evidence: rows(/pg_read_all_data/),
  },
  {
    threat: 'SET LOCAL ROLE',
    attack: 'begin; set local role pg_monitor; select current_user; rollback',
    evidence: rows(/pg_monitor/),
  },
  {
    threat: 'SET SESSION AUTHORIZATION',
    attack: [query('set session authorization pg_monitor'), query('select session_user')],
    evidence: rows(/pg_monitor/),
  },
  {
    threat: 'set_config of role',
    attack: [...extended(`select set_config('role', 'pg_monitor', false)`), query('select current_user')],
    evidence: rows(/^pg_monitor\npg_monitor$/),
  },
  {
    threat: 'RESET ROLE after a role in the start-up packet',
    startup: { role: 'pg_monitor' },
    attack: 'select current_user',
    evidence: rows(/pg_monitor/),
    harmless: true,
  },
  setting('row_security', 'off'),
  setting('session_replication_role', 'replica'),
  setting('log_statement', 'all'),
  setting('log_min_messages', 'panic'),
  setting('log_min_duration_statement', '0'),
  setting('myapp.tenant', 'another'),
  setting('allow_system_table_mods', 'on'),
  setting('zero_damaged_pages', 'on'),
  setting('ignore_system_indexes', 'off'),
  setting('backslash_quote', 'on'),
  setting('local_preload_libraries', 'x'),
  setting('session_preload_libraries', 'x'),
  setting('dynamic_library_path', '/tmp'),
  setting('temp_tablespaces', 'pg_default'),
  setting('default_tablespace', 'pg_default'),
  setting('createrole_self_grant', 'set'),
  setting('transform_null_equals', 'on'),
  { threat: 'LOAD', attack: `load 'plpgsql'`, evidence: { kind: 'tag', tag: 'LOAD' } },
  {
    threat: "a setting of the owner's row filter",
    setup: `create view public.mine as select id, value from public.secrets where current_setting('myapp.rows', true) = 'yes'`,
    attack: [query(`set myapp.rows = 'yes'`), query(`select current_setting('myapp.rows')`)],
    evidence: rows(/yes/),
  },
  {
    threat: 'SHOW of a setting that only superusers may read',
    attack: 'show config_file',
    evidence: rows(/postgresql\.conf/),
  },
  {
    threat: 'current_setting of a setting that only superusers may read',
    attack: `select current_setting('data_directory')`,
    evidence: rows(/\//),
  },
  {
    threat: 'current_setting with a computed name',
    attack: `select current_setting('hba' || '_file')`,
    evidence: rows(/pg_hba\.conf/),
  },
  { threat: 'SHOW ALL', attack: 'show all', evidence: rows(/pg_hba\.conf/) },
  {
    threat: 'pg_settings tells paths',
    attack: `select setting from pg_settings where name = 'hba_file'`,
    evidence: rows(/pg_hba\.conf/),
  },
  {
    threat: 'SET TRANSACTION SNAPSHOT',
    attack: async (a) => {
      const snapshot = await a.ownerBegin('select pg_export_snapshot()');
      await a.query(`begin isolation level repeatable read; set transaction snapshot '${snapshot}'; select 'taken'`);
    },
    evidence: rows(/taken/),
  },
  {
    threat: 'PREPARE TRANSACTION',
    attack: `begin; insert into orders (note) values ('x'); prepare transaction 'held'`,
    undo: `rollback prepared 'held'`,
    evidence: change('select exists (select from pg_prepared_xacts)'),
  },
];
