import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The sources: bin/articdbm.js would run a dist/ that may be older. */
const MAIN = join(import.meta.dirname, '../../cli/main.ts');

/** None outlives who started it. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** `articdbm standalone` as a process of its own, with all that it says. */
export class StandaloneProcess {
  readonly #child: ChildProcess;
  #stderr = '';
  #stdout = '';

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(process.execPath, [MAIN, 'standalone', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment,
      detached: true, // Ctrl-C is for who started it, who then ends it in order
    });
    const child = this.#child;
    running.add(child);
    child.once('close', () => running.delete(child));
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
  }

  /** Tables and problems. */
  get told(): string {
    return this.#stderr;
  }

  /** Log and audit lines. */
  get logged(): string {
    return this.#stdout;
  }

  /** Waits until it has told what matches, after `from` characters; rejects after 10 s, or when it ended. */
  async until(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const deadline = Date.now() + 10_000;
    while (Date.now() < deadline) {
      const found = pattern.exec(this.#stderr.slice(from));
      if (found !== null) return found;
      if (this.#child.exitCode !== null) break;
      await delay(5);
    }
    throw new Error(`articdbm did not say ${pattern}:\n${this.#stderr}\n${this.#stdout}`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The exit code; null when a signal ended it. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const [code] = (await once(this.#child, 'close')) as [number | null];
    return code;
  }

  /** SIGTERM, and SIGKILL if that is not heard within 15 s. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    const patience = setTimeout(() => this.signal('SIGKILL'), 15_000);
    const code = await this.ended();
    clearTimeout(patience);
    return code;
  }
}
