import type { AccessRequest } from '#contract/policy/request';
import { passedTheChecks, withoutOne, type Oracle } from './privileges.ts';

/** How often the server would have run a statement with less than was asked for, by what it could be spared. */
export class Spared {
  readonly #oracle: Oracle;
  readonly #causes = new Map<string, { asked: number; spared: number }>();
  #statements = 0;
  #exact = 0;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  async measure(statement: string, requests: readonly AccessRequest[]): Promise<void> {
    let exact = true;
    for (const fewer of withoutOne(requests)) {
      const without = JSON.stringify(fewer);
      const missing = requests.find((request) => !without.includes(JSON.stringify(request)));
      const spared = passedTheChecks(await this.#oracle.run(statement, fewer));
      if (missing !== undefined) this.#count(causeOf(missing), spared);
      if (spared) exact = false;
    }
    this.#statements += 1;
    if (exact) this.#exact += 1;
  }

  summary(): string {
    const causes = [...this.#causes].map(([cause, { asked, spared }]) => `${cause} ${percent(spared, asked)}`);
    const exactly = `${percent(this.#exact, this.#statements)} of ${String(this.#statements)} measured asked for nothing more`;
    return `${exactly}; the server would have spared: ${causes.join(', ')}`;
  }

  #count(cause: string, spared: boolean): void {
    const counted = this.#causes.get(cause) ?? { asked: 0, spared: 0 };
    counted.asked += 1;
    if (spared) counted.spared += 1;
    this.#causes.set(cause, counted);
  }
}

function causeOf({ action, resource }: AccessRequest): string {
  if (resource.kind !== 'relation') return `${action} ${resource.kind}`;
  return `${action} ${typeof resource.columns === 'string' ? resource.columns : 'column'}`;
}

function percent(part: number, whole: number): string {
  return `${String(Math.round((100 * part) / Math.max(1, whole)))} %`;
}
