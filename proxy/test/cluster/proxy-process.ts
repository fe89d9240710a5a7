import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '#test/harness/ports';
import { eventually } from '../../../operator/test/publish/proxies.ts';

const MAIN = path.join(import.meta.dirname, '../../src/main.ts');

export interface PodOptions {
  readonly operator: string;
  readonly ca: string;
  readonly token: string;
  readonly mode: 'sidecar' | 'gateway';
  readonly backend: string;
  readonly flags?: readonly string[];
}

/** A pod with a proxy in it: its volumes, and a container that can end and begin again. */
export class ProxyPod {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'articdbm-pod-'));
  readonly state = path.join(this.folder, 'state');
  readonly tokenFile = path.join(this.folder, 'token');
  readonly #options: PodOptions;
  #child: ChildProcess | undefined;
  port = 0;
  admin = 0;
  /** All that its containers have printed. */
  output = '';

  constructor(options: PodOptions) {
    this.#options = options;
    mkdirSync(this.state, { mode: 0o700 });
    writeFileSync(this.tokenFile, options.token, { mode: 0o600 });
  }

  /** A container. */
  async start(...flags: readonly string[]): Promise<this> {
    const { operator, ca, mode, backend } = this.#options;
    this.port ||= await freePort();
    this.admin ||= await freePort();
    const child = spawn(
      process.execPath,
      [
        MAIN,
        `--operator=${operator}`,
        `--operator-ca=${ca}`,
        `--token=${this.tokenFile}`,
        `--state=${this.state}`,
        `--mode=${mode}`,
        `--listen=${backend}=127.0.0.1:${String(this.port)}`,
        `--admin=127.0.0.1:${String(this.admin)}`,
        ...(this.#options.flags ?? []),
        ...flags,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`the proxy ended: ${this.output}`);
        return (await this.readyz()) !== undefined;
      },
      'the admin port answers',
      15_000,
    );
    return this;
  }

  /** undefined: nobody answers. */
  async readyz(): Promise<{ readonly status: number; readonly text: string } | undefined> {
    const response = await fetch(`http://127.0.0.1:${String(this.admin)}/readyz`).catch(() => undefined);
    return response === undefined ? undefined : { status: response.status, text: (await response.text()).trim() };
  }

  async ready(): Promise<this> {
    await this.says(/^ok/);
    return this;
  }

  /** Until /readyz says that. */
  async says(text: RegExp, patience = 10_000): Promise<string> {
    let said = '';
    try {
      await eventually(async () => text.test((said = (await this.readyz())?.text ?? '')), '', patience);
    } catch (cause) {
      throw new Error(`/readyz never said ${String(text)} but: ${said}\n${this.output}`, { cause });
    }
    return said;
  }

  async metric(line: string): Promise<number | undefined> {
    const text = await (await fetch(`http://127.0.0.1:${String(this.admin)}/metrics`)).text();
    const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
    return found === undefined ? undefined : Number(found.slice(line.length + 1));
  }

  get running(): boolean {
    return this.#child?.exitCode === null;
  }

  /** The exit code. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    }
    return child.exitCode;
  }

  async remove(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
