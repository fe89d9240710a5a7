/** Whether what answered is PostgreSQL 15 to 18, told by what it reports of itself at login (§54.2.7). */

type Parameters = readonly (readonly [name: string, value: string])[];

export type Major = 15 | 16 | 17 | 18;

export type Identity =
  | { readonly ok: true; readonly major: Major }
  | {
      readonly ok: false;
      readonly failure: 'not-postgresql' | 'version' | 'encoding' | 'strings';
      readonly product?: string;
    };

/** What only speaks the protocol, known by a parameter that PostgreSQL doesn't have … */
const TELLTALE_PARAMETERS: readonly (readonly [RegExp, string])[] = [
  [/^crdb_version$/, 'CockroachDB'],
  [/^(?:padb_|redshift_)/, 'Amazon Redshift'],
  [/^mz_/, 'Materialize'],
  [/^crate_version$/, 'CrateDB'],
  [/^(?:gp_|greenplum_)/, 'Greenplum'],
  [/^yb_/, 'YugabyteDB'],
  [/^edb_/, 'EDB Postgres Advanced Server'],
];

/** … or by the text of its version. */
const TELLTALE_VERSIONS: readonly (readonly [RegExp, string])[] = [
  [/cockroach/i, 'CockroachDB'],
  [/redshift/i, 'Amazon Redshift'],
  [/yugabyte|-yb-/i, 'YugabyteDB'],
  [/materialize/i, 'Materialize'],
  [/crate/i, 'CrateDB'],
  [/questdb/i, 'QuestDB'],
  [/bouncer/i, 'PgBouncer'],
  [/greenplum|cloudberry/i, 'Greenplum'],
  [/pgcat|odyssey|pgdog/i, 'a pooler'],
  [/risingwave/i, 'RisingWave'],
  [/enterprisedb|edb/i, 'EDB Postgres Advanced Server'],
];

/** GUC_REPORT in PostgreSQL 15's guc tables: every server since 14 reports these, imitations some of them. */
const REPORTED = [
  'application_name',
  'client_encoding',
  'DateStyle',
  'default_transaction_read_only',
  'in_hot_standby',
  'integer_datetimes',
  'IntervalStyle',
  'is_superuser',
  'server_encoding',
  'server_version',
  'session_authorization',
  'standard_conforming_strings',
  'TimeZone',
];

/** PG_VERSION: `18.1`, `18beta2`, `19devel`, then what the packager added behind a blank. */
const VERSION = /^(\d{1,3})(?:\.\d+|devel|beta\d+|rc\d+)(?: .*)?$/;

export function identifyServer(parameters: Parameters): Identity {
  const values = new Map(parameters);
  const version = values.get('server_version') ?? '';
  const product = otherProduct(parameters, version);
  if (product !== undefined) return { ok: false, failure: 'not-postgresql', product };
  const number = Number(VERSION.exec(version)?.[1] ?? Number.NaN);
  if (Number.isNaN(number)) return { ok: false, failure: 'not-postgresql' };
  const major = SUPPORTED.find((candidate) => candidate === number);
  if (major === undefined) return { ok: false, failure: 'version' };
  if (!REPORTED.every((name) => values.has(name))) return { ok: false, failure: 'not-postgresql' };
  if (values.get('server_encoding') !== 'UTF8' || values.get('client_encoding') !== 'UTF8') {
    return { ok: false, failure: 'encoding' };
  }
  if (values.get('standard_conforming_strings') !== 'on') return { ok: false, failure: 'strings' };
  return { ok: true, major };
}

const SUPPORTED: readonly Major[] = [15, 16, 17, 18];

function otherProduct(parameters: Parameters, version: string): string | undefined {
  const byName = TELLTALE_PARAMETERS.find(([pattern]) => parameters.some(([name]) => pattern.test(name)));
  const byVersion = TELLTALE_VERSIONS.find(([pattern]) => pattern.test(version));
  return byName?.[1] ?? byVersion?.[1];
}
