import type { Action } from '../policy/request.ts';
import { escapePattern } from '../policy/pattern.ts';
import type { DbPermission } from '../resources/types.gen.ts';
import type { SqlRule } from '../snapshot/types.ts';
import { compareText } from './finding.ts';

type WrittenRule = DbPermission['spec']['rules'][number];
type WrittenSql = NonNullable<WrittenRule['sql']>;

const SELECTORS = ['tables', 'columns', 'functions', 'sequences', 'types'] as const;

const STANDS_FOR: Readonly<Record<WrittenSql['actions'][number], readonly Action[]>> = {
  select: ['select'],
  insert: ['insert'],
  update: ['update'],
  delete: ['delete'],
  truncate: ['truncate'],
  execute: ['execute'],
  usage: ['usage'],
  read: ['select'],
  write: ['insert', 'update', 'delete'],
  admin: ['admin'],
};

/** By the list itself, and the database: one permission is looked at for many scopes, one ceiling for many permissions. */
const compiledBefore = new WeakMap<readonly WrittenRule[], Map<string, readonly SqlRule[]>>();

/** Rules as written → as judged: defaults said aloud, `read` and `write` replaced, lists in one order. */
export function compileRules(rules: readonly WrittenRule[], defaultDatabase: string): readonly SqlRule[] {
  const known = compiledBefore.get(rules) ?? new Map<string, readonly SqlRule[]>();
  compiledBefore.set(rules, known);
  const compiled =
    known.get(defaultDatabase) ?? rules.flatMap(({ sql }) => (sql ? [compileRule(sql, defaultDatabase)] : []));
  known.set(defaultDatabase, compiled);
  return compiled;
}

function compileRule(sql: WrittenSql, defaultDatabase: string): SqlRule {
  const selectors = SELECTORS.flatMap((selector) => {
    const patterns = sql[selector];
    return patterns ? [[selector, inOrder(patterns)] as const] : [];
  });
  return {
    databases: inOrder(sql.databases ?? [escapePattern(defaultDatabase)]),
    schemas: inOrder(sql.schemas ?? [sql.actions.includes('admin') ? '*' : 'public']),
    ...Object.fromEntries(selectors),
    actions: inOrder(sql.actions.flatMap((action) => STANDS_FOR[action])),
  };
}

function inOrder<T extends string>(texts: readonly T[]): readonly T[] {
  return [...new Set(texts)].sort(compareText);
}
