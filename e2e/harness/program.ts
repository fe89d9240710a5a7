import { spawn } from 'node:child_process';

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both as they came. */
  readonly output: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** After this long it is killed, and that is an error. */
  readonly seconds?: number;
}

/** A program that was run here said no. */
export class ProgramFailed extends Error {}

/** Runs a program to its end, whatever its status. Throws a ProgramFailed when it takes too long or can't be started. */
export function attempt(program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { input = '', env = process.env, cwd, seconds = 60 } = options;
  const shown = `${program.split('/').at(-1) ?? ''} ${args.join(' ')}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, ...(cwd === undefined ? {} : { cwd }) });
    let stdout = '';
    let stderr = '';
    let output = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new ProgramFailed(`${shown}: not done after ${seconds} s\n${output}`));
    }, seconds * 1000);
    child.stdout.setEncoding('utf8').on('data', (text: string) => ((stdout += text), (output += text)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => ((stderr += text), (output += text)));
    child.stdin.on('error', () => undefined); // it may end before it has read everything: its status tells
    child.stdin.end(input);
    child.on('error', (error) => reject(new ProgramFailed(`${shown}: ${error.message}`)));
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status: status ?? 255, stdout, stderr, output });
    });
  });
}

/** Runs a program and gives its standard output; throws a ProgramFailed with what it complained of. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, stdout, output } = await attempt(program, args, options);
  if (status === 0) return stdout;
  const shown = `${program.split('/').at(-1) ?? ''} ${args.join(' ')}`;
  throw new ProgramFailed(`${shown}: ended with ${status}\n${output.trim()}`);
}
