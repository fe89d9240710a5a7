/** What is attacked: every value that the limited user must not see holds the marker. */
export const MARKER = 'zq7marker';

export const FIXTURE = `
create schema hidden;
create type public.order_status as enum ('open', 'paid', 'shipped');
create table public.customers (id int primary key, name text unique, ssn text, email text);
create table public.orders (
  id serial primary key, customer_id int, status public.order_status not null default 'open',
  amount numeric(10,2) not null default 0, note text);
create table public.secrets (id int primary key, value text);
create table public.audit_log (id serial primary key, message text, actor text default '${MARKER}-actor');
create table public.rates (currency text primary key, rate numeric);
create table public.briefing (id int primary key, body text);
create table hidden.orders (id int primary key, note text);
create table public.events (id int, body text);
create table public.events_private () inherits (public.events);
create table public.measures (id int, at date, body text) partition by range (at);
create table public.measures_2026 partition of public.measures for values from ('2026-01-01') to ('2027-01-01');
create view public.secret_view as select id, value from public.secrets;
create view public.order_summary as select status, count(*) as orders from public.orders group by status;
create sequence public.invoice_seq;
create type public.pair as (a int, b text);

insert into public.customers values (1, 'Ann', '${MARKER}-ssn-1', '${MARKER}-a@example.org'), (2, 'Bob', '${MARKER}-ssn-2', '${MARKER}-b@example.org');
insert into public.orders (customer_id, status, amount, note) values (1, 'open', 10, 'first'), (2, 'paid', 20, 'second'), (1, 'shipped', 30, 'third');
insert into public.secrets values (1, '${MARKER}-secret'), (2, '${MARKER}-other');
insert into public.rates values ('EUR', 1), ('USD', 1.1);
insert into public.briefing select n, '${MARKER}-briefing-' || n from generate_series(1, 5) n;
insert into hidden.orders values (1, '${MARKER}-hidden');
insert into public.events values (1, 'plain');
insert into public.events_private values (2, '${MARKER}-event');
insert into public.measures values (1, '2026-05-05', '${MARKER}-measure');
insert into public.audit_log (message) values ('${MARKER}-log');

create function public.order_total(customer int) returns numeric language sql stable as
  'select coalesce(sum(amount), 0) from public.orders where customer_id = customer';
create function public.leak() returns text language sql stable security definer as
  $$ select value from public.secrets where id = 1 /* ${MARKER}-body */ $$;
create function public.leak_rows() returns setof public.secrets language sql stable as 'select * from public.secrets';
create function public.customer_dump(public.customers) returns text language sql stable as 'select ($1).ssn';
create procedure public.wipe() language sql as 'delete from public.orders';
`;

const PUBLIC = { databases: ['*'], schemas: ['public'] } as const;

/** Rules of `reporting`, who is limited to named tables and columns. */
export const REPORTING_RULES = [
  { ...PUBLIC, tables: ['orders'], columns: ['*'], actions: ['select', 'insert', 'update'] },
  { ...PUBLIC, tables: ['customers'], columns: ['id', 'name'], actions: ['select', 'insert', 'update'] },
  { ...PUBLIC, tables: ['audit_log'], columns: ['id', 'message'], actions: ['insert'] },
  { ...PUBLIC, tables: ['rates', 'order_summary'], columns: ['*'], actions: ['select'] },
  { ...PUBLIC, functions: ['order_total'], actions: ['execute'] },
  { ...PUBLIC, sequences: ['orders_id_seq'], actions: ['usage'] },
  { ...PUBLIC, types: ['order_status'], actions: ['usage'] },
] as const;

/** `temporary` may read briefing until that is taken back while its session is open. */
export const TEMPORARY_RULES = [
  { ...PUBLIC, tables: ['orders'], columns: ['*'], actions: ['select', 'insert', 'update'] },
  { ...PUBLIC, tables: ['briefing'], columns: ['*'], actions: ['select', 'insert'] },
] as const;

/** `editor` may also use schema hidden's path, through a table there that isn't the one attacked. */
export const EDITOR_RULES = [
  { ...PUBLIC, tables: ['orders'], columns: ['*'], actions: ['select'] },
  { databases: ['*'], schemas: ['hidden'], tables: ['lists'], columns: ['*'], actions: ['select'] },
] as const;
