import type { OutsideNames } from '../sql/inspection.ts';

/**
 * Which functions, operators and types exist outside pg_catalog, with their schemas. Readable by every login. Temporary
 * schemas are left out: functions and operators are never looked for there, and the session's path ends with them.
 */
export const OUTSIDE_NAMES_QUERY = `
select 'f', p.proname, n.nspname from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
 where n.nspname <> 'pg_catalog' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_(toast|temp)'
union select 'o', o.oprname, n.nspname from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
 where n.nspname <> 'pg_catalog' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_(toast|temp)'
union select 't', t.typname, n.nspname from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
 where n.nspname <> 'pg_catalog' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_(toast|temp)'
order by 1, 2, 3`;

/** What is older than this is as good as unknown. Milliseconds. */
const STALE = 120_000;

type Row = readonly (string | null)[];

/** Never the same twice in a process: inspections are kept by it, and a catalog may be closed and opened again. */
let generations = 0;

export interface ReaderContext {
  /** The rows of OUTSIDE_NAMES_QUERY; may reject. */
  readonly read: () => Promise<readonly Row[]>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Told of what `read` rejects with. */
  readonly failed: (error: unknown) => void;
}

/** Names of one database, read again and again. A new generation only when something has changed. */
export class OutsideNamesReader {
  readonly #read: () => Promise<readonly Row[]>;
  readonly #now: () => number;
  #names: OutsideNames = null;
  #content = '';
  #readAt = -Infinity;
  #underWay: Promise<void> | undefined;

  readonly #failed: (error: unknown) => void;

  constructor({ read, now, failed }: ReaderContext) {
    this.#read = read;
    this.#now = now;
    this.#failed = failed;
  }

  /** null: could not be read, or not for too long. */
  get names(): OutsideNames {
    return this.#now() - this.#readAt > STALE ? null : this.#names;
  }

  /** Never rejects; what can't be read is unknown. */
  async refresh(): Promise<void> {
    this.#underWay ??= this.#refresh().finally(() => (this.#underWay = undefined));
    await this.#underWay;
  }

  async #refresh(): Promise<void> {
    const asked = this.#now();
    let rows: readonly Row[];
    try {
      rows = await this.#read();
    } catch (error) {
      this.#failed(error);
      this.#names = null;
      this.#content = '';
      return;
    }
    this.#readAt = asked;
    const content = JSON.stringify(rows);
    if (content === this.#content && this.#names !== null) return;
    this.#content = content;
    generations++;
    this.#names = {
      generation: generations,
      functions: collect(rows, 'f'),
      operators: collect(rows, 'o'),
      types: collect(rows, 't'),
    };
  }
}

function collect(rows: readonly Row[], kind: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [of, name, schema] of rows) {
    if (of !== kind || typeof name !== 'string' || typeof schema !== 'string') continue;
    const schemas = found.get(name);
    if (schemas === undefined) found.set(name, [schema]);
    else schemas.push(schema);
  }
  return found;
}
