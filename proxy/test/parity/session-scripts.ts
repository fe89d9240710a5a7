import * as frontend from '#test/harness/frontend';
import { ready, several, simple, until } from './write-script.ts';
import type { Script } from './script.ts';

const { query, copyData, copyDone, copyFail, sync, flush } = frontend;

const MULTI = `
select 1; select 2; select 3
select 1;; ;select 2;
select 1; select 1/0; select 3
insert into parent values (50); select count(*) from parent; rollback; select count(*) from parent
insert into parent values (51); select 1/0; select 3
begin; insert into parent values (52); select count(*) from parent; rollback
begin; select 1/0; rollback; select 'after'
begin; select 1/0; select 'in failed'; rollback
begin; savepoint a; select 1/0; rollback to a; select 'alive'; rollback
select 1; begin; select 2; commit; select 3
insert into parent values (53); commit; delete from parent where id = 53
set datestyle = 'SQL'; select date '2024-02-29'; reset datestyle
do $$ begin raise notice 'one'; end $$; select 1; do $$ begin raise warning 'two'; end $$
prepare p as select $1::int; execute p(1); execute p(2); deallocate p
begin; declare c cursor for select generate_series(1, 10); fetch 2 from c; fetch backward 1 from c; close c; commit
select 1; vacuum parent
begin; vacuum parent; rollback
select 1; select 'x'::int; select 3
select 1; copy (select 2) to stdout; select 3
copy customers (id, name) to stdout; copy (select 1) to stdout
create table made (a int); insert into made values (1), (2); select count(*) from made; drop table made
`;

