import type { Analysis } from './analysis.ts';
import { as, literalText, type Node } from './ast.ts';
import { foldCase, splitIdentifiers } from './identifiers.ts';
import { askShadowing } from './names.ts';
import { pathSchemas } from './relations.ts';
import { parseSearchPath, setSearchPath } from './search-path.ts';
import { judgeSetting, mayReadSetting, takesAnyValue } from './settings.ts';

/** Functions of pg_catalog whose verdict depends on what they are given. */
const SPECIAL: Readonly<Record<string, (analysis: Analysis, args: readonly Node[]) => void>> = {
  set_config: setConfig,
  current_setting: currentSetting,
  nextval: (analysis, args) => useSequence(analysis, args, 'nextval'),
  currval: (analysis, args) => useSequence(analysis, args, 'currval'),
  lastval: () => undefined,
  setval: (analysis) => analysis.asked.admin('call setval'),
};

/** true: judged here. Another function of that name outside pg_catalog is judged besides. */
export function askSpecialFunction(
  analysis: Analysis,
  names: readonly string[],
  args: readonly Node[] | undefined,
): boolean {
  const name = names.at(-1) ?? '';
  if (!Object.hasOwn(SPECIAL, name) || names.length > 2) return false;
  if (names.length === 2 && names[0] !== 'pg_catalog') return false;
  if (names.length === 1) askShadowing(analysis, name);
  analysis.constantsMatter = true;
  SPECIAL[name]?.(analysis, args ?? []);
  return true;
}

function setConfig(analysis: Analysis, args: readonly Node[]): void {
  const name = literalText(args[0]);
  const value = as('A_Const', args[1])?.isnull === true ? null : literalText(args[1]);
  if (args.length === 3 && name !== undefined && value === undefined && takesAnyValue(name)) return;
  if (args.length !== 3 || name === undefined || value === undefined) {
    analysis.asked.refuse('setting', 'set_config needs constants for name and value', 'use SET, or constants');
    return;
  }
  applySetting(analysis, name, value);
}

/** SET name TO value, or back to its start-up value with null. */
export function applySetting(analysis: Analysis, name: string, value: string | null): void {
  if (foldCase(name) === 'search_path') {
    if (value !== null) setSearchPath(analysis, parseSearchPath(value));
    return;
  }
  const verdict = judgeSetting(name, value);
  if (!verdict.ok) analysis.asked.refuse('setting', verdict.message, verdict.hint);
}

function currentSetting(analysis: Analysis, args: readonly Node[]): void {
  const name = literalText(args[0]);
  if (name === undefined || !mayReadSetting(name)) analysis.asked.admin('read server settings');
}

/** The sequence is named in a text, as regclass reads it. */
function useSequence(analysis: Analysis, args: readonly Node[], call: string): void {
  const text = literalText(args[0]);
  const names = text === undefined || /^\s*(\d+|-)\s*$/.test(text) ? undefined : splitIdentifiers(text, '.');
  const [name, schema, database] = names?.toReversed() ?? [];
  if (
    name === undefined ||
    (names?.length ?? 0) > 3 ||
    (database ?? analysis.state.database) !== analysis.state.database
  ) {
    analysis.asked.admin(`call ${call} on a sequence that is not named by a constant`);
    return;
  }
  const schemas = schema === undefined ? pathSchemas(analysis) : [schema];
  for (const place of schemas) analysis.asked.named('usage', 'sequence', place, name);
}
