import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import { problemOf, type Problem } from './problem.ts';
import type { CelRule, Schema } from './schema.ts';
import { walk, type Structure } from './structure.ts';

const environment = new Environment().registerVariable('self', 'dyn');
const parsed = new Map<string, ParseResult>();

/**
 * Runs the CRD's own CEL rules on a resource whose defaults are filled in, as the API server does. Rules about a
 * change (`oldSelf`) are left to it. A rule is skipped where the value that it reads is already known to be broken, or
 * itself has unknown fields, which may be misspelt ones.
 */
export function checkCel(schema: Schema, { completed, problems: broken, unknown }: Structure): Problem[] {
  const problems: Problem[] = [];
  const brokenWithin = new Set(broken.flatMap((problem) => problem.path.map((_, depth) => keyOf(problem.path, depth))));
  for (const { path } of broken) brokenWithin.add(keyOf(path));
  const unknownUnder = new Set(unknown.map(({ path }) => keyOf(path, path.length - 1)));
  walk(schema, completed, [], (at, value, path) => {
    const rules = at['x-kubernetes-validations'] ?? [];
    if (rules.length === 0 || brokenWithin.has(keyOf(path)) || unknownUnder.has(keyOf(path))) return;
    for (const rule of rules) if (!isTransition(rule) && !holds(rule, value)) problems.push(failed(rule, path));
  });
  return problems;
}

function isTransition({ rule }: CelRule): boolean {
  return /\boldSelf\b/.test(rule);
}

/** As for the API server, a rule that can't be evaluated doesn't hold. */
function holds({ rule }: CelRule, self: unknown): boolean {
  let program = parsed.get(rule);
  if (program === undefined) {
    program = environment.parse(rule);
    parsed.set(rule, program);
  }
  try {
    return program({ self }) === true;
  } catch (cause) {
    if (cause instanceof Error) return false;
    throw cause;
  }
}

function failed({ message, fieldPath }: CelRule, path: Problem['path']): Problem {
  return problemOf([...path, ...(fieldPath?.split('.').slice(1) ?? [])], message);
}

/** Of its first so many steps. */
function keyOf(path: Problem['path'], depth = path.length): string {
  return JSON.stringify(path.slice(0, depth));
}
