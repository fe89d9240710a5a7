import { type BypassCase, marker } from '../case.ts';
import { bind, execute, extended, parse, query, sync } from '../messages.ts';

const NOTE = 'select note from orders';
const LISTS = 'create table hidden.lists (id int)';

/** One name, another table: search_path moved by any road. */
export const PATHS: readonly BypassCase[] = [
  {
    threat: 'SET search_path to a schema that no rule reaches',
    attack: [query('set search_path = hidden'), query(NOTE)],
    evidence: marker,
  },
  { threat: 'SET search_path in the same message', attack: `set search_path = hidden; ${NOTE}`, evidence: marker },
  { threat: 'SET SCHEMA', attack: [query(`set schema 'hidden'`), query(NOTE)], evidence: marker },
  {
    threat: 'SET LOCAL in a transaction',
    attack: [query('begin'), query('set local search_path = hidden'), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'BEGIN, SET, statement in one message',
    attack: `begin; set local search_path to hidden; ${NOTE}; commit`,
    evidence: marker,
  },
  {
    threat: 'set_config',
    attack: [query(`select set_config('search_path', 'hidden', false)`), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'set_config with computed arguments',
    attack: [query(`select set_config('search_' || 'path', 'hid' || 'den', false)`), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'set_config with parameters',
    attack: [...extended('select set_config($1, $2, false)', ['search_path', 'hidden']), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'set_config in dollar quotes',
    attack: [query('select set_config($$search_path$$, $q$hidden$q$, false)'), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'set_config in an escape string',
    attack: [query(String.raw`select set_config(E'search\x5fpath', E'\150idden', false)`), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'set_config deep in a subquery',
    attack: [
      query(`select id from orders where id < (select length(set_config('search_path', 'hidden', false)))`),
      query(NOTE),
    ],
    evidence: marker,
  },
  {
    threat: 'set_config in another case and schema',
    attack: [query(`select "pg_catalog".SET_CONFIG('SEARCH_PATH', 'hidden', false)`), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'set_config in a prepared statement',
    attack: [query(`prepare s as select set_config('search_path', 'hidden', false)`), query('execute s'), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'UPDATE of the view pg_settings',
    attack: [query(`update pg_settings set setting = 'hidden' where name = 'search_path'`), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'FunctionCall of set_config',
    attack: async (a) => {
      const oid = await a.owner(`select 'set_config(text,text,bool)'::regprocedure::oid::int`);
      await a.run([a.call(Number(oid), 'search_path', 'hidden', 'f')]);
      await a.query(NOTE);
    },
    evidence: marker,
  },
  {
    threat: 'several schemas, the forbidden one first',
    attack: [query('set search_path = hidden, public'), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'a path that is allowed and makes an allowed name mean a forbidden table',
    user: 'editor',
    setup: LISTS,
    attack: [query('set search_path = hidden, public'), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'an allowed path by set_config',
    user: 'editor',
    setup: LISTS,
    attack: [query(`select set_config('search_path', 'hidden, public', false)`), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'judged at Parse, path moved, executed after',
    user: 'editor',
    setup: LISTS,
    attack: [
      parse(NOTE, 'p'),
      sync(),
      query('set search_path = hidden, public'),
      bind({ statement: 'p' }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'path moved between Parse and Bind in one pipeline',
    user: 'editor',
    setup: LISTS,
    attack: [
      parse(NOTE, 'p'),
      parse('set search_path = hidden, public'),
      bind(),
      execute(),
      bind({ statement: 'p' }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'SQL PREPARE, path moved, EXECUTE',
    user: 'editor',
    setup: LISTS,
    attack: [query(`prepare p as ${NOTE}`), query('set search_path = hidden, public'), query('execute p')],
    evidence: marker,
  },
  {
    threat: 'PREPARE, SET and EXECUTE in one message',
    user: 'editor',
    setup: LISTS,
    attack: `prepare p as ${NOTE}; set search_path = hidden, public; execute p`,
    evidence: marker,
  },
  {
    threat: 'SET in the message of the statement itself',
    user: 'editor',
    setup: LISTS,
    attack: `set search_path = hidden, public; ${NOTE}`,
    evidence: marker,
  },
  {
    threat: 'SET LOCAL, ROLLBACK, and the older path is back',
    user: 'editor',
    setup: LISTS,
    attack: [
      query('set search_path = hidden, public'),
      query('begin'),
      query('set local search_path = public'),
      query('rollback'),
      query(NOTE),
    ],
    evidence: marker,
  },
  {
    threat: 'a savepoint rolled back brings the forbidden path back',
    user: 'editor',
    setup: LISTS,
    attack: [
      query('set search_path = hidden, public'),
      query('begin; savepoint s; set search_path = public; rollback to s'),
      query(NOTE),
    ],
    evidence: marker,
  },
  {
    threat: 'a path that moves in the middle of the arguments',
    user: 'editor',
    setup: LISTS,
    attack: [query(`select set_config('search_path', 'hidden, public', false), order_total(1)`), query(NOTE)],
    evidence: marker,
  },
  {
    threat: '"$user" names a schema of the shared login',
    setup: `create schema postgres; create table postgres.orders (note text); insert into postgres.orders values ('zq7marker')`,
    attack: [query('set search_path = "$user", public'), query(NOTE)],
    evidence: marker,
  },
  {
    threat: 'a schema list in one quoted string is one odd schema, not two',
    user: 'editor',
    setup: LISTS,
    attack: [query(`set search_path = 'hidden', 'public'`), query(NOTE)],
    evidence: marker,
  },
  {
    threat: "pg_catalog last: a table in public bears a catalog's name",
    setup: `create table public.pg_tables (leak text); insert into public.pg_tables values ('zq7marker')`,
    attack: [query('set search_path = public, pg_catalog'), query('select leak from pg_tables')],
    evidence: marker,
  },
  {
    threat: 'pg_catalog last: a function in public bears a harmless name',
    setup: `create function public.upper(text) returns text language sql security definer as 'select value from public.secrets where id = 1'`,
    attack: [query('set search_path = public, pg_catalog'), query('select upper(note) from orders')],
    evidence: marker,
  },
  {
    threat: 'pg_catalog last: an operator in public bears a harmless sign',
    setup: `create function public.peek(text, text) returns text language sql security definer as 'select value from public.secrets where id = 1'; create operator public.|| (leftarg = text, rightarg = text, function = public.peek)`,
    attack: [query('set search_path = public, pg_catalog'), query(`select note || 'x'::text from orders`)],
    evidence: marker,
  },
  {
    threat: 'start-up parameter search_path',
    startup: { search_path: 'hidden' },
    attack: NOTE,
    evidence: marker,
    refusal: ['42501', '28000'],
    harmless: true,
  },
  {
    threat: 'start-up options -c search_path',
    startup: { options: '-c search_path=hidden' },
    attack: NOTE,
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'start-up options --search_path',
    startup: { options: '--search_path=hidden' },
    attack: NOTE,
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'start-up options with a dash for the underscore and an escaped blank',
    startup: { options: String.raw`-c search-path=hidden,\ public` },
    attack: NOTE,
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'ALTER DATABASE … SET search_path by someone else',
    setup: `do $$ begin execute format('alter database %I set search_path = hidden', current_database()); end $$`,
    attack: NOTE,
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'RESET search_path after ALTER DATABASE … SET',
    setup: `do $$ begin execute format('alter database %I set search_path = hidden', current_database()); end $$`,
    attack: [query('reset search_path'), query(NOTE)],
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'SET search_path TO DEFAULT after ALTER DATABASE … SET',
    setup: `do $$ begin execute format('alter database %I set search_path = hidden', current_database()); end $$`,
    attack: [query('set search_path to default'), query(NOTE)],
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'DISCARD ALL after ALTER DATABASE … SET',
    setup: `do $$ begin execute format('alter database %I set search_path = hidden', current_database()); end $$`,
    attack: [query('discard all'), query(NOTE)],
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'an allowed function whose body moves the path',
    setup: `create or replace function public.order_total(customer int) returns numeric language sql as $$ select length(set_config('search_path', 'hidden', false))::numeric $$`,
    attack: [query('select order_total(1)'), query(NOTE)],
    evidence: marker,
  },
];
