import { type BypassCase, marker, rows } from '../case.ts';
import { extended, query } from '../messages.ts';

/**
 * In UTF-8 one literal: Á, an escaped quote, the rest. In Shift JIS the second byte of Á and the backslash are one
 * character, the literal ends at the quote, and what follows is run.
 */
const SHIFT_JIS = `select E'Á\\' union select value from secrets --'`;
/** With standard_conforming_strings two literals; without, one literal and a union. */
const BACKSLASH = `select 'a\\', ' union all select value from secrets --'`;

/** What the parser reads and what the server reads made to differ. */
export const LEXING: readonly BypassCase[] = [
  {
    threat: 'SET client_encoding hides a union in a literal',
    attack: [query('set client_encoding = SJIS'), query(SHIFT_JIS)],
    evidence: marker,
  },
  { threat: 'SET NAMES', attack: [query(`set names 'SJIS'`), query(SHIFT_JIS)], evidence: marker },
  {
    threat: 'SET LOCAL client_encoding',
    attack: [query('begin'), query('set local client_encoding = SJIS'), query(SHIFT_JIS)],
    evidence: marker,
  },
  {
    threat: 'SET "client_encoding" in quotes and capitals',
    attack: [query(`set "CLIENT_ENCODING" to 'sjis'`), query(SHIFT_JIS)],
    evidence: marker,
  },
  {
    threat: 'set_config of client_encoding',
    attack: [query(`select set_config('client_encoding', 'SJIS', false)`), query(SHIFT_JIS)],
    evidence: marker,
  },
  {
    threat: 'set_config of client_encoding with parameters',
    attack: [...extended('select set_config($1, $2, $3)', ['client_encoding', 'SJIS', 'f']), query(SHIFT_JIS)],
    evidence: marker,
  },
  {
    threat: 'pg_settings and client_encoding',
    attack: [query(`update pg_settings set setting = 'SJIS' where name = 'client_encoding'`), query(SHIFT_JIS)],
    evidence: marker,
  },
  {
    threat: 'client_encoding in EXECUTE of a prepared set_config',
    attack: [
      query(`prepare s (text) as select set_config('client_encoding', $1, false)`),
      query(`execute s ('SJIS')`),
      query(SHIFT_JIS),
    ],
    evidence: marker,
  },
  {
    threat: 'start-up parameter client_encoding',
    startup: { client_encoding: 'SJIS' },
    attack: SHIFT_JIS,
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'start-up options -c client_encoding',
    startup: { options: '-c client_encoding=SJIS' },
    attack: SHIFT_JIS,
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'client_encoding BIG5',
    attack: [query('set client_encoding = BIG5'), query(`select E'中\\' union select value from secrets --'`)],
    evidence: marker,
  },
  {
    threat: 'client_encoding SQL_ASCII',
    attack: 'set client_encoding = SQL_ASCII; show client_encoding',
    evidence: rows(/SQL_ASCII/),
  },
  {
    threat: 'RESET client_encoding after ALTER DATABASE … SET',
    setup: `do $$ begin execute format('alter database %I set client_encoding = SJIS', current_database()); end $$`,
    attack: [query('reset client_encoding'), query(SHIFT_JIS)],
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'ALTER DATABASE … SET client_encoding by someone else',
    setup: `do $$ begin execute format('alter database %I set client_encoding = SJIS', current_database()); end $$`,
    attack: SHIFT_JIS,
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'SET standard_conforming_strings = off',
    attack: [query('set standard_conforming_strings = off'), query(BACKSLASH)],
    evidence: marker,
  },
  {
    threat: 'SET LOCAL standard_conforming_strings',
    attack: [query('begin; set local standard_conforming_strings to 0'), query(BACKSLASH)],
    evidence: marker,
  },
  {
    threat: 'set_config of standard_conforming_strings',
    attack: [query(`select set_config('standard_conforming_strings', 'off', false)`), query(BACKSLASH)],
    evidence: marker,
  },
  {
    threat: 'start-up options -c standard_conforming_strings',
    startup: { options: '-c standard_conforming_strings=off' },
    attack: BACKSLASH,
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'ALTER DATABASE … SET standard_conforming_strings by someone else',
    setup: `do $$ begin execute format('alter database %I set standard_conforming_strings = off', current_database()); end $$`,
    attack: BACKSLASH,
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'RESET ALL after ALTER DATABASE … SET standard_conforming_strings',
    setup: `do $$ begin execute format('alter database %I set standard_conforming_strings = off', current_database()); end $$`,
    attack: [query('reset all'), query(BACKSLASH)],
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'DISCARD ALL after ALTER DATABASE … SET standard_conforming_strings',
    setup: `do $$ begin execute format('alter database %I set standard_conforming_strings = off', current_database()); end $$`,
    attack: [query('discard all'), query(BACKSLASH)],
    evidence: marker,
    harmless: true,
  },
  {
    threat: 'a database in LATIN1 cuts identifiers elsewhere than the parser',
    user: 'editor',
    encoding: 'LATIN1',
    setup: `create table public."${'é'.repeat(40)}" (body text); insert into public."${'é'.repeat(40)}" values ('zq7marker')`,
    attack: `select body from "${'é'.repeat(40)}"`,
    evidence: marker,
    refusal: ['42501', '22021', '0A000', '57P03', '3D000'],
  },
  {
    threat: 'a database in SQL_ASCII',
    encoding: 'SQL_ASCII',
    attack: [query('set client_encoding = SQL_ASCII'), query(SHIFT_JIS), query('select value from secrets')],
    evidence: marker,
    refusal: ['42501', '22021', '0A000', '57P03', '3D000'],
  },
  {
    threat: 'a literal continued over a line break',
    attack: `select 'a'\n' union select' union select value from secrets`,
    evidence: marker,
  },
  {
    threat: 'a comment marker inside an operator',
    attack: 'select 1 +--x\n (select length(value) from secrets limit 1), (select value from secrets limit 1)',
    evidence: marker,
  },
  {
    threat: 'dollar quotes with tags that nest',
    attack: `select $a$ $b$ $a$, value /* $b$ */ from secrets where $b$ $a$ $b$ is not null`,
    evidence: marker,
  },
  {
    threat: 'an escape string that ends where it seems to go on',
    attack: String.raw`select E'\\', value from secrets where E'\'' <> ''`,
    evidence: marker,
  },
  {
    threat: 'a backslash at the end of a plain literal',
    attack: String.raw`select '\', value from secrets where '\' = '\'`,
    evidence: marker,
  },
  {
    threat: 'a Unicode escape of a quote inside a U& literal',
    attack: String.raw`select U&'\0027', value from secrets where U&'\0027' <> ' union '`,
    evidence: marker,
  },
  {
    threat: 'a nested comment that ends late',
    attack: 'select /* /* */ 1 from orders -- */ value\n from secrets',
    evidence: marker,
  },
  {
    threat: 'a no-break space and a zero-width space are letters',
    setup: 'create table public."orders\u200b" (value text); insert into public."orders\u200b" values (\'zq7marker\')',
    attack: 'select value from orders\u200b',
    evidence: marker,
  },
  {
    threat: 'a full-width letter is not folded',
    setup: 'create table public."ｏrders" (value text); insert into public."ｏrders" values (\'zq7marker\')',
    attack: 'select value from ｏrders',
    evidence: marker,
  },
  {
    threat: 'the dotless i is not an i',
    setup: 'create table public."ıd" (value text); insert into public."ıd" values (\'zq7marker\')',
    attack: 'select value from ıd',
    evidence: marker,
  },
];
