import { isEverything, matchesPattern, parsePattern, patternsMeet, type Pattern } from './pattern.ts';

/** A selector of a rule (`tables`, `columns` …), made once and asked often. */
export interface NameMatcher {
  /** Whether it holds `*`, and so even names that aren't known. */
  readonly everything: boolean;
  /** The exact names when it has nothing but exact names; undefined otherwise. */
  readonly names: ReadonlySet<string> | undefined;
  readonly patterns: readonly Pattern[];
  readonly matches: (name: string) => boolean;
}

const always = (): boolean => true;

export const EVERYTHING: NameMatcher = {
  everything: true,
  names: undefined,
  patterns: [{ parts: ['', ''] }],
  matches: always,
};

/** Malformed patterns match nothing: fail closed, should one ever get past the checks. */
export function nameMatcher(sources: readonly string[]): NameMatcher {
  const patterns = sources.map(parsePattern).filter((pattern) => pattern !== undefined);
  if (patterns.some(isEverything)) return EVERYTHING;
  const exact = new Set<string>();
  const prefixes: string[] = [];
  const general: Pattern[] = [];
  for (const pattern of patterns) {
    const [first = '', second] = pattern.parts;
    if (second === undefined) exact.add(first);
    else if (pattern.parts.length === 2 && second === '') prefixes.push(first);
    else general.push(pattern);
  }
  const wild = prefixes.length + general.length > 0;
  return {
    everything: false,
    names: wild ? undefined : exact,
    patterns,
    matches: wild ? (name) => exact.has(name) || matchesWild(prefixes, general, name) : exactMatch(exact),
  };
}

/** PostgreSQL keeps names that begin with `pg_` for itself: no user can make such a schema. */
const isSystemSchema = (name: string): boolean => name.startsWith('pg_') || name === 'information_schema';

/** As `nameMatcher`, but that no `*` reaches a schema of the system: what is dangerous there is meant only by name. */
export function schemaMatcher(sources: readonly string[]): NameMatcher {
  const matcher = nameMatcher(sources);
  if (matcher.names !== undefined) return matcher;
  const system = nameMatcher(sources.filter((source) => parsePattern(source)?.parts.length === 1));
  const matches = (name: string): boolean => (isSystemSchema(name) ? system.matches(name) : matcher.matches(name));
  return { ...matcher, matches };
}

function exactMatch(exact: ReadonlySet<string>): (name: string) => boolean {
  const [only] = exact;
  return exact.size === 1 ? (name) => name === only : (name) => exact.has(name);
}

function matchesWild(prefixes: readonly string[], general: readonly Pattern[], name: string): boolean {
  for (const prefix of prefixes) if (name.startsWith(prefix)) return true;
  for (const pattern of general) if (matchesPattern(pattern, name)) return true;
  return false;
}

/** Whether some name matches both. */
export function matchersMeet(a: NameMatcher, b: NameMatcher): boolean {
  if (a.names && b.names) return [...a.names].some(b.matches);
  return a.patterns.some((one) => b.patterns.some((other) => patternsMeet(one, other)));
}
