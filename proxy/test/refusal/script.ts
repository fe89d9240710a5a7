import * as frontend from '#test/harness/frontend';
import type { Chance } from './random.ts';
import { ALLOWED, FAILING, REFUSED, REFUSED_UTILITIES, TRANSACTION, UTILITIES } from './statements.ts';

/** A message, and how a person would say it. */
export interface Said {
  readonly words: string;
  readonly bytes: Buffer;
}

/** Sent in one write; ends in a state in which the server waits for the next message. */
export type Chunk = readonly Said[];

const STATEMENTS = ['', 's1', 's2', 's3'] as const;
const PORTALS = ['', 'p1', 'p2'] as const;
const CURSORS = ['c1', 'c2', 'p1'] as const;

/**
 * What is looked for after a script. Not the unnamed portal: in a failed transaction PostgreSQL keeps the one that a
 * simple Query made for itself, and nobody can do anything with it.
 */
export const NAMES = { statements: STATEMENTS, portals: PORTALS.slice(1) } as const;

/** One to six chunks: simple messages of one to four statements, and pipelines with their Syncs and Flushes anywhere. */
export function makeScript(chance: Chance): readonly Chunk[] {
  const chunks: Chunk[] = [];
  const length = 1 + chance.below(6);
  while (chunks.length < length) {
    const kind = chance.below(10);
    if (kind < 4) chunks.push([simple(severalStatements(chance))]);
    else if (kind < 9) chunks.push(pipeline(chance));
    else chunks.push(copyIn(chance));
  }
  return chunks;
}

const simple = (sql: string): Said => ({ words: `Query ${sql}`, bytes: frontend.query(sql) });

function severalStatements(chance: Chance): string {
  return Array.from({ length: 1 + chance.below(4) }, () => statement(chance)).join('; ');
}

function statement(chance: Chance): string {
  const kind = chance.below(16);
  if (kind < 4) return preparable(chance);
  if (kind < 6) return chance.oneOf(REFUSED_UTILITIES);
  if (kind < 9) return chance.oneOf(TRANSACTION);
  if (kind === 9) return chance.oneOf(FAILING);
  if (kind === 10) return chance.oneOf(UTILITIES);
  return named(chance);
}

const preparable = (chance: Chance): string => chance.oneOf(chance.once(2) ? ALLOWED : REFUSED);

/** What works on names that either protocol may have made. */
function named(chance: Chance): string {
  const prepared = chance.oneOf(STATEMENTS.slice(1));
  const cursor = chance.oneOf(CURSORS);
  return chance.oneOf([
    `prepare ${prepared} as ${preparable(chance)}`,
    `execute ${prepared}`,
    `execute ${prepared}`,
    `deallocate ${prepared}`,
    `declare ${cursor} cursor for ${chance.oneOf([ALLOWED[0], ALLOWED[8], REFUSED[0], REFUSED[1]] as string[])}`,
    `declare ${cursor} cursor with hold for ${chance.oneOf([ALLOWED[0], REFUSED[0]] as string[])}`,
    `fetch 2 from ${cursor}`,
    `move 1 in ${cursor}`,
    `close ${cursor}`,
  ]);
}

function pipeline(chance: Chance): Chunk {
  const messages: Said[] = [];
  const rounds = 1 + chance.below(5);
  for (let round = 0; round < rounds; round++) {
    if (chance.once(5)) messages.push(loose(chance));
    else messages.push(...wholeRound(chance));
    if (chance.once(4)) messages.push({ words: 'Sync', bytes: frontend.sync() });
    if (chance.once(5)) messages.push({ words: 'Flush', bytes: frontend.flush() });
  }
  return messages;
}

function wholeRound(chance: Chance): Said[] {
  const sql = chance.once(4) ? statement(chance) : preparable(chance);
  // What executes or fetches itself would only tell how the server stops that.
  const portal = sql.endsWith(' p1') ? '' : chance.oneOf(PORTALS);
  const name = sql.startsWith('execute') ? '' : chance.oneOf(STATEMENTS);
  const messages = [parse(sql, name)];
  if (chance.once(3)) messages.push(describe_('S', name));
  messages.push(bind(portal, name));
  if (chance.once(3)) messages.push(describe_('P', portal));
  messages.push(execute(portal, chance.once(3) ? 2 : 0));
  if (chance.once(4)) messages.push(execute(portal, chance.once(2) ? 1 : 0));
  return messages;
}

/** A single message, likely out of place. */
function loose(chance: Chance): Said {
  const name = chance.oneOf(STATEMENTS);
  const portal = chance.oneOf(['p1', 'p2', 'c1']);
  switch (chance.below(6)) {
    case 0:
      return parse(preparable(chance), name);
    case 1:
      return bind(portal, name);
    case 2:
      return execute(portal, chance.below(3));
    case 3:
      return describe_(chance.once(2) ? 'S' : 'P', chance.once(2) ? name : portal);
    case 4:
      return { words: `Close S ${name}`, bytes: frontend.closeStatement(name) };
    default:
      return { words: `Close P ${portal}`, bytes: frontend.closePortal(portal) };
  }
}

function copyIn(chance: Chance): Chunk {
  const table = chance.oneOf(['open', 'closed', 'readable', 'partly (id, secret)']);
  const before = chance.once(2) ? `${preparable(chance)}; ` : '';
  const end = chance.once(4)
    ? { words: 'CopyFail', bytes: frontend.copyFail('no') }
    : { words: 'CopyDone', bytes: frontend.copyDone() };
  return [
    simple(`${before}copy ${table} from stdin`),
    { words: 'CopyData', bytes: frontend.copyData(`${String(200 + chance.below(5))}\tcopied\n`) },
    end,
  ];
}

const parse = (sql: string, name: string): Said => ({
  words: `Parse ${name || '(unnamed)'}: ${sql}`,
  bytes: frontend.parse(sql, { name }),
});
const bind = (portal: string, statement_: string): Said => ({
  words: `Bind ${portal || '(unnamed)'} to ${statement_ || '(unnamed)'}`,
  bytes: frontend.bind({ portal, statement: statement_ }),
});
const execute = (portal: string, rows: number): Said => ({
  words: `Execute ${portal || '(unnamed)'} ${rows === 0 ? 'all' : String(rows)}`,
  bytes: frontend.execute(portal, rows),
});
const describe_ = (kind: 'S' | 'P', name: string): Said => ({
  words: `Describe ${kind} ${name || '(unnamed)'}`,
  bytes: kind === 'S' ? frontend.describeStatement(name) : frontend.describePortal(name),
});
