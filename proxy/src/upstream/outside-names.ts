import type { OutsideNames } from '../sql/inspection.ts';

/**
 * Which functions, operators, types and casts exist outside pg_catalog, with their schemas. Readable by every login. Temporary
 * schemas are left out: functions and operators are never looked for there, and the session's path ends with them. What
 * somebody added to pg_catalog itself (adminpack does) counts as outside: its OIDs begin at FirstNormalObjectId, 16384.
 */
export const OUTSIDE_NAMES_QUERY = `
with outside as (select oid, nspname, case nspname when 'pg_catalog' then 16384 else 0 end as first
  from pg_catalog.pg_namespace where nspname <> 'information_schema' and nspname !~ '^pg_(toast|temp)')
select 'function', p.proname, n.nspname, null from pg_catalog.pg_proc p join outside n
  on n.oid = p.pronamespace and p.oid >= n.first
union select 'operator', o.oprname, n.nspname, null from pg_catalog.pg_operator o join outside n
  on n.oid = o.oprnamespace and o.oid >= n.first
union select 'type', t.typname, n.nspname, null from pg_catalog.pg_type t join outside n
  on n.oid = t.typnamespace and t.oid >= n.first
union select 'oid', coalesce(e.typname, t.typname), n.nspname, t.oid::text
  from pg_catalog.pg_type t join outside n on n.oid = t.typnamespace
  left join pg_catalog.pg_type e on e.oid = t.typelem and t.typcategory = 'A'
union select case c.castcontext when 'e' then 'type' else 'cast' end, t.typname, n.nspname, p.proname
  from pg_catalog.pg_cast c join pg_catalog.pg_type t on t.oid = c.casttarget
  join pg_catalog.pg_proc p on p.oid = c.castfunc join outside n on n.oid = p.pronamespace and p.oid >= n.first
  join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname not in ('c', 'internal')
order by 1, 2, 3, 4`;

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
      functions: collect(rows, ['function']),
      operators: collect(rows, ['operator']),
      types: collect(rows, ['type', 'cast']),
      typeOids: typeOids(rows),
      unnamedCasts: rows.flatMap(([kind, , schema, name]) =>
        kind === 'cast' && typeof schema === 'string' && typeof name === 'string' ? [{ schema, name }] : [],
      ),
    };
  }
}

function typeOids(rows: readonly Row[]): ReadonlyMap<number, { schema: string; name: string }> {
  const found = new Map<number, { schema: string; name: string }>();
  for (const [kind, name, schema, oid] of rows) {
    if (kind === 'oid' && typeof name === 'string' && typeof schema === 'string')
      found.set(Number(oid), { schema, name });
  }
  return found;
}

function collect(rows: readonly Row[], kinds: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [of, name, schema] of rows) {
    if (!kinds.includes(of ?? '') || typeof name !== 'string' || typeof schema !== 'string') continue;
    const schemas = found.get(name);
    if (schemas === undefined) found.set(name, [schema]);
    else if (!schemas.includes(schema)) schemas.push(schema);
  }
  return found;
}
