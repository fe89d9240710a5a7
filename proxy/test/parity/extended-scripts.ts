import * as frontend from '#test/harness/frontend';
import { extended, prepared, ready, until } from './write-script.ts';
import type { Script } from './script.ts';

const { parse, bind, execute, sync, flush, query, functionCall } = frontend;
const { describeStatement, describePortal, closeStatement, closePortal } = frontend;

const SERIES = 'select g from generate_series(1, 10) g';

const STATEMENTS: readonly Script[] = [
  prepared('select 1'),
  prepared('select 1, 2.5::float8, $1::text', ['x'], 1),
  prepared('select $1::int + $2::int', ['1', '2']),
  prepared('select $1::text is null', [null]),
  prepared('select * from customers where id = $1', ['1']),
  prepared('select * from customers where id = any($1)', ['{1,3}']),
  prepared('select * from every_type', [], 1),
  prepared('select * from every_type'),
  prepared('select $1::bytea, $2::jsonb, $3::timestamptz', ['\\x00ff', '{"a": 1}', '2024-01-01 00:00+00'], 1),
  prepared('select $1::mood, $2::positive', ['happy', '3']),
  prepared('select $1::mood', ['angry']),
  prepared('select $1::positive', ['0']),
  prepared('select $1::int', ['x']),
  prepared('select 1 / $1::int', ['0']),
  prepared(''),
  prepared('-- nothing'),
  prepared(';'),
  prepared('begin'),
  prepared('select 1 where false'),
  prepared('commit'),
  prepared('rollback'),
  prepared("set application_name = 'extended'"),
  prepared('show application_name'),
  prepared('reset application_name'),
  prepared("do $$ begin raise notice 'extended'; end $$"),
  prepared('select * from chatty(3)'),
  prepared('explain (costs off) select * from customers where id = $1', ['1']),
  prepared('insert into parent values ($1) on conflict do nothing', ['1']),
  prepared('update customers set name = name where id = $1 returning *', ['1']),
  prepared('delete from orders where id = $1', ['999']),
  prepared('call proceed($1)', ['1']),
  prepared('select repeat($1, 50000)', ['ab']),
  prepared('select 1; select 2'),
  prepared('selec 1'),
  prepared('select absent'),
  prepared('select $1', ['x']),
  prepared('select $1 + $2', ['1', '2']),
  prepared('select $2::int', ['1', '2']),
  prepared('vacuum parent'),
  prepared('prepare x as select 1'),
  prepared('execute x'),
  prepared('deallocate x'),
  prepared('declare c cursor for select 1'),
  prepared('copy customers to stdout'),
];

const NAMES: readonly Script[] = [
  {
    name: 'a named statement, used again and again, closed',
    exchanges: [
      ready(1, parse('select $1::int', { name: 's' }), sync()),
      ready(1, describeStatement('s'), sync()),
      ready(
        1,
        bind({ statement: 's', values: ['1'] }),
        execute(),
        bind({ statement: 's', values: ['2'] }),
        execute(),
        sync(),
      ),
      ready(1, closeStatement('s'), sync()),
      ready(1, bind({ statement: 's', values: ['1'] }), execute(), sync()),
    ],
  },
  extended('a name taken', parse('select 1', { name: 's' }), parse('select 2', { name: 's' })),
  extended('which survived', bind({ statement: 's' }), execute(), closeStatement('s')),
  extended('a missing statement', bind({ statement: 'absent' }), execute()),
  extended('a missing portal', execute('absent')),
  extended('describing what is not', describeStatement('absent')),
  extended('describing a portal that is not', describePortal('absent')),
  extended('closing what is not', closeStatement('absent'), closePortal('absent')),
  extended('the unnamed statement is replaced', parse('select 1'), parse('select 2'), bind(), execute()),
  extended('the unnamed statement is replaced by an error', parse('select 1'), parse('selec'), bind(), execute()),
  extended('and is gone then', bind(), execute()),
  {
    name: 'a Query drops the unnamed statement',
    exchanges: [ready(2, parse('select 1'), sync(), query('select 2')), ready(1, bind(), execute(), sync())],
  },
  extended(
    'PREPARE and the protocol share their names',
    frontend.extended('prepare shared(int) as select $1'),
    bind({ portal: 'p', statement: 'shared', values: ['4'] }),
    execute('p'),
    frontend.extended('deallocate shared'),
  ),
  extended(
    'EXECUTE of what Parse named',
    parse('select 5', { name: 'five' }),
    frontend.extended('execute five'),
    closeStatement('five'),
  ),
  extended(
    'names of 63 bytes and more',
    parse('select 63', { name: 'n'.repeat(63) }),
    bind({ statement: 'n'.repeat(63) }),
    execute(),
    closeStatement('n'.repeat(63)),
  ),
  extended(
    'types given at Parse',
    parse('select $1, $2', { types: [23, 25] }),
    describeStatement(),
    bind({ values: ['1', 'x'] }),
    execute(),
  ),
  extended('a type that is not', parse('select $1', { types: [99999] })),
  extended(
    'binary values',
    parse('select $1::int4, $2::text, $3::bool'),
    bind({ values: [frontend.int32(7), Buffer.from('x'), Buffer.from([1])], formats: [1], resultFormats: [1, 0, 1] }),
    execute(),
  ),
  extended(
    'formats one each',
    parse('select $1::int4, $2::text'),
    bind({ values: [frontend.int32(7), 'x'], formats: [1, 0], resultFormats: [0, 1] }),
    describePortal(),
    execute(),
  ),
  extended(
    'a binary value of the wrong length',
    parse('select $1::int4'),
    bind({ values: [Buffer.from([1, 2])], formats: [1] }),
    execute(),
  ),
  extended('too few values', parse('select $1::int, $2::int'), bind({ values: ['1'] }), execute()),
  extended('too many values', parse('select 1'), bind({ values: ['1'] }), execute()),
  extended('too many formats', parse('select $1::int'), bind({ values: ['1'], formats: [0, 0, 0] }), execute()),
  extended('too many result formats', parse('select 1'), bind({ resultFormats: [0, 1] }), execute()),
  extended('a format that is not', parse('select 1'), bind({ resultFormats: [7] }), execute()),
  extended(
    'many parameters',
    parse(`select ${Array.from({ length: 300 }, (_, i) => `$${String(i + 1)}::int`).join(' + ')}`),
    bind({ values: Array.from({ length: 300 }, () => '1') }),
    execute(),
  ),
  extended('a large value', parse('select length($1::text)'), bind({ values: ['z'.repeat(300_000)] }), execute()),
];

