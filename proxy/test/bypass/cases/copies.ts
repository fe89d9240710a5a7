import { type BypassCase, change, marker, rows } from '../case.ts';
import { bind, execute, extended, message, parse, query, sync } from '../messages.ts';

const ORDERS_GONE = change('select count(*) < 3 from public.orders');
const LEAKED = change(`select exists (select from public.orders where note like '%zq7marker%')`);

/** COPY, and what makes or changes objects. */
export const COPIES: readonly BypassCase[] = [
  { threat: 'COPY of a forbidden table', attack: 'copy secrets to stdout', evidence: marker },
  { threat: 'COPY of a forbidden column', attack: 'copy customers (id, ssn) to stdout', evidence: marker },
  {
    threat: 'COPY without a column list of a table with forbidden columns',
    attack: 'copy customers to stdout',
    evidence: marker,
  },
  { threat: 'COPY of a query', attack: 'copy (select value from secrets) to stdout', evidence: marker },
  {
    threat: 'COPY of a query with RETURNING',
    attack: `copy (update customers set name = 'x' where id = 1 returning ssn) to stdout`,
    evidence: marker,
  },
  { threat: 'COPY in binary', attack: 'copy secrets to stdout (format binary)', evidence: marker },
  {
    threat: 'COPY TO PROGRAM',
    attack: `copy (select 1) to program 'cat > /tmp/articdbm-bypass-program'`,
    evidence: change(`select (pg_stat_file('/tmp/articdbm-bypass-program', true)).size is not null`),
    undo: `copy (select 1) to program 'rm -f /tmp/articdbm-bypass-program'`,
  },
  {
    threat: 'COPY to a file',
    attack: `copy orders to '/tmp/articdbm-bypass-copy'`,
    evidence: change(`select (pg_stat_file('/tmp/articdbm-bypass-copy', true)).size is not null`),
    undo: `copy (select 1) to program 'rm -f /tmp/articdbm-bypass-copy'`,
  },
  {
    threat: 'COPY FROM a file of the server',
    attack: `copy orders (note) from '/etc/passwd'`,
    evidence: change(`select exists (select from public.orders where note like 'root:%')`),
  },
  { threat: 'COPY FROM PROGRAM', attack: `copy orders (note) from program 'echo zq7marker'`, evidence: LEAKED },
  {
    threat: 'COPY FROM STDIN into a forbidden table',
    attack: async (a) => {
      a.send(query('copy secrets from stdin'));
      await a.until('G', 'E');
      a.send(message('d', Buffer.from('9\tmine\n')), message('c'));
      await a.settled(1);
    },
    evidence: change('select count(*) = 3 from public.secrets'),
  },
  {
    threat: 'COPY FROM STDIN into a forbidden column',
    attack: async (a) => {
      a.send(query('copy customers (id, ssn) from stdin'));
      await a.until('G', 'E');
      a.send(message('d', Buffer.from('9\tmine\n')), message('c'));
      await a.settled(1);
    },
    evidence: change(`select exists (select from public.customers where ssn = 'mine')`),
  },
  {
    threat: 'COPY FROM STDIN … WHERE with a forbidden function',
    attack: async (a) => {
      a.send(query('copy orders (note) from stdin where leak() is not null'));
      await a.until('G', 'E');
      a.send(message('d', Buffer.from('zq7mar' + 'ker\n')), message('c'));
      await a.settled(1);
    },
    evidence: LEAKED,
  },
  {
    threat: 'COPY in the middle of a multi-statement message',
    attack: 'select 1; copy secrets to stdout; select 2',
    evidence: marker,
  },
  {
    threat: 'COPY in the middle of a pipeline',
    attack: [
      parse('select 1'),
      bind(),
      execute(),
      parse('copy secrets to stdout'),
      bind(),
      execute(),
      parse('select 2'),
      bind(),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'messages behind COPY FROM STDIN are not read as copy data by the one and as a query by the other',
    attack: async (a) => {
      a.send(query('copy orders (note) from stdin'));
      await a.until('G', 'E');
      a.send(message('d', Buffer.from('plain\n')), message('c'), query('select value from secrets'));
      await a.settled(2);
    },
    evidence: marker,
  },
  {
    threat: 'CopyFail ends the copy and the query behind it counts',
    attack: async (a) => {
      a.send(query('copy orders (note) from stdin'));
      await a.until('G', 'E');
      a.send(message('f', Buffer.from('never mind\0')), query('select value from secrets'));
      await a.settled(2);
    },
    evidence: marker,
    refusal: ['42501'],
  },
  {
    threat: 'CREATE TABLE AS',
    attack: 'create table copied as select * from secrets',
    evidence: change(`select to_regclass('public.copied') is not null`),
  },
  {
    threat: 'CREATE TABLE AS EXECUTE',
    attack: 'prepare p as select value from secrets; create table copied as execute p',
    evidence: change(`select to_regclass('public.copied') is not null`),
  },
  {
    threat: 'SELECT INTO',
    attack: 'select value into copied from secrets',
    evidence: change(`select to_regclass('public.copied') is not null`),
  },
  {
    threat: 'SELECT INTO a temporary table, read after',
    attack: 'select value into temp copied from secrets; select value from copied',
    evidence: marker,
  },
  {
    threat: 'a temporary table that shadows an allowed one',
    attack: 'create temp table orders as select value as note from secrets; select note from orders',
    evidence: marker,
  },
  {
    threat: 'CREATE VIEW and read it',
    attack: 'create view peek as select value from secrets; select value from peek',
    evidence: marker,
  },
  {
    threat: 'CREATE OR REPLACE of an allowed view',
    attack:
      'create or replace view order_summary as select status, (select max(id) from secrets)::bigint as orders from orders',
    evidence: change(`select pg_get_viewdef('public.order_summary') like '%secrets%'`),
  },
  {
    threat: 'CREATE MATERIALIZED VIEW',
    attack: 'create materialized view peek as table secrets; table peek',
    evidence: marker,
  },
  {
    threat: 'CREATE RULE on an allowed table',
    attack: 'create rule peek as on insert to orders do also delete from secrets',
    evidence: change(`select exists (select from pg_rules where rulename = 'peek')`),
  },
  {
    threat: 'CREATE FUNCTION and call it',
    attack: `create function peek() returns setof text language sql as 'select value from public.secrets'; select peek()`,
    evidence: marker,
  },
  {
    threat: 'a function in pg_temp',
    attack: `create function pg_temp.peek() returns setof text language sql as 'select value from public.secrets'; select pg_temp.peek()`,
    evidence: marker,
  },
  { threat: 'DO', attack: `do $$ begin delete from public.orders; end $$`, evidence: ORDERS_GONE },
  {
    threat: 'DO that raises what it read',
    attack: `do $$ begin raise notice '%', (select value from public.secrets limit 1); end $$`,
    evidence: marker,
  },
  { threat: 'CALL of a forbidden procedure', attack: 'call wipe()', evidence: ORDERS_GONE },
  {
    threat: 'CREATE TRIGGER',
    attack:
      'create trigger t before insert on orders for each row execute function suppress_redundant_updates_trigger()',
    evidence: change(`select exists (select from pg_trigger where tgname = 't')`),
  },
  {
    threat: 'CREATE INDEX over a forbidden expression',
    attack: 'create index peek on customers ((length(ssn)))',
    evidence: change(`select to_regclass('public.peek') is not null`),
  },
  {
    threat: 'CREATE STATISTICS',
    attack: 'create statistics peek on id, ssn from customers',
    evidence: change(`select exists (select from pg_statistic_ext where stxname = 'peek')`),
  },
  {
    threat: 'ALTER TABLE … RENAME moves a forbidden column under an allowed name',
    attack:
      'alter table customers rename column name to was; alter table customers rename column ssn to name; select name from customers',
    evidence: marker,
  },
  {
    threat: 'ALTER TABLE … OWNER',
    attack: 'alter table orders owner to pg_monitor',
    evidence: change(
      `select tableowner = 'pg_monitor' from pg_tables where tablename = 'orders' and schemaname = 'public'`,
    ),
  },
  {
    threat: 'GRANT',
    attack: 'grant select on secrets to public',
    evidence: change(`select has_table_privilege('pg_monitor', 'public.secrets', 'select')`),
  },
  {
    threat: 'DROP TABLE',
    attack: 'drop table secrets cascade',
    evidence: change(`select to_regclass('public.secrets') is null`),
  },
  {
    threat: 'COMMENT ON',
    attack: `comment on table orders is 'mine'`,
    evidence: change(`select obj_description('public.orders'::regclass) = 'mine'`),
  },
  {
    threat: 'SECURITY LABEL, ANALYZE and VACUUM are not reads',
    attack: 'analyze secrets',
    evidence: change(`select exists (select from pg_stats where tablename = 'secrets')`),
  },
  {
    threat: 'CREATE EXTENSION',
    attack: 'create extension dblink',
    evidence: change(`select exists (select from pg_extension where extname = 'dblink')`),
  },
  {
    threat: 'CREATE TEMP TABLE (LIKE …) with defaults of a forbidden table',
    attack: `create temp table peek (like audit_log including defaults); insert into peek (id, message) values (1, 'x'); select actor from peek`,
    evidence: marker,
  },
  {
    threat: 'ALTER ROLE of the shared login',
    attack: `alter role current_user set work_mem = '77MB'`,
    evidence: change(
      `select exists (select from pg_db_role_setting s join pg_roles r on r.oid = s.setrole where s.setdatabase = 0 and 'work_mem=77MB' = any (s.setconfig))`,
    ),
    undo: 'alter role postgres reset work_mem',
  },
  {
    threat: 'ALTER DATABASE … SET search_path',
    attack: async (a) => {
      await a.query(`alter database "${a.database}" set search_path = hidden`);
    },
    evidence: change(
      `select exists (select from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = current_database())`,
    ),
  },
  {
    threat: 'CREATE USER',
    attack: `create role intruder login superuser`,
    evidence: change(`select exists (select from pg_roles where rolname = 'intruder')`),
    undo: 'drop role if exists intruder',
  },
  {
    threat: 'ALTER SYSTEM',
    attack: `alter system set log_statement = 'all'`,
    evidence: change(`select exists (select from pg_file_settings where name = 'log_statement')`),
    undo: 'alter system reset log_statement',
  },
  {
    threat: 'REINDEX',
    attack: 'reindex table secrets',
    evidence: change(`select pg_relation_filenode('public.secrets_pkey') <> 'public.secrets_pkey'::regclass::oid`),
  },
  {
    threat: 'CREATE PUBLICATION',
    attack: 'create publication peek for all tables',
    evidence: change(`select exists (select from pg_publication where pubname = 'peek')`),
  },
  {
    threat: 'CREATE SERVER',
    attack: 'create foreign data wrapper peek',
    evidence: change(`select exists (select from pg_foreign_data_wrapper where fdwname = 'peek')`),
  },
  {
    threat: 'a domain whose check calls a forbidden function',
    attack: `create domain d as text check (leak() is not null); select leak() from (values ('x'::d)) v`,
    evidence: marker,
  },
  {
    threat: 'CREATE CAST',
    attack: `create type t2 as (a int); create cast (public.pair as t2) with inout as implicit`,
    evidence: change(`select to_regtype('public.t2') is not null`),
  },
  {
    threat: 'ALTER DEFAULT PRIVILEGES',
    attack: 'alter default privileges grant select on tables to public',
    evidence: change('select exists (select from pg_default_acl)'),
  },
  {
    threat: 'CREATE SCHEMA with an element inside',
    attack: 'create schema s create view v as select value from public.secrets',
    evidence: change(`select to_regclass('s.v') is not null`),
  },
  {
    threat: 'LOCK TABLE of a forbidden table',
    attack:
      "begin; lock table secrets in access exclusive mode; select count(*) from pg_locks where mode = 'AccessExclusiveLock' and pid = pg_backend_pid(); rollback",
    evidence: rows(/^1$/),
  },
  {
    threat: 'LOCK TABLE of a table that may only be read',
    attack:
      "begin; lock table rates in exclusive mode; select count(*) from pg_locks where mode = 'ExclusiveLock' and relation = 'rates'::regclass; rollback",
    evidence: rows(/^1$/),
  },
  {
    threat: 'parameters do not carry a forbidden COPY',
    attack: extended('copy (select value from secrets) to stdout'),
    evidence: marker,
  },
];
