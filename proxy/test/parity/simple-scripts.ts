import { several, simple } from './write-script.ts';
import type { Script } from './script.ts';

const VALUES = `
select 1
select 1 as a, 'b' as "B c", null as n
select
select 1 where false
select * from customers order by id
select * from orders order by id
select c.*, o.total from customers c left join orders o on o.customer = c.id order by c.id, o.id
select * from every_type
select c_bool, c_numeric from every_type
select row(1, 'x', null), row(c.*) from customers c where id = 1
select c from customers c order by id
select array_agg(name order by id) from customers
select json_agg(c order by id) from customers c
select count(*), sum(total), avg(total) from orders
select customer, count(*) from orders group by rollup(customer) order by 1 nulls last
select name, row_number() over (order by id desc) from customers order by id
with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select * from t
select * from generate_series(1, 5) with ordinality
select * from (values (1, 'a'), (2, 'b')) v(x, y)
select distinct on (customer) customer, id from orders order by customer, id desc
select 1 union select 2 except select 1
select exists (select from orders), 1 in (1, 2), 3 between 1 and 5
select case when 1 = 2 then 'x' else 'y' end, coalesce(null, 'z'), nullif(1, 1)
select 1.5::float4, 'NaN'::float8, 'Infinity'::float8, 1e100, 0.1 + 0.2
select date '2024-02-29' + 1, interval '1 day', timestamp '2024-01-01' at time zone 'UTC'
select '{1,2,3}'::int[], array[[1,2],[3,4]], '{}'::text[], array[null::int]
select '{"a": {"b": [1, 2]}}'::jsonb -> 'a' -> 'b' ->> 1, '{"a":1}'::json
select '\\x00ff'::bytea, decode('AAEC', 'base64'), encode('\\x010203', 'hex')
select 'ümläut', E'tab\\tnew\\nline', U&'\\0441\\043B', '日本語', '🐘'
select repeat('a', 10000)
select repeat('0123456789', 30000)
select g, repeat('x', 1000) from generate_series(1, 300) g
select * from generate_series(1, 5000)
select shout('hello'), shout(name) from customers order by id
select * from rich
select relname, relkind from pg_class where relname in ('customers', 'orders') order by 1
select current_database(), current_user = session_user
select version() like 'PostgreSQL%'
select set_config('application_name', 'parity', false)
select pg_typeof(1), 'customers'::regclass, 42::regtype
select 'a' collate "C" < 'b'
select 1 as "a very long identifier that is longer than the sixty-three bytes that a name may have at most"
table customers
values (1, 'one'), (2, 'two')
select * from orders order by id limit 1 offset 1
select * from orders for update
select name from customers order by id fetch first 2 rows only
select * from customers tablesample bernoulli (100) order by id
select xmlelement(name foo)
select lo from generate_series(1, 3) as lo
select * from json_to_recordset('[{"a":1,"b":"x"}]') as t(a int, b text)
select * from unnest(array[1,2], array['a','b']) as u(x, y)
select * from rows from (generate_series(1, 2), generate_series(1, 3)) as r(a, b)
select (c_pair).a, (c_pair).b, c_array[1], c_array[2:3] from every_type
select overlay('abcdef' placing 'X' from 2 for 3), position('c' in 'abc'), trim(both 'x' from 'xax'), substring('abc' from 2)
select extract(year from date '2024-02-29'), date_trunc('month', timestamp '2024-02-29 10:00')
select 'abc' like 'a%', 'abc' ~ '^a.c$', 'abc' similar to '(a|b)%', 'ABC' ilike 'abc'
select string_agg(name, ', ' order by name desc) filter (where id > 1) from customers
select percentile_cont(0.5) within group (order by id) from customers
select greatest(1, 2, null), least(3, 2)
`;

const EMPTY = [
  '',
  ';',
  ';;;',
  '   ',
  '-- only a comment',
  '/* a comment */',
  '/* nested /* comment */ */ ;',
  '\n\n\t;',
];

