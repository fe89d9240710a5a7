import { type BypassCase, marker, rows } from '../case.ts';

const oracle = (threat: string, attack: string, pattern: RegExp): BypassCase => ({
  threat,
  attack,
  evidence: rows(pattern),
});

/** A forbidden column that is never an output and still answers questions. */
export const CLAUSES: readonly BypassCase[] = [
  oracle('WHERE on a forbidden column', `select id from customers where ssn like '%ssn-2'`, /^2$/),
  oracle(
    'a count with a forbidden column in FILTER',
    `select count(*) filter (where ssn like '%2') from customers`,
    /^1$/,
  ),
  oracle('ORDER BY a forbidden column', 'select id from customers order by ssn desc', /^2\n1$/),
  oracle(
    'ORDER BY an expression of a forbidden column',
    'select id from customers order by upper(email) desc',
    /^2\n1$/,
  ),
  oracle('GROUP BY a forbidden column', 'select count(*) from customers group by ssn', /^1\n1$/),
  oracle(
    'GROUP BY the primary key and a forbidden column in HAVING',
    `select id from customers group by id having ssn like '%1'`,
    /^1$/,
  ),
  oracle(
    'HAVING over an aggregate of a forbidden column',
    `select count(*) from customers having max(ssn) like '%2'`,
    /^2$/,
  ),
  oracle(
    'GROUPING SETS with a forbidden column',
    'select grouping(ssn), count(*) from customers group by grouping sets ((ssn), ())',
    /1\|2/,
  ),
  oracle('DISTINCT ON a forbidden column', 'select distinct on (ssn) id from customers order by ssn desc', /^2\n1$/),
  oracle(
    'a window partitioned by a forbidden column',
    'select id, row_number() over (partition by ssn) from customers order by 1',
    /^1\|1\n2\|1$/,
  ),
  oracle(
    'a named window ordered by a forbidden column',
    'select id, rank() over w from customers window w as (order by ssn desc) order by 1',
    /^1\|2\n2\|1$/,
  ),
  oracle(
    'an aggregate ordered by a forbidden column',
    `select string_agg(name, ',' order by ssn desc) from customers`,
    /^Bob,Ann$/,
  ),
  oracle(
    'an ordered-set aggregate within a forbidden column',
    'select length(mode() within group (order by ssn)) from customers',
    /^15$/,
  ),
  oracle(
    'CASE on a forbidden column',
    `select case when ssn like '%2' then 'hit' else 'miss' end from customers order by 1`,
    /^hit\nmiss$/,
  ),
  oracle(
    'COALESCE and NULLIF as an oracle',
    `select id from customers where nullif(ssn, 'zq7' || 'marker-ssn-1') is null`,
    /^1$/,
  ),
  oracle('IS NOT NULL of a forbidden column', 'select id from customers where ssn is not null order by id', /^1\n2$/),
  oracle('IS NOT NULL of a whole row', 'select id from customers c where c is not null order by id', /^1\n2$/),
  oracle('a whole row compared', 'select c.id from customers c, customers d where c = d order by 1', /^1\n2$/),
  oracle(
    'a row compared with a subquery',
    `select id from customers where (id, ssn) in (select 2, 'zq7' || 'marker-ssn-2')`,
    /^2$/,
  ),
  oracle(
    'LIMIT by a subquery over a forbidden table',
    'select id from orders order by id limit (select count(*) from secrets)',
    /^1\n2$/,
  ),
  oracle(
    'OFFSET by a subquery over a forbidden table',
    'select id from orders order by id offset (select max(id) from secrets)',
    /^3$/,
  ),
  oracle(
    'FETCH FIRST … WITH TIES ordered by a forbidden column',
    'select id from customers order by ssn desc fetch first 1 rows with ties',
    /^2$/,
  ),
  oracle(
    'ORDER BY a subquery over a forbidden table',
    'select id from orders order by (select value from secrets s where s.id = orders.id) nulls last, id',
    /^2\n1\n3$/,
  ),
  oracle(
    'JOIN USING a forbidden column',
    'select c.id from customers c join customers d using (ssn) order by 1',
    /^1\n2$/,
  ),
  oracle('NATURAL JOIN over forbidden columns', 'select count(*) from customers c natural join customers d', /^2$/),
  oracle('NATURAL JOIN with a forbidden table', 'select count(*) from orders natural join secrets', /^2$/),
  oracle(
    'JOIN ON a forbidden column',
    `select o.id from orders o join customers c on c.id = o.customer_id and c.ssn like '%2'`,
    /^2$/,
  ),
  oracle(
    'an alias over JOIN USING',
    'select j.id from (customers c join customers d using (id, ssn) as j) order by 1',
    /^1\n2$/,
  ),
  oracle(
    'an unqualified forbidden column in a join',
    `select o.id from orders o, customers c where c.id = o.customer_id and ssn like '%2'`,
    /^2$/,
  ),
  oracle(
    'IN with a forbidden table',
    'select id from orders where id in (select id from secrets) order by id',
    /^1\n2$/,
  ),
  oracle(
    'EXISTS with a forbidden table',
    'select id from orders o where exists (select 1 from secrets s where s.id = o.id) order by id',
    /^1\n2$/,
  ),
  oracle('ALL over a forbidden table', 'select id from orders where id > all (select id from secrets)', /^3$/),
  oracle('EXCEPT with a forbidden table', 'select id from orders except select id from secrets', /^3$/),
  oracle(
    'a subscript computed from a forbidden table',
    `select (array['a', 'b', 'c'])[(select max(id) from secrets)]`,
    /^b$/,
  ),
  oracle(
    'a slice computed from a forbidden table',
    `select (array[1, 2, 3])[1:(select max(id) from secrets)]`,
    /^\{1,2\}$/,
  ),
  oracle(
    'the argument of TABLESAMPLE',
    `select count(*) from rates tablesample bernoulli ((select max(id) * 50 from secrets))`,
    /^2$/,
  ),
  oracle(
    'generate_series over a forbidden table',
    'select * from generate_series(1, (select max(id) from secrets))',
    /^1\n2$/,
  ),
  oracle('an argument of an allowed function', 'select order_total((select min(id) from secrets)::int)', /^40\.00$/),
  oracle('a named argument', 'select order_total(customer => (select min(id) from secrets))', /^40\.00$/),
  oracle(
    'a window frame offset from a forbidden table',
    'select count(*) over (order by id rows between (select max(id) from secrets) preceding and current row) from orders',
    /^1\n2\n3$/,
  ),
  {
    threat: 'an error message that quotes a forbidden column',
    attack: 'select cast(ssn as int) from customers',
    evidence: marker,
  },
  {
    threat: 'an error message that quotes a forbidden value in WHERE',
    attack: 'select id from customers where ssn::int = 1',
    evidence: marker,
  },
  {
    threat: 'an error message from a subquery over a forbidden table',
    attack: 'select (select value from secrets limit 1)::date',
    evidence: marker,
  },
  {
    threat: 'an error message from COLLATE on a forbidden column',
    attack: 'select id from customers where (ssn collate "C")::numeric > 1',
    evidence: marker,
  },
  {
    threat: 'EXPLAIN ANALYZE of a forbidden statement',
    attack: 'explain (analyze, costs off, timing off) select value from secrets',
    evidence: rows(/actual rows=2|rows=2\.00/),
  },
  {
    threat: 'EXPLAIN tells estimates of a forbidden table',
    attack: 'explain select value from secrets',
    evidence: rows(/Seq Scan on secrets/),
  },
  {
    threat: 'EXPLAIN VERBOSE expands what is hidden',
    attack: 'explain (verbose, format json) select * from customers',
    evidence: rows(/ssn/),
  },
  {
    threat: 'EXPLAIN ANALYZE runs a forbidden write',
    attack: 'explain analyze insert into audit_log (message) select value from secrets',
    evidence: rows(/Insert on audit_log/),
  },
];
