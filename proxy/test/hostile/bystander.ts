import { setTimeout as sleep } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import * as frontend from '#test/harness/frontend';
import { RawClient, rows } from '#test/harness/raw-client';
import type { ConnectOptions, LoginOptions } from '#test/harness/raw-client';

export interface Experience {
  readonly statements: number;
  /** Milliseconds. */
  readonly median: number;
  readonly worst: number;
}

/** Somebody who only works, all the while, by one simple and one prepared statement in turn. Any wrong answer is thrown at `leave`. */
export class Bystander {
  readonly #client: RawClient;
  readonly #waits: number[] = [];
  readonly #working: Promise<void>;
  #leaving = false;

  private constructor(client: RawClient) {
    this.#client = client;
    this.#working = this.#work();
    this.#working.catch(() => undefined); // told by leave()
  }

  static async arrive(login: ConnectOptions & LoginOptions): Promise<Bystander> {
    return new Bystander(await RawClient.login(login));
  }

  async leave(): Promise<Experience> {
    this.#leaving = true;
    await this.#working;
    await this.#client.close();
    const sorted = this.#waits.sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { statements: sorted.length, median: at(0.5), worst: at(1) };
  }

  async #work(): Promise<void> {
    for (let n = 1; !this.#leaving; n++) {
      const started = performance.now();
      const expected = String(n);
      if (n % 2 === 0) this.#client.send(frontend.query(`select ${expected}`));
      else this.#client.send(frontend.extended('select $1::int', [expected]), frontend.sync());
      const [row] = rows(await this.#client.readUntilReady());
      if (row?.[0] !== expected) throw new Error(`the bystander asked for ${expected} and got ${String(row?.[0])}`);
      this.#waits.push(performance.now() - started);
      await sleep(5);
    }
  }
}

export function describeExperience({ statements, median, worst }: Experience): string {
  return `bystander: ${String(statements)} statements, median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`;
}
