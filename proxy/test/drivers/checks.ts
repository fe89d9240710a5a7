import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { DriverFixture } from './fixture.ts';

/** What every driver is asked to do through the proxy. Programs in other languages print results under these names. */
export const CHECKS = [
  'TLS with a verified certificate, and none without',
  'numbers, dates and NULL there and back',
  'arrays',
  'json and jsonb',
  'bytea',
  'a prepared statement, used again',
  'a batch or pipeline',
  'an error in a batch leaves the session usable',
  'COPY in and out',
  'a large result in portions',
  'cancel, then usable',
  'an error inside a transaction, then rollback',
  'savepoints',
  'a commit is seen by another connection',
  'a refused table is 42501, then usable',
  'a refused column is 42501, then usable',
  'a refusal inside a transaction fails it until rollback',
  'notifications',
  'reconnects after its connection was killed',
  'a wrong password is 28P01',
  'ten connections at once',
] as const;

export type Check = (typeof CHECKS)[number];

/** A check, or why this driver has no means for it. */
export type DriverChecks = Readonly<Record<Check, ((fixture: DriverFixture) => Promise<void>) | string>>;

/** One `it` per check of a driver that runs in this process. */
export function checkDriver(checks: DriverChecks, fixture: () => DriverFixture): void {
  for (const name of CHECKS) {
    const check = checks[name];
    if (typeof check === 'string') continue;
    it(name, async () => {
      await check(fixture());
    });
  }
}

interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly error?: string;
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * One `it` per check of a program in another language. It runs once, before them, and prints a JSON object per check:
 * {name, ok, error?}. A check that it doesn't print has failed.
 */
export function checkProgram(program: () => Program, names: readonly Check[], fixture: () => DriverFixture): void {
  const results = new Map<string, Result>();
  let output = '';

  before(async function () {
    this.timeout(120_000);
    const { command, args } = program();
    output = await run(command, args, fixture().environment);
    for (const line of output.split('\n').filter((text) => text.startsWith('{'))) {
      const result = JSON.parse(line) as Result;
      results.set(result.name, result);
    }
  });
  for (const name of names) {
    it(name, () => {
      const result = results.get(name);
      if (result === undefined) throw new Error(`the program did not come to this:\n${output.slice(-4_000)}`);
      if (!result.ok) throw new Error(result.error ?? 'failed');
    });
  }
}

/** Standard output and error of a program, whatever its exit code. */
export async function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const late = setTimeout(() => child.kill('SIGKILL'), 110_000);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  clearTimeout(late);
  return output;
}
