import { type BypassCase, change, marker, rows } from '../case.ts';
import { bind, copyData, copyDone, execute, parse, query, sync } from '../messages.ts';

const BRIEFING = 'select body from briefing order by id';

/** The start of a session, and sessions that are open while the policy changes. */
export const SESSIONS: readonly BypassCase[] = [
  {
    threat: 'replication=database',
    startup: { replication: 'database' },
    attack: 'select value from secrets',
    evidence: marker,
    refusal: ['42501', '28000', '0A000', '08P01'],
  },
  {
    threat: 'replication=true and IDENTIFY_SYSTEM',
    startup: { replication: 'true' },
    attack: 'IDENTIFY_SYSTEM',
    evidence: rows(/\d{10}/),
    refusal: ['42501', '28000', '0A000', '08P01', '42601'],
  },
  {
    threat: 'replication=1',
    startup: { replication: '1' },
    attack: 'IDENTIFY_SYSTEM',
    evidence: rows(/\d{10}/),
    refusal: ['42501', '28000', '0A000', '08P01', '42601'],
  },
  {
    threat: 'role in the start-up options',
    startup: { options: '-c role=pg_read_all_data' },
    attack: 'select current_user',
    evidence: rows(/pg_read_all_data/),
    harmless: true,
  },
  {
    threat: 'session_replication_role in the start-up packet',
    startup: { session_replication_role: 'replica' },
    attack: 'show session_replication_role',
    evidence: rows(/replica/),
    harmless: true,
  },
  {
    threat: 'log settings in the start-up options',
    startup: { options: '-c log_statement=all' },
    attack: 'show log_statement',
    evidence: rows(/all/),
    harmless: true,
  },
  {
    threat: "the server's own login and password at the proxy",
    user: 'server',
    attack: 'select value from secrets',
    evidence: marker,
    refusal: ['28P01'],
  },
  { threat: 'a database that no rule names', user: 'elsewhere', attack: 'select value from secrets', evidence: marker },
  {
    threat: 'a cursor opened while it was allowed, fetched after',
    user: 'temporary',
    attack: async (a) => {
      await a.query('begin');
      await a.query(`declare c cursor for ${BRIEFING}`);
      await a.query('fetch 1 from c');
      await a.revoke();
      await a.query('fetch all from c');
      await a.query('commit');
    },
    evidence: marker,
  },
  {
    threat: 'a cursor WITH HOLD, fetched after',
    user: 'temporary',
    attack: async (a) => {
      await a.query(`declare c cursor with hold for ${BRIEFING}`);
      await a.revoke();
      await a.query('fetch all from c');
    },
    evidence: marker,
  },
  {
    threat: 'MOVE and FETCH RELATIVE on a cursor, after',
    user: 'temporary',
    attack: async (a) => {
      await a.query('begin');
      await a.query(`declare c scroll cursor for ${BRIEFING}`);
      await a.revoke();
      await a.query('move 2 in c; fetch relative 1 from c');
      await a.query('commit');
    },
    evidence: marker,
  },
  {
    threat: 'the protocol Execute of a cursor, after',
    user: 'temporary',
    attack: async (a) => {
      await a.query('begin');
      await a.query(`declare c cursor for ${BRIEFING}`);
      await a.revoke();
      await a.run([execute('c'), sync()]);
      await a.query('commit');
    },
    evidence: marker,
  },
  {
    threat: 'a portal bound while it was allowed, executed after',
    user: 'temporary',
    attack: async (a) => {
      await a.query('begin');
      await a.run([parse(BRIEFING), bind({ portal: 'p' }), sync()]);
      await a.revoke();
      await a.run([execute('p'), sync()]);
      await a.query('commit');
    },
    evidence: marker,
  },
  {
    threat: 'a portal half read, the rest after',
    user: 'temporary',
    attack: async (a) => {
      await a.query('begin');
      await a.run([parse(BRIEFING), bind({ portal: 'p' }), execute('p', 1), sync()]);
      await a.revoke();
      await a.run([execute('p', 1), sync()]);
      await a.query('commit');
    },
    evidence: marker,
  },
  {
    threat: 'SQL FETCH from a protocol portal, after',
    user: 'temporary',
    attack: async (a) => {
      await a.query('begin');
      await a.run([parse(BRIEFING), bind({ portal: 'p' }), sync()]);
      await a.revoke();
      await a.query('fetch all from p');
      await a.query('commit');
    },
    evidence: marker,
  },
  {
    threat: 'a statement parsed while it was allowed, bound after',
    user: 'temporary',
    attack: async (a) => {
      await a.run([parse(BRIEFING, 's'), sync()]);
      await a.revoke();
      await a.run([bind({ statement: 's' }), execute(), sync()]);
    },
    evidence: marker,
  },
  {
    threat: 'a prepared statement that ran while it was allowed, EXECUTE after',
    user: 'temporary',
    attack: async (a) => {
      await a.query(`prepare s as ${BRIEFING}`);
      await a.query('execute s');
      await a.revoke();
      await a.query('execute s');
    },
    evidence: marker,
  },
  {
    threat: 'the same text again, after',
    user: 'temporary',
    attack: async (a) => {
      await a.query(BRIEFING);
      await a.revoke();
      await a.query(BRIEFING);
    },
    evidence: marker,
  },
  {
    threat: 'in an open transaction, after',
    user: 'temporary',
    attack: async (a) => {
      await a.query('begin');
      await a.query(BRIEFING);
      await a.revoke();
      await a.query(BRIEFING);
      await a.query('rollback');
    },
    evidence: marker,
  },
  {
    threat: 'COPY FROM STDIN that began while it was allowed',
    user: 'temporary',
    attack: async (a) => {
      a.send(query('copy briefing (id, body) from stdin'));
      await a.until('G', 'E');
      await a.revoke();
      a.send(copyData('9\tafter\n'));
      a.send(copyDone());
      await a.settled(1);
    },
    evidence: change(`select exists (select from public.briefing where body = 'after')`),
    refusal: ['42501', '57014'],
  },
  {
    threat: 'rows of a long query that began while it was allowed',
    user: 'temporary',
    attack: async (a) => {
      a.send(
        query(
          'select b.body, pg_sleep(0.4) from briefing b'.replace(', pg_sleep(0.4)', '') +
            ' where (select count(*) from generate_series(1, 3000000)) > 0',
        ),
      );
      await a.pause(30);
      await a.revoke();
      await a.settled(1);
    },
    evidence: marker,
    refusal: ['42501', '57014'],
  },
];

