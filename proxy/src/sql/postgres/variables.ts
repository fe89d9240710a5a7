import type * as Pg from 'pg-query-18';
import type { Analysis } from './analysis.ts';
import { as, type Node } from './ast.ts';
import { foldCase } from './identifiers.ts';
import { setSearchPath } from './search-path.ts';
import { mayReadSetting } from './settings.ts';
import { applySetting } from './special-functions.ts';
import { cutName } from './identifiers.ts';

/** SET, RESET and their special spellings, which the grammar maps onto settings' names. */
export function setVariable(analysis: Analysis, statement: Pg.VariableSetStmt): void {
  const name = statement.name ?? '';
  switch (statement.kind) {
    case 'VAR_SET_VALUE':
      setValue(analysis, name, statement.args ?? []);
      break;
    case 'VAR_SET_DEFAULT':
    case 'VAR_RESET':
      if (!RESETTABLE.has(foldCase(name))) applySetting(analysis, name, null);
      break;
    case 'VAR_RESET_ALL':
      break;
    case 'VAR_SET_MULTI':
      if (name === 'TRANSACTION SNAPSHOT') analysis.asked.admin('SET TRANSACTION SNAPSHOT');
      else if (name !== 'TRANSACTION' && name !== 'SESSION CHARACTERISTICS') analysis.notUnderstood('this SET');
      break;
    default:
      analysis.notUnderstood('this SET');
  }
}

/** They can't be moved away from where they are, so going back is nothing. */
const RESETTABLE: ReadonlySet<string> = new Set(['role', 'session_authorization']);

function setValue(analysis: Analysis, name: string, args: readonly Node[]): void {
  const values = args.map(valueOf);
  if (foldCase(name) !== 'search_path') {
    if (values.includes(undefined)) analysis.notUnderstood('this value of a setting');
    else applySetting(analysis, name, values.join(', '));
    return;
  }
  const schemas = args.map((arg) => as('A_Const', arg)?.sval);
  if (schemas.includes(undefined)) setSearchPath(analysis, undefined);
  else
    setSearchPath(
      analysis,
      schemas.map((schema) => cutName(schema?.sval ?? '')),
    );
}

/** undefined: neither a constant nor an interval of SET TIME ZONE. */
function valueOf(node: Node): string | undefined {
  const constant = as('A_Const', as('TypeCast', node)?.arg ?? node);
  if (constant === undefined) return undefined;
  if (constant.sval !== undefined) return constant.sval.sval ?? '';
  if (constant.ival !== undefined) return String(constant.ival.ival ?? 0);
  return constant.fval?.fval;
}

export function showVariable(analysis: Analysis, name: string): void {
  if (foldCase(name) === 'all') analysis.asked.admin('SHOW ALL');
  else if (!mayReadSetting(name)) analysis.asked.admin('read server settings');
}
