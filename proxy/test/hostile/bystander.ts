import type { ConnectOptions, LoginOptions } from '#test/harness/raw-client';
import { startSeparateProcess } from './separate-process.ts';
import type { SeparateProcess } from './separate-process.ts';

export type BystanderAsk =
  | { readonly kind: 'arrive'; readonly login: ConnectOptions & LoginOptions }
  | { readonly kind: 'lately' | 'leave' | 'go' };

export interface Experience {
  readonly statements: number;
  /** Milliseconds. */
  readonly median: number;
  readonly worst: number;
}

/**
 * Somebody who only works, all the while, in a process of its own, so that it waits for nobody but the proxy. Any wrong
 * answer is thrown at the next question.
 */
export class Bystander {
  readonly #process: SeparateProcess<BystanderAsk>;

  private constructor(process: SeparateProcess<BystanderAsk>) {
    this.#process = process;
  }

  static async arrive(login: ConnectOptions & LoginOptions): Promise<Bystander> {
    const child = startSeparateProcess<BystanderAsk>('bystander-child.ts');
    await child.ask({ kind: 'arrive', login });
    return new Bystander(child);
  }

  /** Since it was last asked. */
  async lately(): Promise<Experience> {
    return (await this.#process.ask({ kind: 'lately' })) as Experience;
  }

  /** Of all its time. */
  async leave(): Promise<Experience> {
    const experience = (await this.#process.ask({ kind: 'leave' })) as Experience;
    await this.#process.stop({ kind: 'go' });
    return experience;
  }
}

export function describeExperience({ statements, median, worst }: Experience): string {
  return `bystander: ${String(statements)} statements, median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`;
}
