import { cpus, release, totalmem } from 'node:os';
import type { IdleMemory } from './idle.ts';
import type { QueryMode } from './pgbench.ts';
import { median, ratios, spread } from './statistics.ts';

/** Transactions per second, a figure a round, of one mode and number of clients. */
export interface Row {
  readonly mode: QueryMode;
  readonly clients: number;
  readonly direct: readonly number[];
  readonly proxy: readonly number[];
  readonly pgbouncer: readonly number[];
}

/** What was asked of the ratio to PgBouncer at this stage. */
const ASKED: Readonly<Record<number, number>> = { 1: 0.85, 16: 0.7, 64: 0.7 };

export interface Report {
  readonly versions: readonly string[];
  readonly rows: readonly Row[];
  readonly seconds: number;
  /** Resident bytes of the bundle's process before any client. */
  readonly fresh: number;
  readonly plain: IdleMemory;
  readonly tls: IdleMemory;
  /** Nanoseconds of a cached decision. */
  readonly decision: number;
}

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} kB`;
const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
const thousand = (values: readonly number[]): string => `${(median(values) / 1000).toFixed(1)}k`;

function rowText(row: Row): string {
  const toPeer = row.pgbouncer.length === 0 ? [] : ratios(row.proxy, row.pgbouncer);
  const toDirect = ratios(row.proxy, row.direct);
  const asked = ASKED[row.clients];
  const verdict = toPeer.length === 0 || asked === undefined ? '' : median(toPeer) >= asked ? 'met' : 'missed';
  return `| ${[
    row.mode,
    row.clients,
    thousand(row.direct),
    thousand(row.proxy),
    row.pgbouncer.length === 0 ? 'not installed' : thousand(row.pgbouncer),
    toPeer.length === 0 ? '' : `**${median(toPeer).toFixed(2)}** (${spread(toPeer)})`,
    `${median(toDirect).toFixed(2)} (${spread(toDirect)})`,
    asked === undefined ? '' : `≥ ${asked} ${verdict}`,
  ].join(' | ')} |`;
}

/** The measured half of docs/benchmarks.md. */
export function reportText(report: Report, date: string): string {
  const memory = (what: string, measured: string, asked: string): string => `| ${what} | ${measured} | ${asked} |`;
  return [
    `Measured ${date}: ${report.versions.join(', ')}; ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${mebibytes(totalmem())}, Linux ${release()}.`,
    '',
    `pgbench -S (one select by primary key), ${report.rows[0]?.proxy.length ?? 0} rounds of ${report.seconds} s each, interleaved; transactions per second are medians, ratios are medians of the ratios of each round (least–greatest). The proxy runs a policy of 20 rules with audit \`access\` written to a file; server, proxies and pgbench share the machine's cores.`,
    '',
    '| mode | clients | direct | articdbm | PgBouncer | articdbm / PgBouncer | articdbm / direct | asked of PgBouncer |',
    '|---|---|---|---|---|---|---|---|',
    ...report.rows.map(rowText),
    '',
    '| memory and decision | measured | asked |',
    '|---|---|---|',
    memory('bundle, started, no client yet', mebibytes(report.fresh), '≤ 90 MiB'),
    memory('bundle, idle after load', mebibytes(report.plain.idle), ''),
    memory(`each idle plain client (${report.plain.clients})`, kilobytes(report.plain.perClient), '≤ 25 kB'),
    memory(`each idle TLS client (${report.tls.clients})`, kilobytes(report.tls.perClient), '≤ 60 kB'),
    memory('a cached decision', `${report.decision.toFixed(0)} ns`, '≤ 2 µs'),
    '',
  ].join('\n');
}