const PORTALS: readonly Script[] = [
  extended(
    'rows in portions',
    parse(SERIES),
    bind(),
    execute('', 3),
    execute('', 3),
    execute('', 3),
    execute('', 3),
    execute('', 3),
  ),
  extended('exactly all rows', parse(SERIES), bind(), execute('', 10), execute('', 10)),
  extended('a portal that is done', parse('select 1'), bind(), execute(), execute()),
  extended('a portal of DML twice', parse('update parent set id = id'), bind(), execute(), execute()),
  extended(
    'a row limit on DML',
    parse('update customers set name = name returning id'),
    bind(),
    execute('', 1),
    execute('', 5),
  ),
  {
    name: 'the unnamed portal ends with Sync outside a transaction',
    exchanges: [ready(1, parse(SERIES), bind(), execute('', 2), sync()), ready(1, execute('', 2), sync())],
  },
  {
    name: 'portals live to the end of the transaction',
    exchanges: [
      ready(1, query('begin')),
      ready(
        1,
        parse(SERIES, { name: 'series' }),
        bind({ portal: 'a', statement: 'series' }),
        bind({ portal: 'b', statement: 'series' }),
        execute('a', 2),
        execute('b', 3),
        sync(),
      ),
      ready(1, execute('a', 2), execute('b', 2), describePortal('a'), closePortal('a'), execute('a', 1), sync()),
      ready(1, query('rollback')),
      ready(1, execute('b', 1), sync()),
      ready(1, closeStatement('series'), sync()),
    ],
  },
  {
    name: 'FETCH from a portal of the protocol, Execute of a cursor of SQL',
    exchanges: [
      ready(1, query('begin')),
      ready(1, parse(SERIES), bind({ portal: 'port' }), sync()),
      ready(1, query('fetch 2 from port')),
      ready(1, query('declare cur cursor for select 1')),
      ready(1, describePortal('cur'), execute('cur', 1), sync()),
      ready(1, query('rollback')),
    ],
  },
  extended('a portal name taken', parse('select 1'), bind({ portal: 'twice' }), bind({ portal: 'twice' })),
  extended('a negative row limit means all', parse(SERIES), bind(), execute('', -1)),
  extended(
    'an error in the middle of rows',
    parse('select 10 / (4 - g) from generate_series(1, 10) g'),
    bind(),
    execute('', 2),
    execute('', 5),
    execute('', 5),
  ),
];

