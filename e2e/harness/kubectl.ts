import { attempt, run } from './program.ts';
import type { Finished, RunOptions } from './program.ts';

export type Manifest = Readonly<Record<string, unknown>>;

/** kubectl for one cluster, and perhaps one namespace. */
export class Kubectl {
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #scope: readonly string[];

  constructor(program: string, env: NodeJS.ProcessEnv, namespace?: string) {
    this.program = program;
    this.env = env;
    this.#scope = namespace === undefined ? [] : ['--namespace', namespace];
  }

  in(namespace: string): Kubectl {
    return new Kubectl(this.program, this.env, namespace);
  }

  /** What to spawn for these arguments. */
  command(args: readonly string[]): string[] {
    return [...this.#scope, ...args];
  }

  /** Whatever its status. */
  try(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return attempt(this.program, this.command(args), { env: this.env, ...options });
  }

  /** Gives what it printed; throws with what it complained of. */
  run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run(this.program, this.command(args), { env: this.env, ...options });
  }

  async json<T = Manifest>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.run([...args, '-o', 'json'])) as T;
  }

  async apply(...objects: readonly Manifest[]): Promise<void> {
    await this.run(['apply', '-f', '-'], { input: listOf(objects) });
  }

  /** Waits for a condition, `CONDITION` or `jsonpath=…`, of what is there already. */
  async wait(what: readonly string[], condition: string, seconds: number): Promise<void> {
    await this.run(['wait', ...what, `--for=${condition}`, `--timeout=${seconds}s`], { seconds: seconds + 10 });
  }

  async ready(seconds: number, ...what: readonly string[]): Promise<void> {
    await this.wait(what, 'condition=Ready', seconds);
  }

  exec(pod: string, container: string, command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.try(['exec', '-i', pod, '-c', container, '--', ...command], options);
  }
}

/** Objects as one document that `kubectl apply -f -` takes, in this order. */
export function listOf(objects: readonly Manifest[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}
