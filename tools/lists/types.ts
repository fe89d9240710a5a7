import type { CatalogOperator, CatalogType } from './catalog.ts';
import type { Rule } from './functions.ts';

/**
 * Types of pg_catalog that a cast, a parameter or a column list may name: all but the pseudo-types, of which `unknown`,
 * `record` and `void` are harmless. A cast runs the type's input function on a value: those of pg_catalog read nothing
 * but names (reg* types) and refuse what could be dangerous to make (pg_node_tree, pg_statistic's types).
 */
const PSEUDO: ReadonlySet<string> = new Set(['unknown', 'record', 'void', '_record']);

export function freeTypes(types: readonly CatalogType[]): readonly string[] {
  return types.filter((type) => type.kind !== 'p' || PSEUDO.has(type.name)).map((type) => type.name);
}

/** A name is free only if every operator that bears it calls a free function. */
export function freeOperators(
  operators: readonly CatalogOperator[],
  rules: ReadonlyMap<string, Rule>,
): readonly string[] {
  const byName = Map.groupBy(operators, (operator) => operator.name);
  return [...byName]
    .filter(([, group]) => group.every((operator) => rules.get(operator.function)?.free === true))
    .map(([name]) => name);
}
