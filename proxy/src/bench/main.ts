/** Direct, through the proxy, through PgBouncer: see README.md beside this file. Writes docs/benchmarks.md. */
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '#test/harness/ports';
import { startPostgres } from '#test/harness/postgres-server';
import type { PostgresServer } from '#test/harness/postgres-server';
import { cachedDecision } from './decision.ts';
import { idleMemory } from './idle.ts';
import { initialise, selectOnly } from './pgbench.ts';
import type { QueryMode, Target } from './pgbench.ts';
import { find, memoryOf, run, startPgBouncer, stop } from './processes.ts';
import { policy, startProxyProcess } from './subject.ts';
import { reportText } from './report.ts';
import type { Row } from './report.ts';

const PAGE = 'docs/benchmarks.md';
const BEGIN = '<!-- measured: begin -->';
const END = '<!-- measured: end -->';

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly clients: readonly number[];
  readonly idleClients: number;
  readonly write: boolean;
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '5' },
      quick: { type: 'boolean', default: false },
    },
  });
  const quick = values.quick;
  return {
    seconds: quick ? 1 : Number(values.seconds),
    rounds: quick ? 1 : Number(values.rounds),
    clients: [1, 16, 64],
    idleClients: quick ? 100 : 400,
    write: !quick,
  };
}

interface Targets {
  readonly direct: Target;
  readonly proxy: Target;
  readonly pgbouncer: Target | undefined;
}

async function measure(pgbench: string, targets: Targets, chosen: Options): Promise<Row[]> {
  const rows: Row[] = [];
  for (const mode of ['simple', 'prepared'] as QueryMode[]) {
    for (const clients of chosen.clients) {
      const row = { mode, clients, direct: [] as number[], proxy: [] as number[], pgbouncer: [] as number[] };
      const load = { mode, clients, seconds: chosen.seconds };
      for (let round = 0; round < chosen.rounds; round += 1) {
        row.direct.push(await selectOnly(pgbench, targets.direct, load));
        row.proxy.push(await selectOnly(pgbench, targets.proxy, load));
        if (targets.pgbouncer !== undefined) row.pgbouncer.push(await selectOnly(pgbench, targets.pgbouncer, load));
      }
      console.log(
        `${mode} ${clients}: direct ${row.direct.map(Math.round).join(' ')}, articdbm ${row.proxy.map(Math.round).join(' ')}, PgBouncer ${row.pgbouncer.map(Math.round).join(' ')}`,
      );
      rows.push(row);
    }
  }
  return rows;
}

async function versions(server: PostgresServer, pgbench: string): Promise<string[]> {
  const bouncer = find('pgbouncer');
  const { stdout: pgbenchVersion } = await run(pgbench, ['--version']);
  const bouncerVersion = bouncer === undefined ? undefined : (await run(bouncer, ['--version'])).stdout.split('\n')[0];
  return [
    `PostgreSQL ${server.major}`,
    `Node ${process.versions.node}`,
    bouncerVersion ?? 'PgBouncer not installed',
    pgbenchVersion.trim(),
  ];
}

function decisionTime(server: PostgresServer): Promise<number> {
  const [backend] = policy(server, 'bencher', 'unused').backends;
  const [user] = backend?.users ?? [];
  if (backend === undefined || user === undefined) throw new Error('no policy to judge by');
  return cachedDecision(user, backend);
}

function writePage(text: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', rest = ''] = page.split(BEGIN);
  const after = rest.split(END)[1] ?? '';
  writeFileSync(PAGE, `${before}${BEGIN}\n${text}${END}${after}`);
}

async function main(): Promise<void> {
  const chosen = options();
  const pgbench = find('pgbench');
  if (pgbench === undefined) throw new Error('pgbench is not installed: apt-get install postgresql-15');
  const folder = mkdtempSync(join(tmpdir(), 'articdbm-bench-'));
  chmodSync(folder, 0o755);
  const server = await startPostgres({ major: 18, settings: { max_connections: 700 } });
  if (server === undefined) throw new Error('PostgreSQL 18 is not installed: npm ci');
  const children: ChildProcess[] = [];
  try {
    const direct: Target = {
      name: 'direct',
      port: server.port,
      user: server.user,
      password: server.password,
      database: 'postgres',
    };
    await initialise(pgbench, direct, 10);
    const proxy = await startProxyProcess({ server, folder });
    children.push(proxy.child);
    await delay(1_500);
    const pid = proxy.child.pid ?? 0;
    const fresh = memoryOf(pid).rss;
    const bouncerPort = await freePort();
    const bouncer = await startPgBouncer({ folder, port: bouncerPort, server, database: 'postgres' });
    if (bouncer !== undefined) children.push(bouncer);
    const pgbouncer = bouncer === undefined ? undefined : { ...direct, name: 'PgBouncer', port: bouncerPort };
    const plain = await idleMemory(pid, proxy.target, { clients: chosen.idleClients, tls: false });
    const tls = await idleMemory(pid, proxy.target, { clients: chosen.idleClients, tls: true });
    const rows = await measure(pgbench, { direct, proxy: proxy.target, pgbouncer }, chosen);
    const report = {
      versions: await versions(server, pgbench),
      rows,
      seconds: chosen.seconds,
      fresh,
      plain,
      tls,
      decision: await decisionTime(server),
    };
    const text = reportText(report, new Date().toISOString().slice(0, 10));
    console.log(`\n${text}`);
    if (chosen.write) writePage(text);
  } finally {
    for (const child of children) await stop(child);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
