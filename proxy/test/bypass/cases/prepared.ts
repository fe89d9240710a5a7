import { type BypassCase, change, marker } from '../case.ts';
import { bind, close, describe_, execute, extended, flush, parse, query, sync } from '../messages.ts';

const SECRET = 'select value from secrets';
const ALLOWED = 'select note from orders';

/** Statements that are named now and run later, by either protocol. */
export const PREPARED: readonly BypassCase[] = [
  { threat: 'SQL PREPARE and EXECUTE in one message', attack: `prepare p as ${SECRET}; execute p`, evidence: marker },
  {
    threat: 'SQL PREPARE, then EXECUTE in a later message',
    attack: [query(`prepare p as ${SECRET}`), query('execute p')],
    evidence: marker,
  },
  {
    threat: 'SQL PREPARE, then protocol Bind',
    attack: [query(`prepare p as ${SECRET}`), bind({ statement: 'p' }), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 'protocol Parse, then SQL EXECUTE',
    attack: [parse(SECRET, 'p'), sync(), query('execute p')],
    evidence: marker,
  },
  {
    threat: 'protocol Parse, then SQL EXECUTE by the extended protocol',
    attack: [parse(SECRET, 'p'), sync(), ...extended('execute p')],
    evidence: marker,
  },
  {
    threat: 'PREPARE in the extended protocol, EXECUTE by Query',
    attack: [...extended(`prepare p as ${SECRET}`), query('execute p')],
    evidence: marker,
  },
  {
    threat: 'EXPLAIN EXECUTE of a forbidden statement that deletes',
    attack: [parse('delete from orders', 'p'), sync(), query('explain analyze execute p')],
    evidence: change('select count(*) = 0 from public.orders'),
  },
  {
    threat: 'a forbidden function among the arguments of EXECUTE',
    attack: `prepare p (text) as select $1::text; execute p (leak())`,
    evidence: marker,
  },
  {
    threat: 'the unnamed statement replaced in a pipeline',
    attack: [parse(ALLOWED), parse(SECRET), bind(), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 'the unnamed statement parsed anew after it ran',
    attack: [parse(ALLOWED), bind(), execute(), sync(), parse(SECRET), sync(), bind(), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 'two statements swapped between Parse and Bind',
    attack: [parse(ALLOWED, 'a'), parse(SECRET, 'b'), bind({ statement: 'b' }), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 're-Parse of a name after Close',
    attack: [parse(ALLOWED, 'p'), close('S', 'p'), parse(SECRET, 'p'), bind({ statement: 'p' }), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 're-Parse of a name after DEALLOCATE',
    attack: [
      parse(ALLOWED, 'p'),
      sync(),
      query('deallocate p'),
      parse(SECRET, 'p'),
      bind({ statement: 'p' }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 're-PREPARE of a name after DEALLOCATE ALL in one message',
    attack: `prepare p as ${ALLOWED}; deallocate all; prepare p as ${SECRET}; execute p`,
    evidence: marker,
  },
  {
    threat: 'a second Parse of a taken name fails and leaves the first',
    attack: [parse(SECRET, 'p'), sync(), parse(ALLOWED, 'p'), sync(), bind({ statement: 'p' }), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 'a second PREPARE of a taken name fails and leaves the first',
    attack: [query(`prepare p as ${SECRET}`), query(`prepare p as ${ALLOWED}`), query('execute p')],
    evidence: marker,
  },
  {
    threat: 'a Parse that the server skips after an error leaves the older statement',
    attack: [
      parse(SECRET, 'p'),
      sync(),
      query('select 1/0'),
      parse('select 1/0', 'z'),
      bind({ statement: 'z' }),
      execute(),
      close('S', 'p'),
      parse(ALLOWED, 'p'),
      sync(),
      bind({ statement: 'p' }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'a Close that the server skips after an error',
    attack: [
      parse(SECRET, 'p'),
      sync(),
      parse('nonsense'),
      close('S', 'p'),
      parse(ALLOWED, 'p'),
      sync(),
      query('execute p'),
    ],
    evidence: marker,
  },
  {
    threat: 'a DEALLOCATE that fails in an aborted transaction',
    attack: [
      query(`prepare p as ${SECRET}`),
      query('begin; select 1/0'),
      query('deallocate p'),
      query('rollback'),
      query('execute p'),
    ],
    evidence: marker,
  },
  {
    threat: 'DEALLOCATE is not undone by ROLLBACK, PREPARE is not either',
    attack: [query('begin'), query(`prepare p as ${SECRET}`), query('rollback'), query('execute p')],
    evidence: marker,
  },
  {
    threat: 'PREPARE that fails to be reached behind an error in a multi-statement message',
    attack: [
      query(`prepare p as ${SECRET}`),
      query(`deallocate p; select 1/0; prepare p as ${ALLOWED}`),
      query(`prepare p as ${SECRET}`),
      query('execute p'),
    ],
    evidence: marker,
  },
  {
    threat: 'a multi-statement message stops before its second PREPARE',
    attack: [query(`prepare p as ${SECRET}; select 1/0; deallocate p; prepare p as ${ALLOWED}`), query('execute p')],
    evidence: marker,
  },
  {
    threat: 'DISCARD ALL and the same name again',
    attack: [
      parse(ALLOWED, 'p'),
      sync(),
      query('discard all'),
      parse(SECRET, 'p'),
      bind({ statement: 'p' }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'DISCARD PLANS drops no statement',
    attack: [query(`prepare p as ${SECRET}`), query('discard plans'), query('execute p')],
    evidence: marker,
  },
  {
    threat: 'a statement is judged by its text, not by its first execution',
    attack: [
      parse(ALLOWED, 'p'),
      bind({ statement: 'p' }),
      execute(),
      sync(),
      close('S', 'p'),
      sync(),
      parse(SECRET, 'p'),
      bind({ statement: 'p' }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'a comment as the only difference to an allowed text',
    attack: [...extended(`${ALLOWED} /* x */`), ...extended(`${SECRET} /* x */`)],
    evidence: marker,
  },
  {
    threat: 'a write in a prepared statement with parameters',
    attack: [parse('delete from orders where id = $1'), bind({ values: ['1'] }), execute(), sync()],
    evidence: change('select count(*) = 2 from public.orders'),
  },
  {
    threat: 'a table name as a parameter of regclass',
    attack: [
      parse('select $1::regclass::oid, query_to_xml($2, true, false, $3)'),
      bind({ values: ['orders', 'select value from secrets', ''] }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'a portal over a forbidden statement, fetched by row count',
    attack: [parse(SECRET), bind({ portal: 'c' }), execute('c', 1), execute('c', 1), sync()],
    evidence: marker,
  },
  {
    threat: 'two portals, one allowed',
    attack: [
      parse(ALLOWED, 'a'),
      parse(SECRET, 'b'),
      bind({ portal: '1', statement: 'a' }),
      bind({ portal: '2', statement: 'b' }),
      execute('1'),
      execute('2'),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'portal executed without Describe',
    attack: [parse(SECRET, 's'), sync(), bind({ statement: 's' }), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 'a portal name used again after Close',
    attack: [
      parse(ALLOWED, 'a'),
      parse(SECRET, 'b'),
      bind({ portal: 'x', statement: 'a' }),
      close('P', 'x'),
      bind({ portal: 'x', statement: 'b' }),
      execute('x'),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'the unnamed portal replaced',
    attack: [
      parse(ALLOWED, 'a'),
      parse(SECRET, 'b'),
      bind({ statement: 'a' }),
      bind({ statement: 'b' }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'DECLARE and FETCH',
    attack: `begin; declare c cursor for ${SECRET}; fetch all from c; commit`,
    evidence: marker,
  },
  {
    threat: 'DECLARE WITH HOLD',
    attack: [query(`declare c cursor with hold for ${SECRET}`), query('fetch all from c')],
    evidence: marker,
  },
  {
    threat: 'DECLARE, then protocol Execute of the cursor as a portal',
    attack: [query('begin'), query(`declare c cursor for ${SECRET}`), execute('c'), sync(), query('commit')],
    evidence: marker,
  },
  {
    threat: 'Bind a portal, then SQL FETCH from it',
    attack: [query('begin'), parse(SECRET), bind({ portal: 'c' }), sync(), query('fetch all from c'), query('commit')],
    evidence: marker,
  },
  {
    threat: 'DECLARE over EXECUTE is no road: DECLARE with a data-modifying CTE neither',
    attack: `begin; declare c cursor for select value from secrets for update; fetch c; commit`,
    evidence: marker,
  },
  {
    threat: 'COPY between Parse and Execute does not shift what is judged',
    attack: [parse(SECRET, 'p'), sync(), query('copy orders to stdout'), bind({ statement: 'p' }), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 'an empty statement between two',
    attack: [parse(''), bind(), execute(), parse(SECRET), bind(), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 'Describe of an allowed statement, Execute of a forbidden portal',
    attack: [
      parse(ALLOWED, 'a'),
      describe_('S', 'a'),
      parse(SECRET, 'b'),
      bind({ statement: 'b' }),
      describe_('P'),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'a forbidden statement in a pipeline without a Sync before',
    attack: [parse(ALLOWED), bind(), execute(), parse(SECRET), bind(), execute(), flush(), sync()],
    evidence: marker,
  },
  {
    threat: 'a refused Bind in a pipeline and a later one that would do harm',
    attack: [parse(SECRET), bind(), execute(), sync(), parse('delete from orders'), bind(), execute(), sync()],
    evidence: change('select count(*) = 0 from public.orders'),
  },
  {
    threat: 'Query straight behind Execute without Sync',
    attack: [parse(ALLOWED), bind(), execute(), query(SECRET)],
    evidence: marker,
  },
  {
    threat: 'parameters bound to an allowed query never become text',
    attack: async (a) => {
      await a.run([
        parse('select note from orders where note = $1'),
        bind({ values: [`x'; ${SECRET}; --`] }),
        execute(),
        sync(),
        ...extended(SECRET),
      ]);
    },
    evidence: marker,
  },
];