const PIPELINES: readonly Script[] = [
  { name: 'Sync alone', exchanges: [ready(1, sync()), ready(3, sync(), sync(), sync())] },
  extended(
    'several statements to one Sync',
    frontend.extended('select 1'),
    frontend.extended('select 2'),
    frontend.extended('select 3'),
  ),
  extended(
    'one transaction to the Sync',
    frontend.extended('insert into parent values (90)'),
    frontend.extended('select 1/0'),
    frontend.extended('select 3'),
  ),
  extended('nothing of which stayed', frontend.extended('select count(*) from parent')),
  {
    name: 'an error skips to its Sync, the next segment runs',
    exchanges: [
      ready(
        3,
        frontend.extended('select 1/0'),
        frontend.extended('select 2'),
        sync(),
        frontend.extended('select 3'),
        sync(),
        frontend.extended('selec'),
        flush(),
        frontend.extended('select 4'),
        sync(),
      ),
    ],
  },
  {
    name: 'a Query among what is skipped',
    exchanges: [
      ready(1, parse('selec'), query('select 1'), functionCall(1397, ['1']), sync()),
      ready(1, query('select 2')),
    ],
  },
  {
    name: 'errors at each step',
    exchanges: ['selec', 'select absent'].flatMap((text) => [
      ready(1, parse(text), bind(), execute(), sync()),
      ready(1, parse('select $1::int'), bind({ values: ['x'] }), describePortal(), execute(), sync()),
    ]),
  },
  {
    name: 'Flush brings what is there',
    exchanges: [
      until('1', 1, parse('select 1'), flush()),
      until('2', 1, bind(), flush()),
      until('T', 1, describePortal(), flush()),
      until('C', 1, execute(), flush()),
      ready(1, sync()),
    ],
  },
  { name: 'Flush brings an error', exchanges: [until('E', 1, parse('selec'), flush()), ready(1, bind(), sync())] },
  {
    name: 'a transaction by pipeline',
    exchanges: [
      ready(
        1,
        frontend.extended('begin'),
        frontend.extended('insert into parent values (91)'),
        frontend.extended('savepoint s'),
        sync(),
      ),
      ready(1, frontend.extended('select 1/0'), sync()),
      ready(1, frontend.extended('rollback to s'), frontend.extended('select count(*) from parent'), sync()),
      ready(1, frontend.extended('rollback'), sync()),
    ],
  },
  extended(
    'begin and commit inside one segment',
    frontend.extended('begin'),
    frontend.extended('select 1'),
    frontend.extended('commit'),
    frontend.extended('select 2'),
  ),
  {
    name: 'queries back to back',
    exchanges: [ready(20, ...Array.from({ length: 20 }, (_, i) => query(`select ${String(i)}`)))],
  },
  {
    name: 'queries and segments mixed',
    exchanges: [
      ready(
        5,
        query('select 1'),
        frontend.extended('select 2'),
        sync(),
        query('select 1/0'),
        frontend.extended('select 1/0'),
        sync(),
        query('select 5'),
      ),
    ],
  },
  {
    name: 'a Query straight after Execute without Sync',
    exchanges: [ready(1, frontend.extended('select 1'), query('select 2')), ready(1, sync())],
  },
  {
    name: 'a deep pipeline',
    exchanges: [
      ready(
        200,
        ...Array.from({ length: 200 }, (_, i) => [frontend.extended('select $1::int', [String(i)]), sync()]).flat(),
      ),
    ],
  },
  {
    name: 'statements and a setting in one segment',
    exchanges: [
      ready(
        1,
        frontend.extended("set datestyle = 'SQL'"),
        frontend.extended("select date '2024-02-29'"),
        frontend.extended('reset datestyle'),
        sync(),
      ),
    ],
  },
  {
    name: 'a notification amid a pipeline',
    exchanges: [
      ready(1, frontend.extended('listen inpipe'), sync()),
      ready(1, frontend.extended("select pg_notify('inpipe', 'x')"), frontend.extended('select 1'), sync()),
      ready(1, frontend.extended('unlisten inpipe'), sync()),
    ],
  },
];

const FUNCTION_CALLS: readonly Script[] = [
  { name: 'FunctionCall', exchanges: [ready(1, functionCall(1397, ['-5']))] },
  {
    name: 'FunctionCall of what is not',
    exchanges: [ready(1, functionCall(0, [])), ready(1, functionCall(99999999, ['1']))],
  },
  {
    name: 'FunctionCall with wrong arguments',
    exchanges: [ready(1, functionCall(1397, [])), ready(1, functionCall(1397, ['x']))],
  },
  {
    name: 'FunctionCall in a failed transaction',
    exchanges: [ready(2, query('begin; select 1/0'), functionCall(1397, ['-5'])), ready(1, query('rollback'))],
  },
  { name: 'FunctionCall with NULL', exchanges: [ready(1, functionCall(1397, [null]))] },
];

export const EXTENDED_GROUPS: Readonly<Record<string, readonly Script[]>> = {
  'prepared statements': STATEMENTS,
  'statement names and values': NAMES,
  portals: PORTALS,
  pipelines: PIPELINES,
  FunctionCall: FUNCTION_CALLS,
};