const TRANSACTIONS: readonly Script[] = [
  several('begin, commit', 'begin', 'select 1', 'commit'),
  several('begin, rollback', 'begin', 'insert into parent values (60)', 'rollback', 'select count(*) from parent'),
  several('failed transaction until rollback', 'begin', 'select 1/0', 'select 1', 'savepoint s', 'commit', 'select 2'),
  several(
    'savepoints nested',
    'begin',
    'savepoint a',
    'insert into parent values (61)',
    'savepoint b',
    'insert into parent values (1)',
    'rollback to b',
    'release a',
    'select id from parent order by 1',
    'rollback',
  ),
  several('savepoint that is not', 'begin', 'rollback to absent', 'rollback'),
  several(
    'commit and chain',
    'begin',
    'commit and chain',
    'select 1',
    'rollback and chain',
    'rollback',
    'commit and chain',
  ),
  several('abort, end', 'begin work', 'abort', 'start transaction', 'end'),
  several(
    'deferred constraint at commit',
    'begin',
    'insert into child values (77)',
    'select 1',
    'commit',
    'select count(*) from child',
  ),
  several('set constraints', 'begin', 'set constraints all immediate', 'insert into child values (77)', 'rollback'),
  several(
    'prepared statements live across a rollback',
    'begin',
    'prepare live as select 1',
    'rollback',
    'execute live',
    'deallocate live',
  ),
  several(
    'PREPARE twice, DEALLOCATE ALL',
    'prepare a as select 1',
    'prepare a as select 2',
    'deallocate all',
    'execute a',
  ),
  several(
    'EXECUTE with wrong arguments',
    'prepare a(int) as select $1',
    'execute a',
    "execute a('x')",
    'execute a(1, 2)',
    'execute a(7)',
    'deallocate a',
  ),
  several(
    'cursors',
    'begin',
    'declare c scroll cursor for select id, name from customers order by id',
    'fetch next from c',
    'fetch all from c',
    'fetch prior from c',
    'fetch absolute 1 from c',
    'move 1 in c',
    'fetch relative 1 from c',
    'fetch 0 from c',
    'close c',
    'fetch c',
    'rollback',
  ),
  several(
    'cursor not scrollable',
    'begin',
    'declare c no scroll cursor for select 1',
    'fetch all c',
    'fetch prior c',
    'rollback',
  ),
  several(
    'cursor with hold',
    'declare held cursor with hold for select generate_series(1, 5)',
    'fetch 2 from held',
    'select 1/0',
    'fetch 2 from held',
    'close held',
  ),
  several('binary cursor', 'begin', 'declare b binary cursor for select 1, 2.5::float8', 'fetch b', 'commit'),
  several(
    'where current of',
    'begin',
    'declare c cursor for select id from parent for update',
    'fetch c',
    'update parent set id = id where current of c',
    'rollback',
  ),
  several(
    'DML with returning',
    'begin',
    "insert into customers values (8, 'x') returning *",
    'update customers set name = name returning id, name',
    'delete from customers where id = 8 returning old_is_not_here',
    'rollback',
  ),
  several(
    'upsert',
    'begin',
    "insert into customers values (1, 'ada') on conflict (id) do update set name = excluded.name || '2' returning name",
    'rollback',
  ),
  {
    ...several(
      'merge',
      'begin',
      "merge into customers c using (values (1, 'm'), (9, 'n')) v(id, name) on c.id = v.id when matched then update set name = v.name when not matched then insert (id, name) values (v.id, v.name)",
      'rollback',
    ),
    since: 15,
  },
  {
    ...several(
      'DDL in a transaction',
      'begin',
      'create table made (a int primary key, b text)',
      "insert into made values (1, 'x')",
      'select * from made',
      'alter table made add c int default 3',
      'select * from made',
      'create index on made (b)',
      'drop table made',
      'select * from made',
      'rollback',
    ),
    newTables: true,
  },
  {
    ...several(
      'temporary tables',
      'create temp table tmp (a int)',
      'insert into tmp values (1)',
      'select * from tmp',
      'drop table tmp',
    ),
    newTables: true,
  },
  {
    ...several(
      'create table as, select into',
      'begin',
      'create table made as select id from customers',
      'select id into made2 from made',
      'select * from made2 order by 1',
      'rollback',
    ),
    newTables: true,
  },
  several(
    'large objects of rows in and out of a failed block',
    'begin',
    "select repeat('x', 70000)",
    'select 1/0',
    'rollback',
  ),
  several(
    'LISTEN and NOTIFY to itself',
    'listen parity',
    "notify parity, 'hello'",
    "select pg_notify('parity', 'by function')",
    'begin',
    "notify parity, 'in transaction'",
    'select 1',
    'commit',
    'unlisten parity',
    'notify parity',
    'unlisten *',
  ),
  several(
    'NOTIFY dropped by rollback, doubled once',
    'listen parity',
    'begin',
    'notify parity',
    'rollback',
    "begin; notify parity, 'x'; notify parity, 'x'; commit",
    'unlisten *',
  ),
  several(
    'advisory locks',
    'select pg_advisory_lock(1)',
    'select pg_try_advisory_lock(1)',
    'select pg_advisory_unlock(1)',
    'select pg_advisory_unlock(1)',
    'select pg_advisory_unlock(1)',
  ),
  several(
    'DISCARD',
    'prepare gone as select 1',
    'discard plans',
    'discard sequences',
    'discard temp',
    'discard all',
    'execute gone',
  ),
  several(
    'search_path',
    'set search_path = public',
    'show search_path',
    'select count(*) from customers',
    'reset search_path',
  ),
];

function copyIn(name: string, statement: string, ...data: readonly Buffer[]): Script {
  return {
    name,
    exchanges: [ready(1, query('begin')), ready(1, query(statement), ...data), ready(1, query('rollback'))],
  };
}

