import { createHash } from 'node:crypto';
import { globSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';

/**
 * Digest of the files that a build may read: of `context`, less what its .dockerignore leaves out, and of `more` (texts).
 * Knows the part of .dockerignore's language that ours uses: lines are tried in order, the last that fits decides, `!` takes in.
 */
export function contentKey(context: string, more: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of more) hash.update(`${text}\0`);
  for (const file of contextFiles(context)) {
    hash.update(`${file}\0`);
    const path = join(context, file);
    hash.update(lstatSync(path).isSymbolicLink() ? readlinkSync(path) : readFileSync(path));
    hash.update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

/** The context's files, sorted. */
export function contextFiles(context: string): string[] {
  const rules = ignoreRules(context);
  const roots = rules.flatMap((rule) => (rule.keep && !rule.pattern.includes('*') ? [rule.pattern] : []));
  const starts = roots.length === 0 ? [''] : roots;
  const files = starts.flatMap((start) => globSync([start, join(start, '**/*')], { cwd: context }));
  return [...new Set(files)]
    .filter((file) => file !== '' && !lstatSync(join(context, file)).isDirectory() && isTaken(file, rules))
    .sort();
}

interface IgnoreRule {
  readonly pattern: string;
  readonly keep: boolean;
}

function ignoreRules(context: string): IgnoreRule[] {
  let text: string;
  try {
    text = readFileSync(join(context, '.dockerignore'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => ({ pattern: line.replace(/^!/, ''), keep: line.startsWith('!') }));
}

function isTaken(file: string, rules: readonly IgnoreRule[]): boolean {
  const fits = ({ pattern }: IgnoreRule): boolean => matchesGlob(file, pattern) || matchesGlob(file, `${pattern}/**`);
  return rules.findLast(fits)?.keep ?? true;
}
