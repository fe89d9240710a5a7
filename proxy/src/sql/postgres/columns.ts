import type * as Pg from 'pg-query-18';
import type { Analysis } from './analysis.ts';
import { kindOf, namesOf } from './ast.ts';
import { askClothing } from './names.ts';
import { askAll, askColumn } from './relations.ts';
import type { Level, Source } from './scope.ts';

/** A name as a value: column, whole row, `*`. Source: PostgreSQL's transformColumnRef. */
export function askColumnRef(analysis: Analysis, level: Level, reference: Pg.ColumnRef): void {
  const fields = reference.fields ?? [];
  const names = namesOf(fields);
  const star = kindOf(fields.at(-1)) === 'A_Star';
  const qualifiers = star ? names : names.slice(0, -1);
  if (qualifiers.length > 3) {
    analysis.notUnderstood('a name of more than four parts');
    return;
  }
  if (qualifiers.length === 3 && qualifiers[0] !== analysis.state.database) {
    analysis.asked.refuse('not-understood', 'a table of another database can not be reached');
  }
  if (qualifiers.length === 0) {
    if (star) askStar(analysis, level);
    else askUnqualified(analysis, level, names[0] ?? '');
    return;
  }
  askQualified(analysis, level, qualifiers, star ? null : (names.at(-1) ?? ''));
}

/** `*`: all of what this query's own FROM shows. */
function askStar(analysis: Analysis, level: Level): void {
  for (const source of level.readable()) askWhole(analysis, source);
}

function askWhole(analysis: Analysis, source: Source): void {
  for (const target of source.targets) askAll(analysis, 'select', target);
}

/**
 * The column of that name of every relation in reach, from the innermost query outwards to one that certainly has it;
 * and, where none has, the whole row of an item of that name.
 */
export function askUnqualified(analysis: Analysis, level: Level, name: string): void {
  for (let at: Level | null = level; at !== null; at = at.parent) {
    if (at.entries.length === 0) continue;
    const sources = at.readable();
    // Certain here, so either this or ambiguous; columns merged by USING were asked for there.
    if (sources.some((source) => source.certain.has(name))) return;
    for (const source of sources) {
      for (const target of source.targets) askColumn(analysis, 'select', target, name);
    }
  }
  for (let at: Level | null = level; at !== null; at = at.parent) {
    for (const { source } of at.entries) if (source.alias === name) askWhole(analysis, source);
  }
}

/**
 * `a.b`, `s.a.b`, `d.s.a.b`; column null: `.*`. Every item of that name in reach is judged, not only the innermost:
 * which of them the server sees depends on how far it has read the FROM list.
 */
function askQualified(analysis: Analysis, level: Level, qualifiers: readonly string[], column: string | null): void {
  const alias = qualifiers.at(-1) ?? '';
  const schema = qualifiers.at(-2);
  for (let at: Level | null = level; at !== null; at = at.parent) {
    for (const { source } of at.entries) {
      if (source.alias !== alias || !liesIn(source, schema)) continue;
      if (column === null) askWhole(analysis, source);
      else askSourceColumn(analysis, source, column);
    }
  }
}

function liesIn(source: Source, schema: string | undefined): boolean {
  if (schema === undefined) return true;
  const written = source.writtenSchema;
  return written === null || written === schema;
}

function askSourceColumn(analysis: Analysis, source: Source, column: string): void {
  for (const target of source.targets) askColumn(analysis, 'select', target, column);
  askClothing(analysis, column, source);
}
