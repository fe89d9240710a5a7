/**
 * Patterns of rules: `*` stands for any run of characters, `\*` and `\\` for the character itself; nothing else is special.
 * Case counts. Matching never backtracks: each literal part is searched once, from left to right.
 */

/** The literal parts between the stars, unescaped. One part: an exact name. `['', '']`: everything. */
export interface Pattern {
  readonly parts: readonly string[];
}

/** undefined: malformed (empty, a trailing `\`, or an escape of anything but `*` and `\`). */
export function parsePattern(source: string): Pattern | undefined {
  if (source === '') return undefined;
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < source.length; i++) {
    let sign = source.charAt(i);
    if (sign === '*') {
      parts.push(part);
      part = '';
      continue;
    }
    if (sign === '\\') {
      sign = source.charAt(++i);
      if (sign !== '*' && sign !== '\\') return undefined;
    }
    part += sign;
  }
  parts.push(part);
  return { parts };
}

/** The pattern that matches this name and no other. */
export function escapePattern(name: string): string {
  return name.replace(/[\\*]/g, '\\$&');
}

export function isEverything(pattern: Pattern): boolean {
  return pattern.parts.length > 1 && pattern.parts.every((part) => part === '');
}

export function matchesPattern(pattern: Pattern, name: string): boolean {
  const { parts } = pattern;
  const first = parts[0] ?? '';
  if (parts.length === 1) return name === first;
  const last = parts[parts.length - 1] ?? '';
  const end = name.length - last.length;
  if (first.length > end || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i] ?? '';
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return at <= end;
}

/**
 * Whether some name matches both. With a star in each, what stands between the ends can always be written one after
 * the other, so only the ends can exclude each other.
 */
export function patternsMeet(a: Pattern, b: Pattern): boolean {
  if (a.parts.length === 1) return matchesPattern(b, a.parts[0] ?? '');
  if (b.parts.length === 1) return matchesPattern(a, b.parts[0] ?? '');
  const [startA, startB] = [a.parts[0] ?? '', b.parts[0] ?? ''];
  const [endA, endB] = [a.parts.at(-1) ?? '', b.parts.at(-1) ?? ''];
  const starts = startA.startsWith(startB) || startB.startsWith(startA);
  return starts && (endA.endsWith(endB) || endB.endsWith(endA));
}
