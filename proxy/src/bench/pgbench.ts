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
  readonly seconds: number;
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

/** Transactions per second of pgbench's select-only script, connecting left out. */
export async function selectOnly(pgbench: string, target: Target, load: Load): Promise<number> {
  const threads = Math.min(load.clients, 2);
  const args = [
    '-n',
    '-S',
    '-M',
    load.mode,
    '-c',
    String(load.clients),
    '-j',
    String(threads),
    '-T',
    String(load.seconds),
  ];
  const { stdout, stderr } = await run(pgbench, [...args, ...address(target)], { env: environment(target) });
  const tps = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1] ?? NaN);
  const failed = Number(/^number of failed transactions: (\d+)/m.exec(stdout)?.[1] ?? NaN);
  if (!Number.isFinite(tps) || failed !== 0)
    throw new Error(`pgbench through ${target.name} failed:\n${stdout}\n${stderr}`);
  return tps;
}