const ERRORS = `
selec 1
select 1 +
select * form customers
select 'unterminated
select "unterminated
select $$ unterminated
select 1 /* unterminated
select 1; selec 2; select 3
select (1
insert into customers values
select * from absent
select * from absent.customers
select absent from customers
select customers.absent from customers
select c.id from customers
select id from customers c join orders o on true
select absent_function(1)
select shout(1, 2)
select shout(1)
select length(1)
select 1 + 'x'::text
select 1 + true
select -'x'::text
select 1 / 0
select 2147483647 + 1
select 1e400::float8
select 99999::int2
select 'x'::int
select '2024-02-30'::date
select 'x'::bool
select 'x'::uuid
select '{1'::int[]
select '{"a"'::json
select '{"a"'::jsonb
select '\\xzz'::bytea
select '25:00'::time
select '1 fortnight of'::interval
select 'angry'::mood
select 0::positive
select (-1)::positive
select 'x'::absent_type
select cast(row(1) as int)
select '(1'::pair
select cast('2024-01-01' as customers)
select 1::varchar(0)
select repeat('x', -1), repeat('x', 2000000000)
select sqrt(-1)
select ln(0)
select power(0, -1)
select substring('abc' from 1 for -1)
select chr(0)
select to_date('x', 'YYYY')
select to_timestamp('2024-13', 'YYYY-MM')
select array[1,2] || array['a']
select array[[1],[2,3]]
select (select id from customers)
select * from customers where id = (select id, name from customers)
select id, count(*) from customers
select sum(sum(id)) from customers
select count(*) from customers where count(*) > 1
select * from customers, customers
select * from customers order by 9
select distinct on (id) id from customers order by name
select * from customers group by id having name > 1
select 1 union select 'a', 'b'
select 1 union select 'a'
select 1 limit -1
select 1 offset 'x'
select row(1, 2) = row(1)
select x from (values (1), (1, 2)) v(x)
select * from generate_series(1, 2, 0)
select * from shout('x') as t(a int, b int)
select regexp_replace('a', '(', '')
select 'a' like 'b' escape 'xx'
select format('%s %s', 1)
select $1
select current_setting('absent.setting')
select nextval('absent')
select currval('counter')
select 'absent'::regclass
select setval('counter', 0)
insert into customers values (1, 'again')
insert into customers (id) values (9)
insert into customers (id, name) values (9)
insert into customers (id, absent) values (9, 'x')
insert into customers (id, id) values (9, 9)
insert into customers values (9, 'x', 'angry')
insert into customers values (9, 'x', 'ok', '{}', now(), 'too many')
insert into orders (id, customer, total) values (100, 99, 1)
insert into orders (id, customer, total) values (100, 1, -1)
insert into orders (id, customer, total) values (100, 1, 123456789012)
insert into orders (id, customer, note) values (100, 1, 'a note that is longer than twenty')
insert into orders (id, customer, note) values (100, 1, 'first')
insert into orders (id) values (1)
insert into bookings values (1, '[2024-01-01 12:00, 2024-01-03)')
insert into rich values (1)
insert into absent values (1)
update customers set id = 1 where id = 2
update customers set absent = 1
update customers set name = null where id = 1
update customers set id = id from absent
update customers set (id, name) = (1)
delete from customers where id = 1
delete from parent where id = 1
delete from absent
truncate customers
create table customers (id int)
create table t (a int, a int)
create table t (a absent_type)
create table t (a int primary key, b int primary key)
create table t (a int references absent)
create type mood as enum ('x')
create view rich as select 1
create index on customers (absent)
create function shout(text) returns text language sql as $$ select 1 $$
create function broken() returns int language sql as $$ selec 1 $$
create function broken() returns int language plpgsql as $$ begin retur 1; end $$
create sequence counter
create schema public
create extension absent_extension
alter table customers add column name text
alter table customers drop column absent
alter table customers alter column name type int using name::int
alter table absent rename to other
alter type mood add value 'ok'
drop table absent
drop table customers
drop view customers
drop function absent()
drop type mood
drop schema absent
drop sequence customers
comment on table absent is 'x'
grant select on absent to public
lock table absent
vacuum absent
analyze absent
reindex table absent
cluster absent
explain selec 1
explain select absent
execute absent
execute absent(1)
deallocate absent
fetch absent
move absent
close absent
declare c cursor for select 1
savepoint s
release savepoint s
rollback to savepoint s
prepare transaction 'x'
commit prepared 'absent'
call proceed()
call absent()
call shout('x')
select proceed(1)
do $$ begin raise exception 'by hand'; end $$
do $$ begin perform 1/0; end $$
do $$ begin perform absent(); end $$
do $$ broken $$
do language absent $$ x $$
copy absent to stdout
copy customers (absent) to stdout
copy (select 1/0) to stdout
copy customers to stdout (format absent)
copy customers to stdout (format csv, delimiter 'xx')
set work_mem = 'x'
set datestyle = 'absent'
set timezone = 'Absent/Zone'
show absent
select fail_with('P0001', 'words')
select fail_with('23505', 'as a unique violation')
select fail_with('40001', 'as a serialization failure')
select fail_with('57014', 'as a cancel')
select fail_with('22012', 'with ümläuts and 日本語')
select fail_with('ZZ999', 'a code that nobody knows')
select chatty(2), 1/0
merge into customers c using orders o on c.id = o.customer when matched then update set name = 'x'
select * from customers where name = any(1)
select array_to_string(1, ',')
select 1 from customers for update of absent
select max(id) from customers for update
select * from rich for update of customers
with a as (select 1), a as (select 2) select 1
with recursive r as (select 1 union all select 1 from r, r x) select * from r
select * from (select 1)  as a(b, c)
select lag(1)
select row_number() over (partition by absent) from customers
select "customers"."Name" from customers
select $1::int + $2
`;

