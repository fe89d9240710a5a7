import { common } from './common.gen.ts';
import { only15 } from './15.gen.ts';
import { only16 } from './16.gen.ts';
import { only17 } from './17.gen.ts';
import { only18 } from './18.gen.ts';
import type { PackedLists } from './packed.ts';

/** What may be read of a relation of pg_catalog or information_schema. */
export type SystemRelation = 'free' | LimitedRelation | 'refused';

/** Together all columns that the relation has, but the system columns: what is in neither is no column of it. */
export interface LimitedRelation {
  readonly columns: ReadonlySet<string>;
  readonly withheld: ReadonlySet<string>;
}

/** What is known of pg_catalog and information_schema of one server major; README.md says how it came about. */
export interface SystemLists {
  /** Functions of pg_catalog by name; what is in `all` and not in `free` needs `execute`, `admin` or a judgement of its own. */
  readonly functions: { readonly free: ReadonlySet<string>; readonly all: ReadonlySet<string> };
  /** Functions that are not free and can be called with a whole row as their only argument, in a column's clothing too. */
  readonly rowFunctionsNotFree: ReadonlySet<string>;
  /** Operators of pg_catalog that are free: every one there is, today. */
  readonly operators: ReadonlySet<string>;
  /** Types of pg_catalog that may be named, by their names in pg_type (`int4`, `_int4`, `bpchar`). */
  readonly types: ReadonlySet<string>;
  /** Every table and view of both schemas, keyed `pg_catalog.x` or `information_schema.x`. */
  readonly relations: ReadonlyMap<string, SystemRelation>;
  /** Functions of information_schema that are free; the other ones are judged as any function outside pg_catalog. */
  readonly informationSchemaFunctions: ReadonlySet<string>;
}

export type Major = 15 | 16 | 17 | 18;

/** Columns that every table has and no catalog lists: sysattr in PostgreSQL's heap.c. They are no data of the table. */
export const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['ctid', 'xmin', 'cmin', 'xmax', 'cmax', 'tableoid']);

/** pgJDBC asks for primary keys with it; it does nothing but number the elements of its argument. */
const INFORMATION_SCHEMA_FUNCTIONS: ReadonlySet<string> = new Set(['_pg_expandarray']);

const OF_MAJOR: Readonly<Record<Major, PackedLists>> = { 15: only15, 16: only16, 17: only17, 18: only18 };

const unpacked = new Map<Major, SystemLists>();

/** The same object for every call with the same major. */
export function systemLists(major: Major): SystemLists {
  const known = unpacked.get(major);
  if (known !== undefined) return known;
  const lists = unpack(OF_MAJOR[major]);
  unpacked.set(major, lists);
  return lists;
}

function unpack(own: PackedLists): SystemLists {
  const free = set(common.free, own.free);
  return {
    functions: { free, all: set(common.free, own.free, common.notFree, own.notFree) },
    rowFunctionsNotFree: set(common.rowFunctionsNotFree, own.rowFunctionsNotFree),
    operators: set(common.operators, own.operators),
    types: set(common.types, own.types),
    relations: relations(own),
    informationSchemaFunctions: INFORMATION_SCHEMA_FUNCTIONS,
  };
}

function relations(own: PackedLists): ReadonlyMap<string, SystemRelation> {
  const map = new Map<string, SystemRelation>();
  const limited = new Map<string, string>();
  const withheld = new Map<string, string>();
  for (const { relations: packed } of [common, own]) {
    for (const name of split(packed.free)) map.set(name, 'free');
    for (const name of split(packed.refused)) map.set(name, 'refused');
    for (const [name, columns] of Object.entries(packed.columns)) limited.set(name, columns);
    for (const [name, columns] of Object.entries(packed.withheld)) withheld.set(name, columns);
  }
  for (const [name, columns] of limited) {
    map.set(name, { columns: set(columns), withheld: set(withheld.get(name) ?? '') });
  }
  return map;
}

const split = (text: string): readonly string[] => text.split(/\s+/).filter((name) => name !== '');

const set = (...texts: readonly string[]): ReadonlySet<string> => new Set(texts.flatMap(split));
