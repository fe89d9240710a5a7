/** Texts that make libpg-query stall, overflow, abort or grow, or try to. Each maker gives a text of about `bytes`. */
export interface HostileText {
  readonly name: string;
  readonly make: (bytes: number) => string;
}

const times = (unit: string, bytes: number): string => unit.repeat(Math.max(1, Math.floor(bytes / unit.length)));

const run = (name: string, unit: string): HostileText => ({ name, make: (bytes) => `select ${times(unit, bytes)}` });

const chain = (link: string, first = 'a', last = ''): HostileText => ({
  name: `chain of ${link.trim()}`,
  make: (bytes) => `select ${first}${times(link, bytes)}${last}`,
});

const nest = (name: string, open: string, core: string, close: string): HostileText => ({
  name: `nested ${name}`,
  make: (bytes) => {
    const depth = Math.max(1, Math.floor(bytes / (open.length + close.length)));
    return `select ${open.repeat(depth)}${core}${close.repeat(depth)}`;
  },
});

const RUNS: readonly HostileText[] = [
  ...['+', '-+', '+-', '*', '/', '<', '=', '|', '@', '`', '/**/', '/*', '*/', '/*/', '*/*', '!=', '~', '?'].map((unit) =>
    run(`run of ${unit}`, unit),
  ),
  run('nested comments with spaces', '/* '),
  run('nested comments with letters', '/*a'),
  { name: 'nested comments, closed', make: (bytes) => `select 1 ${times('/*', bytes / 2)}${times('*/', bytes / 2)}` },
  { name: 'nested comments behind a quoted one', make: (bytes) => `select '/*' ${times('/* ', bytes)}` },
  { name: 'a run behind an escaped quote', make: (bytes) => `select E'\\'' ${times('+', bytes)} '` },
  { name: 'a run behind a dollar quote', make: (bytes) => `select $a$'$a$ ${times('+', bytes)} '` },
  { name: 'runs of 256', make: (bytes) => `select ${times(`${'+'.repeat(256)}a`, bytes)}` },
  { name: 'runs of 256 commented', make: (bytes) => `select ${times(`/*${'+'.repeat(254)}*/a`, bytes)}` },
  { name: 'a comment of stars', make: (bytes) => `select 1 /*${times('*', bytes)}*/` },
  { name: 'a comment of slashes', make: (bytes) => `select 1 /*${times('/ ', bytes)}*/` },
  { name: 'a dashed comment', make: (bytes) => `select 1 --${times('-', bytes)}` },
];

const CHAINS: readonly HostileText[] = [
  ...['+', '-', '*', '/', '%', '^', '<', '>', '=', '<>', '||', '&&', '->', '~', '@>', '#>>'].map((sign) =>
    chain(`${sign}1`, '1'),
  ),
  ...[' and a', ' or a', ' and a or b', '::a', '::a[]', '.a', '[1]', '[1:2]', ' collate a', ' at time zone a'].map(
    (link) => chain(link),
  ),
  ...[' is null', ' isnull', ' notnull', ' is true', ' is not distinct from a', ' like a', ' between a and a'].map(
    (link) => chain(link),
  ),
  ...[' in (1)', ' operator(pg_catalog.+) a', ' = any (a)', ' overlaps a', ' union select a', ' except select a'].map(
    (link) => chain(link),
  ),
  chain(' join a', 'a from a'),
  chain(' natural join a', 'a from a'),
  chain(' cross join a', 'a from a'),
  chain(',a', 'a from a'),
  chain(' join a on true', 'a from a'),
  chain('not ', '', 'a'),
  chain('- ', '', 'a'),
  chain('+ ', '', 'a'),
  chain('@ ', '', 'a'),
  chain('~ ', '', 'a'),
  chain('case when ', '', 'a'),
  chain('case a when ', '', 'a'),
  chain('select ', '', '1'),
  chain('1,', '', '1'),
  chain('$1,', '', '1'),
  chain("'a',", '', '1'),
  chain("'a'\n", '', ''),
  chain(';select 1', '1'),
  chain(';', '1'),
  chain('"a".', '', 'a'),
  chain(' , (select 1) as a', 'a from a'),
];

