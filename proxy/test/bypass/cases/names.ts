import { type BypassCase, change, marker } from '../case.ts';
import { bind, close, describe_, execute, extended, flush, parse, query, sync } from '../messages.ts';

const SIXTY_THREE = 'n'.repeat(63);

/** The same object under another spelling; names that are one name to the server and two to who doesn't cut at 63 bytes. */
export const NAMES: readonly BypassCase[] = [
  { threat: 'a forbidden table by its plain name', attack: 'select value from secrets', evidence: marker },
  { threat: 'a forbidden table in capitals', attack: 'SELECT VALUE FROM SECRETS', evidence: marker },
  { threat: 'a forbidden table in quotes', attack: 'select "value" from "public"."secrets"', evidence: marker },
  {
    threat: 'a forbidden table spelt by Unicode escapes',
    attack: String.raw`select value from U&"\0073ecrets"`,
    evidence: marker,
  },
  {
    threat: 'a forbidden table spelt by Unicode escapes with an escape character of its own',
    attack: `select value from U&"!0073ecret!+000073" uescape '!'`,
    evidence: marker,
  },
  {
    threat: 'comments in place of white space',
    attack: 'select/**/value/*/*nested*/from orders*/from--\n/**/secrets',
    evidence: marker,
  },
  {
    threat: 'white space that only the lexer knows (vertical tab, form feed)',
    attack: 'select\v value\ffrom\r\nsecrets',
    evidence: marker,
  },
  {
    threat: 'TABLE in place of SELECT',
    attack: 'table secrets',
    evidence: marker,
  },
  {
    threat: 'a name of three parts with the current database',
    attack: async (attacker) => {
      await attacker.query(`select value from "${attacker.database}".public.secrets`);
    },
    evidence: marker,
  },
  {
    threat: 'a schema-qualified twin of an allowed name',
    attack: 'select note from hidden.orders',
    evidence: marker,
  },
  {
    threat: 'a table whose name only begins like an allowed one after the cut to 63 bytes',
    setup: `create table public.${SIXTY_THREE} (body text); insert into public.${SIXTY_THREE} values ('zq7marker')`,
    attack: `select body from ${SIXTY_THREE}extra`,
    evidence: marker,
  },
  {
    threat: 'a column whose name is cut to the forbidden one',
    setup: `alter table public.customers add column ${SIXTY_THREE} text default 'zq7marker'`,
    attack: `select ${SIXTY_THREE}_name from customers`,
    evidence: marker,
  },
  {
    threat: 'a multi-byte name cut in the middle of a character',
    setup: `create table public."${'n'.repeat(62)}" (body text); insert into public."${'n'.repeat(62)}" values ('zq7marker')`,
    attack: `select body from "${'n'.repeat(62)}éx"`,
    evidence: marker,
  },
  {
    threat: 'a prepared statement name of 64 bytes is the one of 63',
    attack: [
      parse('select 1', `${SIXTY_THREE}A`),
      sync(),
      close('S', SIXTY_THREE),
      parse('select value from secrets', `${SIXTY_THREE}B`),
      parse('select id from orders', `x${SIXTY_THREE}`),
      bind({ statement: `${SIXTY_THREE}C` }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'SQL PREPARE under a long name, Bind under its first 63 bytes',
    attack: [
      query(`prepare ${SIXTY_THREE}long as select value from secrets`),
      bind({ statement: SIXTY_THREE }),
      execute(),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'Parse under a long name, SQL EXECUTE under another that is cut to the same',
    attack: [parse('select value from secrets', `${SIXTY_THREE}one`), sync(), query(`execute ${SIXTY_THREE}two`)],
    evidence: marker,
  },
  {
    threat: 'a portal name of 64 bytes is the one of 63',
    attack: [
      parse('select value from secrets', 's'),
      bind({ portal: `${SIXTY_THREE}A`, statement: 's' }),
      execute(SIXTY_THREE),
      sync(),
    ],
    evidence: marker,
  },
  {
    threat: 'a cursor fetched under a name that is cut to its own',
    attack: `begin; declare ${SIXTY_THREE}a cursor for select value from secrets; fetch ${SIXTY_THREE}b; commit`,
    evidence: marker,
  },
  {
    threat: 'a quoted prepared name that folds to nothing else',
    attack: [query('prepare "S" as select value from secrets'), query('prepare s as select 1'), query('execute "S"')],
    evidence: marker,
  },
  {
    threat: 'an upper-case protocol statement named by SQL in quotes',
    attack: [parse('select value from secrets', 'Leak'), sync(), query('execute "Leak"')],
    evidence: marker,
  },
  {
    threat: 'the same text in the extended protocol',
    attack: extended('select value from secrets'),
    evidence: marker,
  },
  {
    threat: 'binary results in place of text',
    attack: [parse('select value from secrets'), bind({ results: 1 }), execute(), sync()],
    evidence: marker,
  },
  {
    threat: 'Flush in place of Sync after the forbidden rows',
    attack: [parse('select value from secrets'), describe_('S'), bind(), describe_('P'), execute(), flush(), sync()],
    evidence: marker,
  },
  {
    threat: 'a forbidden change hidden behind a semicolon',
    attack: 'select id from orders; delete from orders;;; ',
    evidence: change('select count(*) = 0 from public.orders'),
  },
  {
    threat: 'an allowed statement before and after a forbidden one',
    attack: 'select 1; select value from secrets; select 2',
    evidence: marker,
  },
];