const COPY: readonly Script[] = [
  simple('copy customers to stdout'),
  simple("copy customers (name, id) to stdout with (format csv, header, quote '\"', force_quote *)"),
  simple('copy (select * from every_type) to stdout (format binary)'),
  simple("copy (select g, repeat('y', 200) from generate_series(1, 3000) g) to stdout"),
  simple('copy (select 1 where false) to stdout'),
  simple('copy (select 1 / (3 - g) from generate_series(1, 5) g) to stdout'),
  simple("copy (select E'a\\tb\\\\c\\n', null) to stdout"),
  copyIn('COPY FROM STDIN', 'copy parent from stdin', copyData('70\n'), copyData('71\n72\n'), copyDone()),
  copyIn(
    'COPY FROM with a row across messages',
    'copy parent from stdin',
    copyData('7'),
    copyData('0\n7'),
    copyData('1\n'),
    copyDone(),
  ),
  copyIn('COPY FROM without data', 'copy parent from stdin', copyDone()),
  copyIn('COPY FROM, end marker', 'copy parent from stdin', copyData('70\n\\.\n'), copyDone()),
  copyIn(
    'COPY FROM csv',
    'copy customers (id, name) from stdin (format csv, header)',
    copyData('id,name\n80,"x, y"\n'),
    copyDone(),
  ),
  copyIn('COPY FROM, a bad value', 'copy parent from stdin', copyData('70\nx\n'), copyData('71\n'), copyDone()),
  copyIn('COPY FROM, too many columns', 'copy parent from stdin', copyData('70\t71\n'), copyDone()),
  copyIn('COPY FROM, a constraint', 'copy parent from stdin', copyData('1\n'), copyDone()),
  copyIn('COPY FROM, given up', 'copy parent from stdin', copyData('70\n'), copyFail('given up')),
  copyIn('COPY FROM, given up at once', 'copy parent from stdin', copyFail('')),
  copyIn('COPY FROM with notices', 'copy logged from stdin', copyData('a\nb\n'), copyDone()),
  copyIn('COPY FROM that is refused; what follows is skipped', 'copy absent from stdin', copyData('70\n'), copyDone()),
  copyIn(
    'COPY FROM, Sync and Flush between the data',
    'copy parent from stdin',
    copyData('70\n'),
    sync(),
    flush(),
    copyData('71\n'),
    copyDone(),
  ),
  copyIn('COPY FROM binary that is none', 'copy parent from stdin (format binary)', copyData('nonsense'), copyDone()),
  {
    name: 'COPY FROM between other statements',
    exchanges: [
      ready(
        1,
        query('begin; select 1; copy parent from stdin; select count(*) from parent; rollback'),
        copyData('70\n'),
        copyDone(),
      ),
    ],
  },
  {
    name: 'two COPY FROM in one message',
    exchanges: [
      until('G', 1, query('begin; copy parent from stdin; copy parent from stdin; rollback')),
      until('G', 1, copyData('70\n'), copyDone()),
      ready(1, copyData('71\n'), copyDone()),
    ],
  },
  {
    name: 'COPY FROM, waiting for CopyInResponse',
    exchanges: [
      ready(1, query('begin')),
      until('G', 1, query('copy parent from stdin')),
      ready(1, copyData('70\n'), copyDone()),
      ready(1, query('rollback')),
    ],
  },
  {
    name: 'COPY FROM by the extended protocol',
    exchanges: [
      ready(1, query('begin')),
      ready(1, frontend.extended('copy parent from stdin'), copyData('70\n'), copyDone(), sync()),
      ready(1, query('rollback')),
    ],
  },
  {
    name: 'COPY FROM by the extended protocol, given up',
    exchanges: [ready(1, frontend.extended('copy parent from stdin'), copyFail('no'), sync())],
  },
  {
    name: 'COPY FROM by the extended protocol, a bad value',
    exchanges: [
      until('G', 1, frontend.extended('copy parent from stdin'), flush()),
      ready(1, copyData('x\n'), copyDone(), sync()),
      ready(1, query('select 1')),
    ],
  },
  {
    name: 'COPY TO by the extended protocol',
    exchanges: [ready(1, frontend.extended('copy customers to stdout'), sync())],
  },
  {
    name: 'stray COPY messages are ignored',
    exchanges: [ready(1, copyData('x'), copyDone(), copyFail('x'), query('select 1'))],
  },
];

export const SESSION_GROUPS: Readonly<Record<string, readonly Script[]>> = {
  'several statements in one message': MULTI.split('\n') // a failure in the message may leave a transaction open
    .filter((line) => line !== '')
    .map((line) => ({ ...simple(line), exchanges: [...simple(line).exchanges, ready(1, query('rollback'))] })),
  'transactions, cursors, notifications': TRANSACTIONS,
  COPY,
};
