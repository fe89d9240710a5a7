import { run } from './processes.ts';

export interface Target {
  readonly name: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export type QueryMode = 'simple' | 'prepared';

export interface Load {
  readonly mode: QueryMode;
  readonly clients: number;
}

function environment(target: Target): NodeJS.ProcessEnv {
  return { ...process.env, PGPASSWORD: target.password, PGSSLMODE: 'disable', PGCONNECT_TIMEOUT: '10' };
}

const address = (target: Target): string[] => [
  '-h',
  '127.0.0.1',
  '-p',
  String(target.port),
  '-U',
  target.user,
  target.database,
];

/** The tables of pgbench's own benchmark; one unit of scale is 100,000 accounts. */
export async function initialise(pgbench: string, target: Target, scale: number): Promise<void> {
  await run(pgbench, ['-i', '-q', '-s', String(scale), ...address(target)], { env: environment(target) });
}

interface Outcome {
  readonly tps: number;
  readonly transactions: number;
}

/** pgbench's select-only script. Throws where a transaction failed. length: `-T seconds` or `-t transactions`. */
async function runSelectOnly(pgbench: string, target: Target, load: Load, length: readonly string[]): Promise<Outcome> {
  const threads = Math.min(load.clients, 2);
  const args = ['-n', '-S', '-M', load.mode, '-c', String(load.clients), '-j', String(threads), ...length];
  const { stdout, stderr } = await run(pgbench, [...args, ...address(target)], { env: environment(target) });
  const figure = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? NaN);
  const tps = figure(/^tps = ([\d.]+)/m);
  if (!Number.isFinite(tps) || figure(/^number of failed transactions: (\d+)/m) !== 0)
    throw new Error(`pgbench through ${target.name} failed:\n${stdout}\n${stderr}`);
  return { tps, transactions: figure(/^number of transactions actually processed: (\d+)/m) };
}

/** Transactions per second, connecting left out. */
export async function selectOnly(pgbench: string, target: Target, load: Load & { seconds: number }): Promise<number> {
  return (await runSelectOnly(pgbench, target, load, ['-T', String(load.seconds)])).tps;
}

/** So many transactions of each client, however long they take. Returns how many there were in all. */
export async function selectCounted(pgbench: string, target: Target, load: Load, each: number): Promise<number> {
  return (await runSelectOnly(pgbench, target, load, ['-t', String(each)])).transactions;
}
