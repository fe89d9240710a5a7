import { type BypassCase, marker } from '../case.ts';
import { query } from '../messages.ts';

const SECRET = `$$ select value from public.secrets where id = 1 $$`;
const leaking = (signature: string, returns = 'text'): string =>
  `create function public.${signature} returns ${returns} language sql security definer as ${SECRET};`;
/** A function that puts the secret into its error, where its type has no room for it. */
const raising = (signature: string, returns: string): string =>
  `create function public.${signature} returns ${returns} language plpgsql security definer as
   $$ begin raise exception '%', (select value from public.secrets where id = 1); end $$;`;
const operator = (sign: string, left: string, right: string, returns = 'boolean'): string =>
  `${raising(`peek(${left}, ${right})`, returns)} create operator public.${sign} (leftarg = ${left}, rightarg = ${right}, function = public.peek);`;
const SAME = operator('=', 'public.order_status', 'public.order_status');
const EQUALS = operator('=', 'public.order_status', 'text');

/** Objects outside pg_catalog that wear a harmless name, called without naming them. */
export const SHADOWING: readonly BypassCase[] = [
  { threat: 'a forbidden function by its name', attack: 'select leak()', evidence: marker },
  { threat: 'a forbidden function by its qualified name', attack: 'select public.leak()', evidence: marker },
  { threat: 'a forbidden function in FROM', attack: 'select * from leak_rows()', evidence: marker },
  {
    threat: 'a forbidden function in a LIMIT',
    setup: raising('peek_limit()', 'bigint'),
    attack: 'select id from orders limit peek_limit()',
    evidence: marker,
  },
  {
    threat: 'a forbidden function as an argument of an allowed one',
    attack: 'select order_total(length(leak()))',
    setup: raising('leaks()', 'int'),
    evidence: { kind: 'rows', pattern: /^0$/ },
  },
  {
    threat: 'a function that matches lower(enum) exactly',
    setup: leaking('lower(public.order_status)'),
    attack: 'select lower(status) from orders',
    evidence: marker,
  },
  {
    threat: 'a function that matches lower(varchar) exactly',
    setup: leaking('lower(varchar)'),
    attack: 'select lower(note::varchar) from orders',
    evidence: marker,
  },
  {
    threat: 'a shadowing function in WHERE',
    setup: leaking('upper(public.order_status)'),
    attack: `select id from orders where upper(status)::int = 1`,
    evidence: marker,
  },
  {
    threat: 'a shadowing function in an INSERT value',
    setup: leaking('upper(int)'),
    attack: `insert into orders (note) values (upper(1)) returning note`,
    evidence: marker,
  },
  {
    threat: 'a shadowing function with VARIADIC',
    setup: leaking('concat(variadic public.order_status[])'),
    attack: 'select concat(status) from orders',
    evidence: marker,
  },
  {
    threat: 'a shadowing function with a default argument',
    setup: leaking('now(x int default 1)'),
    attack: 'select now(1)',
    evidence: marker,
  },
  {
    threat: 'a shadowing aggregate',
    setup: `${leaking('step(text, public.order_status)')} create aggregate public.max(public.order_status) (sfunc = public.step, stype = text);`,
    attack: 'select max(status) from orders',
    evidence: marker,
  },
  {
    threat: 'a shadowing window function',
    setup: `${leaking('step(text, public.order_status)')} create aggregate public.lag(public.order_status) (sfunc = public.step, stype = text);`,
    attack: 'select lag(status) over (order by id) from orders',
    evidence: marker,
  },
  {
    threat: "a shadowing function under a keyword's syntax (OVERLAY, SUBSTRING)",
    setup: leaking('substring(public.order_status, int)'),
    attack: 'select substring(status, 1) from orders',
    evidence: marker,
  },
  {
    threat: 'a shadowing operator =',
    setup: EQUALS,
    attack: `select id from orders where status = 'open'::text`,
    evidence: marker,
  },
  {
    threat: 'IN uses the shadowing =',
    setup: EQUALS,
    attack: `select id from orders where status in ('open'::text)`,
    evidence: marker,
  },
  {
    threat: '= ANY uses the shadowing =',
    setup: EQUALS,
    attack: `select id from orders where status = any (array['open'::text])`,
    evidence: marker,
  },
  {
    threat: 'IN with a subquery uses the shadowing =',
    setup: EQUALS,
    attack: `select id from orders where status in (select note from orders)`,
    evidence: marker,
  },
  {
    threat: 'CASE … WHEN uses the shadowing =',
    setup: EQUALS,
    attack: `select case status when 'open'::text then 1 end from orders`,
    evidence: marker,
  },
  {
    threat: 'NULLIF uses the shadowing =',
    setup: EQUALS,
    attack: `select nullif(status, 'open'::text) from orders`,
    evidence: marker,
  },
  {
    threat: 'IS DISTINCT FROM uses the shadowing =',
    setup: EQUALS,
    attack: `select status is distinct from 'open'::text from orders`,
    evidence: marker,
  },
  {
    threat: 'JOIN USING uses the shadowing =',
    setup: SAME,
    attack: `select 1 from orders a join orders b using (status)`,
    evidence: marker,
  },
  {
    threat: 'NATURAL JOIN uses the shadowing =',
    setup: SAME,
    attack: `select 1 from (select status from orders) a natural join (select status from orders) b`,
    evidence: marker,
  },
  {
    threat: 'BETWEEN uses a shadowing >=',
    setup: operator('>=', 'public.order_status', 'text'),
    attack: `select id from orders where status between 'a'::text and 'open'`,
    evidence: marker,
  },
  {
    threat: 'LIKE uses a shadowing ~~',
    setup: operator('~~', 'public.order_status', 'text'),
    attack: `select id from orders where status like 'open'::text`,
    evidence: marker,
  },
  {
    threat: 'ILIKE uses a shadowing ~~*',
    setup: operator('~~*', 'public.order_status', 'text'),
    attack: `select id from orders where status ilike 'open'::text`,
    evidence: marker,
  },
  {
    threat: 'SIMILAR TO uses a shadowing ~',
    setup: operator('~', 'public.order_status', 'text'),
    attack: `select id from orders where status similar to 'open'`,
    evidence: marker,
  },
  {
    threat: 'a shadowing prefix operator',
    setup: `${leaking('negate(public.order_status)')} create operator public.- (rightarg = public.order_status, function = public.negate);`,
    attack: 'select - status from orders',
    evidence: marker,
  },
  {
    threat: 'OPERATOR() with a schema',
    setup: EQUALS,
    attack: `select id from orders where status operator(public.=) 'open'::text`,
    evidence: marker,
  },
  {
    threat: 'the subscript of ANY over a shadowing <> (NOT IN)',
    setup: operator('<>', 'public.order_status', 'text'),
    attack: `select id from orders where status not in ('open'::text)`,
    evidence: marker,
  },
  {
    threat: 'a domain whose check tells the secret',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `select 'x'::tripped`,
    evidence: marker,
  },
  {
    threat: 'a domain named by CAST',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `select cast('x' as public.tripped)`,
    evidence: marker,
  },
  {
    threat: 'a domain as a typed literal',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `select tripped 'x'`,
    evidence: marker,
  },
  {
    threat: 'a domain in an array type',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `select '{x}'::tripped[]`,
    evidence: marker,
  },
  {
    threat: 'a domain in a record definition',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `select * from json_to_record('{"a": "x"}') as r (a tripped)`,
    evidence: marker,
  },
  {
    threat: 'a domain as the type of a parameter in PREPARE',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `prepare p (tripped) as select $1; execute p ('x')`,
    evidence: marker,
  },
  {
    threat: 'a domain as the declared type of a protocol parameter',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: async (a) => {
      const oid = await a.owner(`select 'public.tripped'::regtype::oid::int`);
      await a.run([a.parseTyped('select $1', Number(oid)), ...a.bound('x')]);
    },
    evidence: marker,
  },
  {
    threat: 'a domain as a COLUMNS type of JSON_TABLE',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `select * from json_table('["x"]', '$[*]' columns (a tripped path '$' error on error))`,
    evidence: marker,
  },
  {
    threat: 'a domain as the RETURNING type of JSON_VALUE',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `select json_value('{"a": "x"}', '$.a' returning tripped error on error)`,
    evidence: marker,
  },
  {
    threat: 'a domain as an XMLTABLE column',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `select * from xmltable('/a' passing xml '<a>x</a>' columns a tripped path '.')`,
    evidence: marker,
  },
  {
    threat: 'a type in functional notation',
    setup: `${raising('check_it(text)', 'boolean')} create domain public.tripped as text check (public.check_it(value));`,
    attack: `select tripped('x'::text)`,
    evidence: marker,
  },
  {
    threat: 'a cast whose function tells the secret',
    setup: `${raising('peek(public.order_status)', 'int')} create cast (public.order_status as int) with function public.peek(public.order_status);`,
    attack: 'select status::int from orders',
    evidence: marker,
  },
  {
    threat: 'an implicit cast that nothing names',
    usable: 'show application_name',
    setup: `${raising('peek(public.order_status)', 'int')} create cast (public.order_status as int) with function public.peek(public.order_status) as implicit;`,
    attack: 'select abs(status) from orders',
    evidence: marker,
  },
  {
    threat: 'an assignment cast that nothing names',
    usable: 'show application_name',
    setup: `${raising('peek(public.order_status)', 'int')} create cast (public.order_status as int) with function public.peek(public.order_status) as assignment;`,
    attack: 'insert into orders (customer_id) select status from orders',
    evidence: marker,
  },
  {
    threat: 'a function in column notation on a table whose columns are all allowed',
    setup: leaking('order_dump(public.orders)'),
    attack: 'select o.order_dump from orders o',
    evidence: marker,
  },
  {
    threat: 'a function in field notation on a whole row that is allowed',
    setup: leaking('order_dump(public.orders)'),
    attack: 'select (o).order_dump from orders o',
    evidence: marker,
  },
  {
    threat: 'a function in column notation on a subquery',
    setup: raising('peek(record)', 'text'),
    attack: 'select s.peek from (select id from orders) s',
    evidence: marker,
  },
  {
    threat: 'a function in field notation on ROW()',
    setup: raising('peek(record)', 'text'),
    attack: 'select (row(1, 2)).peek',
    evidence: marker,
  },
  {
    threat: 'a forbidden overload under an allowed schema-qualified pg_catalog look-alike',
    setup: leaking('"pg_catalog.lower"(text)'),
    attack: `select "pg_catalog.lower"('x')`,
    evidence: marker,
  },
  {
    threat: "a text search configuration and parser of one's own",
    setup: `create text search configuration public.peek (copy = simple)`,
    attack: `select to_tsvector('public.peek', 'x') is not null, leak()`,
    evidence: marker,
  },
  {
    threat: 'a collation named in a forbidden schema does not hide the column',
    attack: 'select ssn collate "C" from customers',
    evidence: marker,
  },
  {
    threat: 'GRANTs of the extension dblink run text elsewhere',
    setup: 'create extension dblink',
    attack: async (a) => {
      await a.query(
        `select * from dblink('host=127.0.0.1 port=${a.serverPort} user=postgres password=${a.serverPassword} dbname=${a.database}', 'select value from secrets') as t (v text)`,
      );
    },
    evidence: marker,
  },
  {
    threat: 'a table function of the extension tablefunc runs text',
    setup: 'create extension tablefunc',
    attack: `select * from crosstab('select id, 1, value from secrets') as c (id int, v text)`,
    evidence: marker,
  },
  {
    threat: 'query through a shadowed view of the catalog in pg_temp is not made',
    attack: [
      query('create temp view pg_roles as select value from secrets'),
      query('select value from pg_temp.pg_roles'),
    ],
    evidence: marker,
  },
  {
    threat: 'a function that somebody put into pg_catalog itself',
    setup: `create function pg_catalog.peek_inside() returns text language sql security definer as 'select value from public.secrets where id = 1'`,
    attack: [query('select peek_inside()')],
    evidence: marker,
  },
  {
    threat: 'an operator that somebody put into pg_catalog itself',
    setup: `create function public.peek_inside(text, int) returns text language sql security definer as 'select value from public.secrets where id = 1'; create operator pg_catalog.|&| (leftarg = text, rightarg = int, function = public.peek_inside)`,
    attack: [query(`select 'x'::text |&| 1`)],
    evidence: marker,
  },
];
