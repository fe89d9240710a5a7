import { type BypassCase, change, marker, rows } from '../case.ts';
import type { Attacker } from '../attacker.ts';
import { bind, execute, extended, parse, query, sync } from '../messages.ts';

const SECRET = 'select value from secrets';
const UNIQUE_AT_COMMIT = 'alter table orders add constraint one_note unique (note) deferrable initially deferred';
const FAILS_AT_COMMIT = `insert into orders (note) values ('twice'), ('twice')`;

/** Each is answered before the next is sent. */
const oneByOne =
  (...messages: readonly (string | readonly Buffer[])[]) =>
  async (attacker: Attacker): Promise<void> => {
    for (const next of messages) await (typeof next === 'string' ? attacker.query(next) : attacker.run(next));
  };

/** Where the server's reading of a name or of a failure is easily mistaken. */
export const HUNTED: readonly BypassCase[] = [
  {
    threat: 'a forbidden column in the LIMIT of a UNION that puts out its name',
    attack: `select id, array(select 1 as ssn union all select 2 as ssn
      limit (select case when ssn = 'zq7marker-ssn-1' then 1 else 2 end)) from customers order by id`,
    evidence: rows(/^1\|\{1\}$/m),
  },
  {
    threat: 'a forbidden column by WHEN NOT MATCHED BY SOURCE, behind a source of its name',
    attack: `merge into customers c using (select 1 as id, 'x' as ssn) s on c.id = s.id
      when not matched by source then update set name = ssn returning c.name`,
    evidence: change(`select exists (select from customers where name like 'zq7%')`),
  },
  {
    threat: 'a forbidden column in the condition of WHEN NOT MATCHED BY SOURCE',
    attack: `merge into customers c using (select 1 as id, 'x' as ssn) s on c.id = s.id
      when not matched by source and ssn like 'zq7%' then update set name = 'told'`,
    evidence: change(`select exists (select from customers where name = 'told')`),
  },
  {
    threat: "a forbidden column by the server's own name for the join that a MERGE reads",
    attack: `merge into orders using (select 1 as k) s join customers c on c.id = s.k on false
      when not matched then insert (note) values (unnamed_join.ssn)`,
    evidence: change(`select exists (select from orders where note like 'zq7%')`),
  },
  {
    threat: 'PREPARE in a text that fails at its commit, then EXECUTE',
    setup: UNIQUE_AT_COMMIT,
    attack: oneByOne(`${FAILS_AT_COMMIT}; prepare p as ${SECRET}`, 'execute p'),
    evidence: marker,
  },
  {
    threat: 'PREPARE in a text that fails at its commit, then Bind',
    setup: UNIQUE_AT_COMMIT,
    attack: oneByOne(`${FAILS_AT_COMMIT}; prepare p as ${SECRET}`, [bind({ statement: 'p' }), execute(), sync()]),
    evidence: marker,
  },
  {
    threat: 'DEALLOCATE and PREPARE in texts that fail at their commit',
    setup: UNIQUE_AT_COMMIT,
    attack: oneByOne(
      'prepare p as select note from orders',
      `${FAILS_AT_COMMIT}; deallocate p`,
      `${FAILS_AT_COMMIT}; prepare p as ${SECRET}`,
      'execute p',
    ),
    evidence: marker,
  },
  {
    threat: 'PREPARE by Execute in a pipeline that fails at its commit',
    setup: UNIQUE_AT_COMMIT,
    attack: [
      parse(FAILS_AT_COMMIT),
      bind(),
      execute(),
      parse(`prepare p as ${SECRET}`),
      bind(),
      execute(),
      sync(),
      query('execute p'),
    ],
    evidence: marker,
  },
  {
    threat: 'the size of a whole row as a column',
    attack: 'select c.pg_column_size from customers c where id = 1',
    evidence: rows(/^\d+$/m),
  },
  {
    threat: 'a portal bound twice over a COMMIT within its pipeline',
    attack: [
      parse('delete from secrets', 'd'),
      parse('commit', 'c'),
      bind({ statement: 'c', portal: 'p' }),
      execute('p'),
      sync(),
      bind({ statement: 'd', portal: 'p' }),
      execute('p'),
      sync(),
      bind({ statement: 'd', portal: 'q' }),
      execute('q'),
      sync(),
    ],
    evidence: change('select count(*) = 0 from secrets'),
  },
  {
    threat: 'a portal of a batch whose Sync is answered idle, executed by the next',
    attack: [
      query('begin'),
      parse('delete from secrets', 'd'),
      bind({ statement: 'd', portal: 'p' }),
      sync(),
      ...extended('savepoint a'),
      execute('p'),
      sync(),
      query('commit'),
    ],
    evidence: change('select count(*) = 0 from secrets'),
  },
  {
    threat: 'TRUNCATE CASCADE of an allowed table takes a forbidden one along',
    setup: 'alter table secrets add foreign key (id) references orders (id)',
    attack: 'truncate orders cascade',
    evidence: change('select count(*) = 0 from secrets'),
  },
  {
    threat: 'a column of the outer query behind a JOIN USING alias of its own name',
    attack: `select (select customers.ssn from (select 1 as id) a join (select 1 as id) b using (id) as u limit 1)
      from customers where id = 1`,
    evidence: marker,
  },
  {
    threat: 'a forbidden column behind a LATERAL item that cannot see its namesake yet',
    attack: `select s.v from customers c where exists (select from (select 'x' as ssn) a, (select ssn as v) s
      where s.v like 'zq7%')`.replace('select s.v', 'select c.id'),
    evidence: rows(/^1$/m),
  },
  {
    threat: 'a forbidden column behind a sibling in JOIN … ON',
    attack: `select c.id from customers c where exists (select from (select 'x' as ssn) a,
      ((select 1 as k) x join (select 1 as k) y on ssn like 'zq7%'))`,
    evidence: rows(/^1$/m),
  },
  {
    threat: 'a forbidden column in TABLESAMPLE behind a sibling of its name',
    attack: `select c.id from customers c where exists (select from (select 'x' as ssn) a,
      orders tablesample bernoulli ((select case when ssn like 'zq7%' then 100 else 0 end)))`,
    evidence: rows(/^1$/m),
  },
  {
    threat: 'a forbidden column in a CTE below a query that has its name',
    attack: `select c.id from customers c where exists (with w as (select ssn as v) select 
      from (select 'x' as ssn) a, w where w.v like 'zq7%')`,
    evidence: rows(/^1$/m),
  },
  {
    threat: 'a forbidden column in ORDER BY by an expression of an output name',
    attack: `select id, name as ssn from customers order by ssn || ''`,
    evidence: rows(/^1\|Ann/m),
  },
  {
    threat: 'a forbidden column in GROUP BY under an output name',
    attack: `select count(*) as ssn from customers group by ssn`,
    evidence: rows(/^1$/m),
  },
  {
    threat: 'a forbidden column in RETURNING behind a CTE of its name',
    attack: `with ssn as (select 'x' as ssn) update customers set name = 'Z' where id = 1 returning (select ssn from (select 1) z)`,
    evidence: marker,
  },
  {
    threat: 'a whole row whose name is an alias that a column list hides',
    attack: `select customers::text from customers`,
    evidence: marker,
  },
  {
    threat: "a user's cast to float8, by a precision that makes float8 of what was float4 before",
    setup: `create function read_float(text) returns float8 language sql as
        'select 7771::float8 from secrets where id = 1';
      create cast (text as float8) with function read_float(text)`,
    attack: [
      query('select note::float(24) from orders where id = 0'),
      query('select note::float(53) from orders where id = 1'),
    ],
    evidence: rows(/^7771$/m),
  },
  {
    threat: 'PREPARE under a name that the server cuts before a letter of two bytes',
    attack: oneByOne(`prepare "${'a'.repeat(62)}é" as ${SECRET}`, `execute "${'a'.repeat(62)}"`),
    evidence: marker,
  },
  {
    threat: 'FETCH from a portal of the protocol that holds a forbidden INSERT … RETURNING',
    attack: [
      query('begin'),
      parse(`insert into secrets values (9, 'x') returning value`, 's'),
      bind({ statement: 's', portal: 'p' }),
      sync(),
      query('fetch all from p'),
      query('commit'),
    ],
    evidence: change('select exists (select from secrets where id = 9)'),
  },
  {
    threat: 'FETCH from a portal of the protocol that holds an EXECUTE',
    attack: [
      query('begin'),
      parse(SECRET, 's'),
      parse('execute s', 'e'),
      bind({ statement: 'e', portal: 'p' }),
      sync(),
      query('fetch all from p'),
      query('commit'),
    ],
    evidence: marker,
  },
  {
    threat: 'a sequence whose name is what a cast leaves of an allowed one',
    setup: 'create sequence orders_id',
    attack: `select nextval('orders_id_seq'::varchar(9))`,
    evidence: change('select is_called from orders_id'),
  },
  {
    threat: 'a search_path that is what a cast leaves of an allowed one',
    user: 'editor',
    setup: 'create schema hid',
    attack: `select set_config('search_path', 'hidden'::varchar(3), false)`,
    evidence: rows(/^hid$/m),
  },
];
