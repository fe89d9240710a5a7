/** What a native role and a limited user may and may not do alike. */
export const FIXTURE = `
create table open (id int primary key, v text);
create table closed (id int primary key, v text);
create table readable (id int primary key, v text);
create table partly (id int primary key, name text, secret text);
grant select, insert, update on open to limited;
grant select on readable to limited;
grant select (id, name), update (name) on partly to limited;
`;

export const RESET = `
truncate open, closed, readable, partly;
insert into open select n, 'open ' || n from generate_series(1, 6) n;
insert into closed select n, 'closed ' || n from generate_series(1, 3) n;
insert into readable select n, 'readable ' || n from generate_series(1, 3) n;
insert into partly select n, 'name ' || n, 'secret ' || n from generate_series(1, 3) n;
`;

export const CONTENT = `
select 'open', id, v from open union all select 'closed', id, v from closed union all
select 'readable', id, v from readable union all select 'partly', id, name || secret from partly order by 1, 2`;

export const RULES = [
  { databases: ['*'], tables: ['open'], columns: ['*'], actions: ['select', 'insert', 'update'] },
  { databases: ['*'], tables: ['readable'], columns: ['*'], actions: ['select'] },
  { databases: ['*'], tables: ['partly'], columns: ['id', 'name'], actions: ['select'] },
  { databases: ['*'], tables: ['partly'], columns: ['name'], actions: ['update'] },
] as const;

/** May be prepared. */
export const ALLOWED: readonly string[] = [
  'select id, v from open order by id',
  'select count(*) from readable',
  'select id, name from partly order by id',
  `update open set v = v || '+' where id = 2`,
  `update partly set name = 'n' where id = 1`,
  `insert into open values (100, 'new')`,
  `insert into open values (101, 'new') returning id, v`,
  'values (1), (2), (3)',
  'select g from generate_series(1, 5) g',
];

/** 42501 for both. May be prepared. */
export const REFUSED: readonly string[] = [
  'select id from closed order by id',
  'select secret from partly',
  'select id, v from readable for update',
  'select o.id from open o join closed c on c.id = o.id',
  'select id from open where exists (select from closed)',
  `insert into closed values (9, 'x')`,
  `insert into readable values (9, 'x') returning id`,
  `update closed set v = 'x'`,
  `update partly set secret = 'x' where id = 1`,
  `update open set v = (select min(v) from closed)`,
  'delete from open where id = 1',
  `with w as (insert into closed values (8, 'z') returning id) select id from w`,
  `insert into open select id + 50, v from closed`,
  `merge into open o using closed c on o.id = c.id when matched then update set v = c.v`,
];

/** Utilities, refused when they are executed. */
export const REFUSED_UTILITIES: readonly string[] = [
  'truncate open',
  'lock table closed in share mode',
  'copy closed to stdout',
  'copy (select secret from partly) to stdout',
  'explain (costs off) select id from closed',
  'create table made (a int)',
  'drop table open',
  'alter table open add column w int',
  'create index on open (v)',
];

export const UTILITIES: readonly string[] = [
  'copy readable to stdout',
  'explain (costs off) select id from open',
  'show application_name',
];

/** Fail for both by another code. A relation that is absent is not among them: without a catalog, that is a refusal. */
export const FAILING: readonly string[] = [
  'select 1/0',
  'select nothing from open',
  `insert into open values (1, 'twice')`,
  'selec 1',
];

export const TRANSACTION: readonly string[] = [
  'begin',
  'begin',
  'commit',
  'rollback',
  'savepoint a',
  'savepoint b',
  'rollback to a',
  'rollback to b',
  'release a',
];
