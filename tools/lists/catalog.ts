import type pg from 'pg';

/** One overload of a function of pg_catalog, as the classification reads it. */
export interface CatalogFunction {
  readonly name: string;
  /** f function, p procedure, a aggregate, w window. */
  readonly kind: string;
  /** internal, c, sql, plpgsql. */
  readonly language: string;
  /** The C symbol, or the SQL text. */
  readonly source: string;
  readonly volatility: string;
  /** Argument type names without schema, OUT ones left out. */
  readonly argumentTypes: readonly string[];
  readonly defaults: number;
  readonly variadic: boolean;
  readonly returns: string;
  /** Whether PUBLIC may execute it on a new database. */
  readonly publicExecute: boolean;
}

export interface CatalogOperator {
  readonly name: string;
  /** Name of the function of pg_catalog that it calls. */
  readonly function: string;
}

export interface CatalogType {
  readonly name: string;
  /** b base, c composite, d domain, e enum, p pseudo, r range, m multirange. */
  readonly kind: string;
}

export interface CatalogRelation {
  readonly schema: 'pg_catalog' | 'information_schema';
  readonly name: string;
  readonly kind: string;
  readonly columns: readonly string[];
}

export interface Catalog {
  readonly version: string;
  readonly functions: readonly CatalogFunction[];
  readonly operators: readonly CatalogOperator[];
  readonly types: readonly CatalogType[];
  readonly relations: readonly CatalogRelation[];
}

const FUNCTIONS = `
select p.proname as name, p.prokind as kind, l.lanname as language,
  coalesce(nullif(pg_catalog.pg_get_function_sqlbody(p.oid), ''), p.prosrc) as source, p.provolatile as volatility,
  array(select t.typname::text from unnest(p.proargtypes) with ordinality as a (type, n)
    join pg_catalog.pg_type t on t.oid = a.type order by a.n) as "argumentTypes",
  p.pronargdefaults::int as defaults, p.provariadic <> 0 as variadic, r.typname::text as returns,
  p.proacl is null or exists (select from aclexplode(p.proacl) a
    where a.grantee = 0 and a.privilege_type = 'EXECUTE') as "publicExecute"
from pg_catalog.pg_proc p
join pg_catalog.pg_language l on l.oid = p.prolang
join pg_catalog.pg_type r on r.oid = p.prorettype
where p.pronamespace = 'pg_catalog'::regnamespace
order by p.proname collate "C", p.proargtypes::text collate "C"`;

const OPERATORS = `
select distinct o.oprname as name, p.proname as function
from pg_catalog.pg_operator o join pg_catalog.pg_proc p on p.oid = o.oprcode
where o.oprnamespace = 'pg_catalog'::regnamespace
order by 1, 2`;

/** Row types, and arrays of them, are left out: the relations of the catalogs. */
const TYPES = `
select t.typname as name, t.typtype as kind from pg_catalog.pg_type t
left join pg_catalog.pg_type e on e.oid = t.typelem
where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype <> 'c' and e.typtype is distinct from 'c'
order by t.typname collate "C"`;

const RELATIONS = `
select n.nspname as schema, c.relname as name, c.relkind as kind,
  array(select a.attname::text from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v')
order by 1, c.relname collate "C"`;

export async function readCatalog(client: pg.Client): Promise<Catalog> {
  const rows = async <T extends pg.QueryResultRow>(text: string): Promise<T[]> => (await client.query<T>(text)).rows;
  const version = await rows<{ server_version: string }>('show server_version');
  return {
    version: (version[0]?.server_version ?? '').replace(/ .*/, ''),
    functions: await rows<CatalogFunction>(FUNCTIONS),
    operators: await rows<CatalogOperator>(OPERATORS),
    types: await rows<CatalogType>(TYPES),
    relations: await rows<CatalogRelation>(RELATIONS),
  };
}
