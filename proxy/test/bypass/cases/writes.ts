import { type BypassCase, change, marker, rows } from '../case.ts';

const ORDERS_GONE = change('select count(*) < 3 from public.orders');
const LEAKED = change(`select exists (select from public.orders where note like '%zq7marker%')`);

/** INSERT, UPDATE, DELETE, MERGE, and what they read on the way. */
export const WRITES: readonly BypassCase[] = [
  {
    threat: 'RETURNING a forbidden column after UPDATE',
    attack: `update customers set name = 'Eve' where id = 1 returning ssn`,
    evidence: marker,
  },
  {
    threat: 'RETURNING * after UPDATE',
    attack: `update customers set name = 'Eve' where id = 1 returning *`,
    evidence: marker,
  },
  {
    threat: 'RETURNING a whole row',
    attack: `update customers c set name = 'Eve' where id = 1 returning c`,
    evidence: marker,
  },
  {
    threat: 'RETURNING from a table that may only be inserted into',
    attack: `insert into audit_log (message) values ('x') returning actor`,
    evidence: marker,
  },
  {
    threat: 'RETURNING old and new of version 18',
    attack: `update customers set name = 'Eve' where id = 1 returning old.ssn, new.name`,
    evidence: marker,
  },
  {
    threat: 'RETURNING WITH (OLD AS …) whole row',
    attack: `update customers set name = 'Eve' where id = 1 returning with (old as o, new as n) o`,
    evidence: marker,
  },
  {
    threat: 'ON CONFLICT DO UPDATE that copies a forbidden column into an allowed one',
    attack: `insert into customers (id, name) values (1, 'x') on conflict (id) do update set name = customers.ssn returning name`,
    evidence: marker,
  },
  {
    threat: 'ON CONFLICT DO UPDATE SET a forbidden column from excluded',
    attack: `insert into customers (id, name) values (1, 'x') on conflict (id) do update set ssn = excluded.name`,
    evidence: change(`select ssn = 'x' from public.customers where id = 1`),
  },
  {
    threat: 'ON CONFLICT … WHERE a forbidden column as an oracle',
    attack: `insert into customers (id, name) values (1, 'x') on conflict (id) do update set name = 'hit' where customers.ssn like '%1'`,
    evidence: change(`select name = 'hit' from public.customers where id = 1`),
  },
  {
    threat: 'excluded as a whole row',
    attack: `insert into customers (id, name) values (1, 'x') on conflict (id) do update set name = excluded::text returning name`,
    evidence: rows(/\(1,x,,\)/),
  },
  {
    threat: 'UPDATE of a forbidden column',
    attack: `update customers set ssn = 'mine' where id = 1`,
    evidence: change(`select ssn = 'mine' from public.customers where id = 1`),
  },
  {
    threat: 'UPDATE of several columns by a row',
    attack: `update customers set (name, ssn) = ('n', 'mine') where id = 1`,
    evidence: change(`select ssn = 'mine' from public.customers where id = 1`),
  },
  {
    threat: 'UPDATE SET from a forbidden table',
    attack: 'update orders set note = (select value from secrets where id = 1) where id = 1',
    evidence: LEAKED,
  },
  {
    threat: 'UPDATE … FROM a forbidden table',
    attack: 'update orders set note = s.value from secrets s where s.id = orders.id',
    evidence: LEAKED,
  },
  {
    threat: 'UPDATE of an allowed column from a forbidden one',
    attack: 'update customers set name = ssn where id = 1',
    evidence: change(`select name like '%zq7marker%' from public.customers where id = 1`),
  },
  {
    threat: 'UPDATE with a forbidden column in WHERE',
    attack: `update customers set name = 'hit' where ssn like '%2'`,
    evidence: change(`select name = 'hit' from public.customers where id = 2`),
  },
  {
    threat: 'UPDATE of a table that may only be read',
    attack: 'update rates set rate = 0',
    evidence: change('select bool_and(rate = 0) from public.rates'),
  },
  {
    threat: 'UPDATE through a view',
    attack: `update secret_view set value = 'x'`,
    evidence: change(`select bool_or(value = 'x') from public.secrets`),
  },
  { threat: 'DELETE that no rule allows', attack: 'delete from orders where id = 1', evidence: ORDERS_GONE },
  {
    threat: 'DELETE … USING a forbidden table',
    attack: 'delete from orders using secrets where secrets.id = orders.id',
    evidence: ORDERS_GONE,
  },
  { threat: 'TRUNCATE', attack: 'truncate orders', evidence: ORDERS_GONE },
  {
    threat: 'INSERT … SELECT from a forbidden table',
    attack: `insert into orders (note) select value from secrets`,
    evidence: LEAKED,
  },
  {
    threat: 'INSERT … TABLE',
    attack: `insert into orders (id, note) table secrets on conflict (id) do update set note = excluded.note`,
    evidence: LEAKED,
  },
  {
    threat: 'INSERT VALUES with a scalar subquery',
    attack: 'insert into orders (note) values ((select value from secrets limit 1))',
    evidence: LEAKED,
  },
  {
    threat: 'INSERT into a forbidden column',
    attack: `insert into customers (id, name, ssn) values (9, 'n', 'mine')`,
    evidence: change(`select exists (select from public.customers where ssn = 'mine')`),
  },
  {
    threat: 'INSERT without a column list into a table with forbidden columns',
    attack: `insert into customers values (9, 'n', 'mine', 'mine')`,
    evidence: change(`select exists (select from public.customers where ssn = 'mine')`),
  },
  {
    threat: 'INSERT into a forbidden table',
    attack: `insert into secrets values (7, 'x')`,
    evidence: change('select count(*) = 3 from public.secrets'),
  },
  {
    threat: 'a data-modifying CTE',
    attack: 'with gone as (delete from orders returning id) select count(*) from gone',
    evidence: ORDERS_GONE,
  },
  {
    threat: 'a data-modifying CTE that nothing reads',
    attack: 'with gone as (delete from orders) select 1',
    evidence: ORDERS_GONE,
  },
  {
    threat: 'MERGE that deletes',
    attack: 'merge into orders o using (values (1)) v (id) on o.id = v.id when matched then delete',
    evidence: ORDERS_GONE,
  },
  {
    threat: 'MERGE using a forbidden table',
    attack: 'merge into orders o using secrets s on o.id = s.id when matched then update set note = s.value',
    evidence: LEAKED,
  },
  {
    threat: 'MERGE with a forbidden column in a WHEN condition',
    attack: `merge into customers c using (values (1)) v (id) on c.id = v.id when matched and c.ssn like '%1' then update set name = 'hit'`,
    evidence: change(`select name = 'hit' from public.customers where id = 1`),
  },
  {
    threat: 'MERGE … RETURNING a forbidden column',
    attack: `merge into customers c using (values (1)) v (id) on c.id = v.id when matched then update set name = 'x' returning c.ssn`,
    evidence: marker,
  },
  {
    threat: 'MERGE that inserts into a forbidden column',
    attack: `merge into customers c using (values (9)) v (id) on c.id = v.id when not matched then insert (id, ssn) values (9, 'mine')`,
    evidence: change(`select exists (select from public.customers where ssn = 'mine')`),
  },
  {
    threat: 'FOR UPDATE on a table that may only be read',
    attack: 'select rate from rates for update',
    evidence: rows(/^1\n1\.1$/),
  },
  {
    threat: 'FOR KEY SHARE inside a subquery',
    attack: 'select r.rate from (select rate from rates for key share) r',
    evidence: rows(/^1\n1\.1$/),
  },
  {
    threat: 'a default that draws from a forbidden sequence',
    attack: `insert into orders (amount) values (nextval('invoice_seq'))`,
    evidence: change('select is_called from public.invoice_seq'),
  },
  {
    threat: 'UPDATE WHERE CURRENT OF a cursor over a table that may only be read',
    attack: `begin; declare c cursor for select rate from rates; fetch c; update rates set rate = 7 where current of c; commit`,
    evidence: change('select exists (select from public.rates where rate = 7)'),
  },
  {
    threat: 'DELETE WHERE CURRENT OF',
    attack: 'begin; declare c cursor for select id from orders; fetch c; delete from orders where current of c; commit',
    evidence: ORDERS_GONE,
  },
];