const NOTICES = `
do $$ begin raise notice 'noticed'; end $$
do $$ begin raise warning 'warned' using hint = 'a hint', detail = 'a detail', errcode = '01234'; end $$
do $$ begin raise info 'informed'; end $$
do $$ begin raise log 'logged'; raise debug 'debugged'; end $$
do $$ begin for i in 1..20 loop raise notice 'n %', i; end loop; end $$
select * from chatty(3)
select * from chatty(50)
call proceed(1)
call stepwise()
drop table if exists absent
drop table if exists absent, also_absent cascade
drop function if exists absent(int)
create schema if not exists public
create table if not exists customers (id int)
commit
rollback
begin; begin; commit
begin; insert into logged values ('x'), ('y'); rollback
insert into customers values (1, 'again') on conflict do nothing
analyze customers
vacuum parent
explain (costs off) select * from customers where id = 1
explain (costs off, format json) select * from customers c join orders o on o.customer = c.id
explain (costs off, verbose) select name from customers
explain (costs off) insert into parent values (5)
explain (analyze, costs off, timing off, summary off, buffers off) select 1
set local datestyle = 'ISO'
show server_version_num
show datestyle
show transaction isolation level
show time zone
`;

const SETTINGS: readonly Script[] = [
  several('SET of each reported setting is told at the end of its message', ...settingChanges()),
  several(
    'SET LOCAL and its end',
    'begin',
    "set local datestyle = 'German'",
    "select date '2024-02-29'",
    'commit',
    'show datestyle',
  ),
  several(
    'SET undone by ROLLBACK',
    'begin',
    "set application_name = 'x'; set timezone = 'Asia/Tokyo'",
    'rollback',
    'show timezone',
  ),
  several(
    'SET undone by ROLLBACK TO',
    'begin',
    'savepoint s',
    "set intervalstyle = 'iso_8601'",
    "select interval '1 day 2 hours'",
    'rollback to s',
    "select interval '1 day 2 hours'",
    'commit',
  ),
  several(
    'several settings in one message',
    "set datestyle = 'SQL'; select 1; set intervalstyle = 'sql_standard'; set timezone = 'UTC'",
    'reset datestyle; reset intervalstyle; set timezone to default; set application_name to default',
  ),
  several(
    'output settings',
    "set bytea_output = 'escape'; select '\\x00ff41'::bytea",
    'set extra_float_digits = 0; select 0.1::float8 + 0.2',
    "set datestyle = 'ISO, DMY'; select '01/02/2024'::date",
    'reset bytea_output; reset extra_float_digits; reset datestyle',
  ),
  several(
    'client_min_messages',
    'set client_min_messages = warning',
    "do $$ begin raise notice 'unheard'; raise warning 'heard'; end $$",
    'reset client_min_messages',
  ),
  several(
    'default_transaction_read_only and SET TRANSACTION',
    'begin',
    'set transaction read only',
    'insert into parent values (7)',
    'rollback',
    'begin isolation level serializable, read only, deferrable',
    'select count(*) from parent',
    'commit',
    'set session characteristics as transaction read write',
  ),
];

function settingChanges(): string[] {
  return [
    "set application_name = 'parity test'",
    "set datestyle = 'SQL, DMY'",
    "set intervalstyle = 'postgres_verbose'",
    "set timezone = 'Europe/Berlin'",
    "set application_name = 'parity test'",
    'reset datestyle',
    'reset intervalstyle',
    'reset timezone',
    'reset application_name',
  ];
}

function lines(text: string): Script[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => simple(line));
}

/** What the proxy refuses whoever asks, in its own words: settings that are not on its list, names that it does not resolve. */
export const REFUSED_WHOEVER_ASKS: readonly string[] = [
  'set absent = 1',
  'reset absent',
  'set role postgres',
  'set session authorization postgres',
  "set client_encoding = 'LATIN1'",
  'set standard_conforming_strings = off',
  'set search_path = public, pg_catalog',
  'select * from absentdb.public.customers',
  'select a.b.c.d.e',
];

export const SIMPLE_GROUPS: Readonly<Record<string, readonly Script[]>> = {
  values: lines(VALUES),
  'empty queries': EMPTY.map((text) => ({ ...simple(text), name: JSON.stringify(text) })),
  errors: lines(ERRORS),
  notices: lines(NOTICES),
  settings: SETTINGS,
};