const NESTS: readonly HostileText[] = [
  nest('parentheses', '(', '1', ')'),
  nest('brackets', 'array[', '1', ']'),
  nest('bare brackets', 'array[', '[1]', ']'),
  nest('calls', 'f(', '1', ')'),
  nest('rows', 'row(', '1', ')'),
  nest('implicit rows', '(', '1', ',1)'),
  nest('subqueries', '(select ', '1', ')'),
  nest('derived tables', '1 from (select ', '1', ') a'),
  nest('exists', 'exists(select ', '1', ')'),
  nest('arrays of subqueries', 'array(select ', '1', ')'),
  nest('CASE', 'case when ', 'a', ' then 1 end'),
  nest('CASE in ELSE', 'case when a then 1 else ', 'a', ' end'),
  nest('in lists', '1 in (', '1', ')'),
  nest('casts', 'cast(', '1', ' as a)'),
  nest('coalesce', 'coalesce(', '1', ')'),
  nest('subscripts', 'a[', '1', ']'),
  nest('xmlelement', 'xmlelement(name a,', '1', ')'),
  nest('windows', 'f() over (order by ', '1', ')'),
  nest('filters', 'f() filter (where ', '1', ')'),
  nest('joins', '1 from (a join ', 'a', ' on true)'),
  nest('set operations', '(select 1 union ', 'select 1', ')'),
  { name: 'nested WITH', make: (bytes) => `${times('with a as (', bytes)}select 1` },
  { name: 'open parentheses', make: (bytes) => `select ${times('(', bytes)}` },
  { name: 'open brackets', make: (bytes) => `select ${times('array[', bytes)}` },
  { name: 'many closed', make: (bytes) => `select ${times(')', bytes)}` },
];

const LITERALS: readonly HostileText[] = [
  { name: 'a long identifier', make: (bytes) => `select ${times('a', bytes)}` },
  { name: 'a long quoted identifier', make: (bytes) => `select "${times('é', bytes / 2)}"` },
  { name: 'a long number', make: (bytes) => `select ${times('9', bytes)}` },
  { name: 'a long literal', make: (bytes) => `select '${times('=', bytes)}'` },
  { name: 'a literal of control characters', make: (bytes) => `select '${times('\u0001', bytes)}'` },
  { name: 'a literal of quotes', make: (bytes) => `select '${times("''", bytes)}'` },
  { name: 'an escaped literal', make: (bytes) => `select E'${times('\\n', bytes)}'` },
  { name: 'a Unicode literal', make: (bytes) => `select U&'${times('\\00e9', bytes)}'` },
  { name: 'a Unicode literal with UESCAPE', make: (bytes) => `select U&'${times('!00e9', bytes)}' uescape '!'` },
  { name: 'a broken Unicode literal', make: (bytes) => `select U&'${times('\\d83d', bytes)}'` },
  { name: 'dollar quotes', make: (bytes) => `select ${times('$a$b$a$||', bytes)}1` },
  { name: 'dollar tags that do not match', make: (bytes) => `select $a$${times('$b', bytes)}` },
  { name: 'a long dollar tag', make: (bytes) => `select $${times('a', bytes / 2)}$${times('b', bytes / 2)}` },
  { name: 'dollars', make: (bytes) => `select ${times('$', bytes)}` },
  { name: 'open quotes', make: (bytes) => `select ${times("'a' ", bytes)}'` },
  { name: 'white space', make: (bytes) => `select 1${times(' ', bytes)}` },
  { name: 'white space behind literals', make: (bytes) => `select ${times("'a'          ,", bytes)}1` },
  { name: 'line comments behind literals', make: (bytes) => `select ${times("'a' --b\n", bytes)}1` },
  { name: 'a bit string', make: (bytes) => `select b'${times('01', bytes)}'` },
  { name: 'numbers with junk', make: (bytes) => `select ${times('1.e', bytes)}` },
  { name: 'values', make: (bytes) => `values ${times('(1,2,3,4),', bytes)}(1)` },
  { name: 'statements', make: (bytes) => times('select 1;', bytes) },
];

export const HOSTILE: readonly HostileText[] = [...RUNS, ...CHAINS, ...NESTS, ...LITERALS];