/** On PostgreSQL 15, whose grammar is an older one. */
export const VERSIONS: readonly BypassCase[] = [
  {
    threat: "json_exists is a user's function before version 17",
    major: 15,
    setup: `create function public.json_exists(json, text) returns text language sql security definer as 'select value from public.secrets where id = 1'`,
    attack: `select json_exists('{}'::json, '$.a')`,
    evidence: marker,
  },
  {
    threat: "json_scalar is a user's function before version 17",
    major: 15,
    setup: `create function public.json_scalar(text) returns text language sql security definer as 'select value from public.secrets where id = 1'`,
    attack: `select json_scalar('a'::text)`,
    evidence: marker,
  },
  {
    threat: 'system_user is a column before version 16',
    major: 15,
    setup: `alter table public.customers add column system_user text default 'zq7marker'`,
    attack: 'select system_user from customers',
    evidence: marker,
  },
  {
    threat: "merge_action is a user's function before version 17",
    major: 15,
    setup: `create function public.merge_action() returns text language sql security definer as 'select value from public.secrets where id = 1'`,
    attack: 'select merge_action()',
    evidence: marker,
  },
  {
    threat: "json_array is a user's function before version 16",
    major: 15,
    setup: `create function public.json_array(text) returns text language sql security definer as 'select value from public.secrets where id = 1'`,
    attack: `select json_array('a'::text)`,
    evidence: marker,
  },
  { threat: 'a plain read on version 15', major: 15, attack: 'select value from secrets', evidence: marker },
  {
    threat: 'search_path on version 15, which never reports it',
    major: 15,
    attack: [query('set search_path = hidden'), query('select note from orders')],
    evidence: marker,
  },
  {
    threat: 'a path judged at Parse on version 15',
    major: 15,
    user: 'editor',
    setup: 'create table hidden.lists (id int)',
    attack: [
      parse('select note from orders', 'p'),
      sync(),
      query('set search_path = hidden, public'),
      bind({ statement: 'p' }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
];
