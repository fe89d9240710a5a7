import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const folder = join(import.meta.dirname, '..');

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script of e2e/cluster for the cluster `name`. */
export function script(name: string, file: string, ...args: readonly string[]): Finished {
  const env = { ...process.env, NAME: name };
  return spawnSync(join(folder, file), args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** kubectl for one kubeconfig. */
export class Kubectl {
  readonly #program: string;
  readonly #kubeconfig: string;

  constructor(kubeconfig: string) {
    this.#program = script('any', 'kubectl.sh').stdout.trim();
    this.#kubeconfig = kubeconfig;
  }

  try(args: readonly string[], input = ''): Finished {
    return spawnSync(this.#program, ['--kubeconfig', this.#kubeconfig, ...args], { encoding: 'utf8', input });
  }

  /** Gives what it printed; throws with what it complained of. */
  run(args: readonly string[], input = ''): string {
    const { status, stdout, stderr } = this.try(args, input);
    if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`);
    return stdout;
  }

  apply(...objects: readonly object[]): void {
    this.run(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }
}

/** Tries until it gives something, a second of patience each; throws what it last threw. */
export async function eventually<T>(seconds: number, attempt: () => T): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await sleep(200);
  }
}
