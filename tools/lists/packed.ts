import type { PackedLists } from '../../proxy/src/sql/postgres/lists/packed.ts';
import type { Catalog } from './catalog.ts';
import { classifyFunctions } from './functions.ts';
import { classifyRelations } from './relations.ts';
import { freeOperators, freeTypes } from './types.ts';

/** The lists of one major, or what several share, or what is over. */
export interface NameLists {
  readonly free: readonly string[];
  readonly notFree: readonly string[];
  readonly rowFunctionsNotFree: readonly string[];
  readonly operators: readonly string[];
  readonly types: readonly string[];
  readonly relationsFree: readonly string[];
  readonly relationsRefused: readonly string[];
  /** `schema.name` and the columns that may be read, separated by spaces; and those that may not. */
  readonly columns: readonly string[];
  readonly withheld: readonly string[];
}

export function listsOf(catalog: Catalog): NameLists {
  const { rules, rowFunctionsNotFree } = classifyFunctions(catalog.functions);
  const relations = [...classifyRelations(catalog.relations)];
  const limited = relations.flatMap(([name, access]) => (typeof access === 'string' ? [] : [[name, access] as const]));
  const names = [...rules];
  return {
    free: names.filter(([, rule]) => rule.free).map(([name]) => name),
    notFree: names.filter(([, rule]) => !rule.free).map(([name]) => name),
    rowFunctionsNotFree,
    operators: freeOperators(catalog.operators, rules),
    types: freeTypes(catalog.types),
    relationsFree: relations.filter(([, access]) => access === 'free').map(([name]) => name),
    relationsRefused: relations.filter(([, access]) => access === 'refused').map(([name]) => name),
    columns: limited.map(([name, access]) => [name, ...access.allowed].join(' ')),
    withheld: limited.map(([name, access]) => [name, ...access.withheld].join(' ')),
  };
}

function combine(keep: (key: keyof NameLists) => readonly string[]): NameLists {
  const sorted = (key: keyof NameLists): readonly string[] => [...keep(key)].sort(byCodeUnits);
  return {
    free: sorted('free'),
    notFree: sorted('notFree'),
    rowFunctionsNotFree: sorted('rowFunctionsNotFree'),
    operators: sorted('operators'),
    types: sorted('types'),
    relationsFree: sorted('relationsFree'),
    relationsRefused: sorted('relationsRefused'),
    columns: sorted('columns'),
    withheld: sorted('withheld'),
  };
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

export function sharedBy(all: readonly NameLists[]): NameLists {
  return combine((key) => (all[0]?.[key] ?? []).filter((name) => all.every((lists) => lists[key].includes(name))));
}

export function without(lists: NameLists, shared: NameLists): NameLists {
  return combine((key) => {
    const known = new Set(shared[key]);
    return lists[key].filter((name) => !known.has(name));
  });
}

export function pack(lists: NameLists): PackedLists {
  const join = (names: readonly string[]): string => names.join(' ');
  return {
    free: join(lists.free),
    notFree: join(lists.notFree),
    rowFunctionsNotFree: join(lists.rowFunctionsNotFree),
    operators: join(lists.operators),
    types: join(lists.types),
    relations: {
      free: join(lists.relationsFree),
      refused: join(lists.relationsRefused),
      columns: byRelation(lists.columns),
      withheld: byRelation(lists.withheld),
    },
  };
}

function byRelation(entries: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    entries.map((entry) => {
      const [name = '', ...columns] = entry.split(' ');
      return [name, columns.join(' ')];
    }),
  );
}
