/**
 * CPU that the proxy and PgBouncer spend on a transaction: a figure that says something on a busy machine too, where
 * transactions per second say none. See README.md beside this file.
 */
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '#test/harness/ports';
import { startPostgres } from '#test/harness/postgres-server';
import { initialise, selectCounted } from './pgbench.ts';
import type { Load, QueryMode, Target } from './pgbench.ts';
import { cpuOf, find, startPgBouncer, stop } from './processes.ts';
import { median } from './statistics.ts';
import { startProxyProcess } from './subject.ts';

interface Subject {
  readonly target: Target;
  readonly child: ChildProcess;
}

/** Microseconds a transaction. */
interface Cost {
  readonly user: number;
  readonly system: number;
}

const { values: chosen } = parseArgs({
  options: {
    transactions: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '16' },
    program: { type: 'string' },
    profile: { type: 'string' },
    alone: { type: 'boolean', default: false },
  },
});

async function costOf(pgbench: string, { target, child }: Subject, load: Load): Promise<Cost> {
  const pid = child.pid ?? 0;
  const before = cpuOf(pid);
  const each = Math.ceil(Number(chosen.transactions) / load.clients);
  const transactions = await selectCounted(pgbench, target, load, each);
  const after = cpuOf(pid);
  return { user: (after.user - before.user) / transactions, system: (after.system - before.system) / transactions };
}

async function compare(pgbench: string, subjects: readonly Subject[]): Promise<void> {
  const clients = Number(chosen.clients);
  for (const mode of ['simple', 'prepared'] as QueryMode[]) {
    const costs = subjects.map((): Cost[] => []);
    for (const subject of subjects) await costOf(pgbench, subject, { mode, clients }); // warm
    for (let round = 0; round < Number(chosen.rounds); round += 1) {
      for (const [index, subject] of subjects.entries()) {
        costs[index]?.push(await costOf(pgbench, subject, { mode, clients }));
      }
    }
    for (const [index, { target }] of subjects.entries()) {
      const of = costs[index] ?? [];
      const user = median(of.map((cost) => cost.user));
      const system = median(of.map((cost) => cost.system));
      const total = of.map((cost) => (cost.user + cost.system).toFixed(1)).join(' ');
      const figures = `${user.toFixed(1)} user + ${system.toFixed(1)} system µs`;
      console.log(`${mode}, ${clients} clients, ${target.name}: ${figures} a transaction (rounds: ${total})`);
    }
  }
}

async function main(): Promise<void> {
  const pgbench = find('pgbench');
  if (pgbench === undefined) throw new Error('pgbench is not installed: apt-get install postgresql-15');
  const folder = mkdtempSync(join(tmpdir(), 'articdbm-cpu-'));
  chmodSync(folder, 0o755);
  const server = await startPostgres({ major: 18, settings: { max_connections: 200 } });
  if (server === undefined) throw new Error('PostgreSQL 18 is not installed: npm ci');
  const subjects: Subject[] = [];
  try {
    const { port, user, password } = server;
    const direct: Target = { name: 'direct', port, user, password, database: 'postgres' };
    await initialise(pgbench, direct, 1);
    const { program, profile } = chosen;
    const nodeFlags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`];
    subjects.push(
      await startProxyProcess({ server, folder, nodeFlags, ...(program === undefined ? {} : { program }) }),
    );
    const bouncerPort = await freePort();
    const child = chosen.alone
      ? undefined
      : await startPgBouncer({ folder, port: bouncerPort, server, database: 'postgres' });
    if (child !== undefined) subjects.push({ child, target: { ...direct, name: 'PgBouncer', port: bouncerPort } });
    await delay(1_000);
    await compare(pgbench, subjects);
  } finally {
    for (const { child } of subjects) await stop(child);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
