import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { AccessRequest } from '#contract/policy/request';
import type { Ask, OutsideNamesKnown, ResolutionState } from '#proxy/sql/inspection';

/** PostgreSQL's own opinion: it runs a statement as a role that holds exactly some privileges, and all is undone again. */
export class Oracle {
  readonly #client: pg.Client;
  readonly #columns: ReadonlyMap<string, readonly string[]>;
  readonly state: ResolutionState;

  private constructor(client: pg.Client, columns: ReadonlyMap<string, readonly string[]>, state: ResolutionState) {
    this.#client = client;
    this.#columns = columns;
    this.state = state;
  }

  static async connect(options: pg.ClientConfig, major: ResolutionState['major']): Promise<Oracle> {
    const client = new pg.Client(options);
    await client.connect();
    await client.query(readFileSync(new URL('fixture.sql', import.meta.url), 'utf8'));
    await client.query("set statement_timeout = '300ms'");
    const outside = await outsideNames(client);
    const state = { id: 'oracle', database: options.database ?? 'postgres', major, path: ['public'], outside };
    return new Oracle(client, await columnsByRelation(client), state);
  }

  close(): Promise<void> {
    return this.#client.end();
  }

  /** undefined: it ran; else the SQLSTATE. `requests` null: as the superuser. */
  async run(statement: string, requests: readonly AccessRequest[] | null): Promise<string | undefined> {
    const grants = requests === null ? [] : [...requests.flatMap((request) => this.#grants(request)), SET_ROLE];
    try {
      await this.#client.query(['begin', ...grants, statement].join('; '));
      return undefined;
    } catch (error) {
      if (error instanceof pg.DatabaseError) return error.code ?? 'unknown';
      throw error;
    } finally {
      await this.#client.query('rollback');
    }
  }

  #grants({ action, resource }: AccessRequest): string[] {
    if (resource.kind === 'relation') return this.#relationGrants(action, resource);
    if (resource.kind === 'backend' || resource.kind === 'schema') return [];
    const name = `"${resource.schema ?? 'public'}"."${resource.name}"`;
    if (resource.kind === 'type') return [`grant usage on type ${name} to judged`];
    if (resource.kind === 'sequence') return [`grant usage on sequence ${name} to judged`];
    return FUNCTION_GRANTS[resource.name] ?? [`grant execute on routine ${name} to judged`];
  }

  #relationGrants(
    action: string,
    { name, columns }: Extract<AccessRequest['resource'], { kind: 'relation' }>,
  ): string[] {
    const known = this.#columns.get(name);
    if (known === undefined) return [];
    if (columns === 'all' || action === 'delete' || action === 'truncate')
      return [`grant ${action} on "${name}" to judged`];
    const named = columns === 'any' ? [] : columns.filter((column) => known.includes(column));
    // zz stands for "any", and for columns that the relation doesn't have: no statement names it.
    const granted = named.length === 0 ? ['zz'] : named;
    return granted.map((column) => `grant ${action} ("${column}") on "${name}" to judged`);
  }
}

const SET_ROLE = 'set local role judged';

/** An operator is granted by its function. */
const FUNCTION_GRANTS: Readonly<Record<string, string[]>> = {
  '<+>': ['grant execute on function plus(int, int) to judged'],
};

async function columnsByRelation(client: pg.Client): Promise<Map<string, readonly string[]>> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `select c.relname as name, array_agg(a.attname::text) as columns from pg_class c
     join pg_attribute a on a.attrelid = c.oid where c.relnamespace = 'public'::regnamespace
     and not a.attisdropped group by 1`,
  );
  return new Map(rows.map(({ name, columns }) => [name, columns]));
}

async function outsideNames(client: pg.Client): Promise<OutsideNamesKnown> {
  const read = async (query: string): Promise<Map<string, string[]>> => {
    const { rows } = await client.query<{ name: string }>(query);
    return new Map(rows.map(({ name }) => [name, ['public']]));
  };
  const inPublic = "'public'::regnamespace";
  return {
    generation: 1,
    functions: await read(`select proname as name from pg_proc where pronamespace = ${inPublic}`),
    operators: await read(`select oprname as name from pg_operator where oprnamespace = ${inPublic}`),
    types: await read(`select typname as name from pg_type where typnamespace = ${inPublic} and typtype <> 'c'`),
  };
}

/** It ran, or failed on its data: privileges are checked before any row is read. */
export function passedTheChecks(outcome: string | undefined): boolean {
  return outcome === undefined || ['21', '22', '23'].includes(outcome.slice(0, 2));
}

/** The requests of an ask that the oracle can speak about; undefined: refused, or admin, which is no privilege. */
export function privilegesOf(ask: Ask): readonly AccessRequest[] | undefined {
  if (ask.kind !== 'requests') return undefined;
  return ask.requests.some((request) => request.action === 'admin') ? undefined : ask.requests;
}

/** Each request less one: a column, or the whole request. */
export function withoutOne(requests: readonly AccessRequest[]): AccessRequest[][] {
  return requests.flatMap((request, index) => {
    const others = requests.filter((_, at) => at !== index);
    const { resource } = request;
    if (resource.kind !== 'relation' || typeof resource.columns === 'string' || resource.columns.length < 2)
      return [others];
    const { columns } = resource;
    return columns.map((column) => [
      ...others,
      { ...request, resource: { ...resource, columns: columns.filter((kept) => kept !== column) } },
    ]);
  });
}
