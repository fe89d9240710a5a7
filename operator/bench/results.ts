import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { ArrivalResult } from './arrival.ts';
import type { ColdResult } from './cold.ts';
import type { IdleResult } from './idle.ts';
import type { NodeResult } from './node.ts';
import type { SidecarResult } from './sidecar.ts';
import type { WebhookResult } from './webhook.ts';

interface ResultOf {
  readonly arrival: ArrivalResult;
  readonly cold: ColdResult;
  readonly webhook: WebhookResult;
  readonly sidecar: SidecarResult;
  readonly node: NodeResult;
  readonly idle: IdleResult;
}

export type Part = keyof ResultOf;
export const PARTS: readonly Part[] = ['idle', 'cold', 'arrival', 'webhook', 'sidecar', 'node'];

/** A part's rounds, of one run. */
export interface Measured<T> {
  /** YYYY-MM-DD, and the commit. */
  readonly date: string;
  readonly commit: string;
  readonly rounds: readonly T[];
}

export type Results = { readonly [P in Part]?: Measured<ResultOf[P]> };

/** Parts can be measured one by one: what is not measured now is as it was last measured on this machine. */
const FILE = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'articdbm/bench/operator.json');

export function readResults(): Results {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as Results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

export function keepResult(part: Part, measured: Measured<unknown>): void {
  mkdirSync(path.dirname(FILE), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify({ ...readResults(), [part]: measured }, null, 2)}\n`);
}
