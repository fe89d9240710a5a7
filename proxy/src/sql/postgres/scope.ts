import type { Outputs } from './analysis.ts';
import type { Target } from './relations.ts';

/**
 * What names can mean at one place of a query, as PostgreSQL's parse_relation.c keeps it: a level per query, its
 * FROM items in it, the enclosing query's level above.
 */

/** One FROM item. */
export interface Source {
  /** What a qualified name reaches it by; null: nothing does. */
  readonly alias: string | null;
  /** The schema that was written before its name, for `schema.table.column`; undefined: aliased, or no relation. */
  readonly writtenSchema?: string | null;
  /** The relations whose columns its columns are. */
  readonly targets: readonly Target[];
  /** The relations that FOR UPDATE on it locks. */
  readonly locks: readonly Target[];
  /** What its alias hides: names reach nothing of it, but FOR UPDATE OF does. */
  readonly hidden?: readonly Source[];
  /** Names that are certainly columns of it and of nothing else. */
  readonly certain: ReadonlySet<string>;
  /** All its columns in order, when they are known. */
  readonly names: readonly (string | null)[] | null;
  /** Only reachable by its alias (OLD, NEW, a USING alias). */
  readonly onlyByAlias?: boolean;
}

export interface Entry {
  readonly source: Source;
  /** It stands in a FROM list that is still being read: only LATERAL items see it. */
  lateralOnly: boolean;
}

export interface Cte {
  readonly outputs: Outputs;
}

export class Level {
  readonly parent: Level | null;
  entries: Entry[] = [];
  /** A LATERAL item is being read. */
  lateral = false;
  /** A join merges columns, so `*` isn't simply all columns in order. */
  merges = false;
  ctes: Map<string, Cte> | null = null;

  constructor(parent: Level | null) {
    this.parent = parent;
  }

  add(source: Source): void {
    this.entries.push({ source, lateralOnly: false });
  }

  addCte(name: string, outputs: Outputs): void {
    this.ctes ??= new Map();
    this.ctes.set(name, { outputs });
  }

  findCte(name: string): Cte | undefined {
    return this.ctes?.get(name) ?? this.parent?.findCte(name);
  }

  /** The items whose columns an unqualified name at this level may mean. */
  readable(): Source[] {
    const sources: Source[] = [];
    for (const { source, lateralOnly } of this.entries) {
      if (source.onlyByAlias !== true && (!lateralOnly || this.lateral)) sources.push(source);
    }
    return sources;
  }
}

export const NO_NAMES: ReadonlySet<string> = new Set();
export const NO_OUTPUTS: Outputs = { names: [], open: false };

/** An item whose insides were judged where they stand: reading it asks for nothing more. */
export function knownSource(
  alias: string | null,
  outputs: Outputs,
  renamed: readonly string[],
  locks: readonly Target[] = [],
): Source {
  const { names, open } = renameOutputs(outputs, renamed);
  return { alias, targets: [], locks, certain: certainNames(names), names: open ? null : names };
}

/** An alias's column list renames the first columns; behind a `*` it isn't known which those are. */
function renameOutputs(outputs: Outputs, renamed: readonly string[]): Outputs {
  if (renamed.length === 0) return outputs;
  if (outputs.open) return { names: renamed, open: true };
  return { names: [...renamed, ...outputs.names.slice(renamed.length)], open: false };
}

export function certainNames(names: readonly (string | null)[]): ReadonlySet<string> {
  if (names.length === 0) return NO_NAMES;
  const certain = new Set<string>();
  for (const name of names) if (name !== null) certain.add(name);
  return certain;
}
