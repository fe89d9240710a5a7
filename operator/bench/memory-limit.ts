import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { ROOT } from './images.ts';

const GROUPS = '/sys/fs/cgroup';
/** Control groups of version 1 have a tree for each kind of resource. */
const TREE = existsSync(path.join(GROUPS, 'memory')) ? path.join(GROUPS, 'memory') : GROUPS;
const LIMIT = TREE === GROUPS ? 'memory.max' : 'memory.limit_in_bytes';

/** A control group with a container's memory limit, by which Node measures its heap. */
export class MemoryLimit {
  /** Where a process writes its pid to enter. */
  readonly entry: string;
  readonly #folder: string;

  constructor(name: string, bytes: number) {
    this.#folder = path.join(TREE, name);
    mkdirSync(this.#folder);
    writeFileSync(path.join(this.#folder, LIMIT), String(bytes));
    this.entry = path.join(this.#folder, 'cgroup.procs');
  }

  /** After its process has ended. */
  remove(): void {
    if (existsSync(this.#folder)) rmdirSync(this.#folder);
  }
}

/** Bytes that the chart gives to that container. */
export function chartLimit(of: 'operator' | 'sidecar'): number {
  const values = parse(readFileSync(path.join(ROOT, 'charts/articdbm/values.yaml'), 'utf8')) as Readonly<
    Record<string, { readonly resources?: { readonly limits?: { readonly memory?: string } } }>
  >;
  const [, mebibytes] = /^([0-9]+)Mi$/.exec(values[of]?.resources?.limits?.memory ?? '') ?? [];
  if (mebibytes === undefined) throw new Error(`the chart's ${of}.resources.limits.memory is no number of Mi`);
  return Number(mebibytes) * 2 ** 20;
}
