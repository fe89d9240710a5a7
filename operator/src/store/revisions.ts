import pg from 'pg';
import type { Snapshot } from '#contract/snapshot/types';
import { migrate } from './migrate.ts';

/** One change of a scope's policy. */
export interface RevisionRecord {
  readonly scope: string;
  readonly revision: number;
  /** Of the leader that published it. */
  readonly term: number;
  readonly who: string;
  readonly why: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly digest: string;
  /** Without verifiers. */
  readonly document: Snapshot;
}

export interface RevisionStore {
  /** Writes those that are not there, in one go: all or none. Throws StaleTermError when a newer leader than `office` has written here. */
  record(records: readonly RevisionRecord[], office: number): Promise<void>;
  /** The latest revision of each scope. */
  latest(): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

/** Who asks is leader no longer. */
export class StaleTermError extends Error {
  readonly code = 'STALE_TERM';
  constructor() {
    super('a newer leader has written to the store');
    this.name = 'StaleTermError';
  }
}

/** Milliseconds; a publish waits for none of them (history.ts). */
const CONNECT_MS = 2_000;
const QUERY_MS = 10_000;

/** url: `postgres://…`. Connects when it is first needed, and migrates before that. onError: of idle connections. */
export function createRevisionStore(url: string, onError: (error: Error) => void): RevisionStore {
  const pool = new pg.Pool({
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    statement_timeout: QUERY_MS,
    application_name: 'articdbm-operator',
    allowExitOnIdle: true,
  });
  pool.on('error', onError);
  let migrated: Promise<unknown> | undefined;
  const ready = async (): Promise<void> => {
    migrated ??= migrate(pool);
    try {
      await migrated;
    } catch (error) {
      migrated = undefined; // tried again by the next caller
      throw error;
    }
  };
  const prepared = async <T>(work: () => Promise<T>): Promise<T> => {
    await ready();
    try {
      return await work();
    } catch (error) {
      if (isUnmade(error)) migrated = undefined; // the server was emptied, or put back from before there were tables
      throw error;
    }
  };
  return {
    record: (records, office) => prepared(() => insert(pool, records, office)),
    latest: () => prepared(() => latest(pool)),
    close: () => pool.end(),
  };
}

/** The row of `office` is locked by its update, so a newer leader's write waits, and an older one's finds no row. */
const INSERT = `
  with office as (update articdbm.office set term = $1 where term <= $1 returning term),
  written as (
    insert into articdbm.revisions (scope, revision, term, who, why, at, digest, document)
    select of.scope, of.revision, of.term, of.who, of.why, to_timestamp(of.at / 1000), of.digest, of.document
    from office, jsonb_to_recordset($2) as of (
      scope text, revision bigint, term bigint, who text, why text, at double precision, digest text, document jsonb
    )
    on conflict (scope, revision) do nothing
  )
  select term from office`;

/** undefined_table, undefined_column, invalid_schema_name. */
const isUnmade = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && ['42P01', '42703', '3F000'].includes(error.code ?? '');

async function insert(pool: pg.Pool, records: readonly RevisionRecord[], office: number): Promise<void> {
  const { rowCount } = await pool.query(INSERT, [office, JSON.stringify(records)]);
  if (rowCount === 0) throw new StaleTermError();
}

async function latest(pool: pg.Pool): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ scope: string; revision: string }>(
    'select scope, max(revision) as revision from articdbm.revisions group by scope',
  );
  return new Map(rows.map(({ scope, revision }) => [scope, Number(revision)]));
}

/** What history may hold of a snapshot: a verifier can be guessed at by whoever reads the store. */
export function withoutVerifiers(snapshot: Snapshot): Snapshot {
  return {
    ...snapshot,
    backends: snapshot.backends.map((backend) => ({
      ...backend,
      users: backend.users.map(({ verifier: _, ...user }) => user),
    })),
  };
}
