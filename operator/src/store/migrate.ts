import type { Pool, PoolClient } from 'pg';
import { MIGRATIONS, type Migration } from './migrations.ts';

/** "articdbm" cut to 8 bytes: what replicas agree on so that one migrates at a time. */
const ADVISORY_LOCK = '7021802816884663917';

/**
 * Applies what is missing, each migration with its mark in one transaction. Numbers that this release doesn't know are
 * left alone: they come from a later one. Returns the numbers that it applied.
 */
export async function migrate(pool: Pool, migrations: readonly Migration[] = MIGRATIONS): Promise<readonly number[]> {
  const client = await pool.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [ADVISORY_LOCK]);
    try {
      return await applyMissing(client, migrations);
    } finally {
      await client.query('select pg_advisory_unlock($1)', [ADVISORY_LOCK]);
    }
  } finally {
    client.release();
  }
}

async function applyMissing(client: PoolClient, migrations: readonly Migration[]): Promise<readonly number[]> {
  const applied = await alreadyApplied(client);
  const missing = migrations.filter(({ number }) => !applied.has(number));
  for (const migration of missing) await apply(client, migration);
  return missing.map(({ number }) => number);
}

/** Looks before it creates: a database that is up to date is not written to. */
async function alreadyApplied(client: PoolClient): Promise<ReadonlySet<number>> {
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regclass('articdbm.migrations') is not null as there`,
  );
  if (rows[0]?.there !== true) {
    await client.query(`
      create schema if not exists articdbm;
      create table articdbm.migrations (
        number integer primary key,
        name text not null,
        applied_at timestamptz not null default now()
      );
    `);
  }
  const marks = await client.query<{ number: number }>('select number from articdbm.migrations');
  return new Set(marks.rows.map(({ number }) => number));
}

async function apply(client: PoolClient, { number, name, sql }: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(sql);
    await client.query('insert into articdbm.migrations (number, name) values ($1, $2)', [number, name]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
