/** Operator, webhooks and sidecar: see README.md beside this file. Writes "In a cluster" of docs/benchmarks.md. */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { measureArrival } from './arrival.ts';
import { measureCold } from './cold.ts';
import { measureIdle } from './idle.ts';
import { bundles, ROOT } from './images.ts';
import { measureNode } from './node.ts';
import { writePage } from './report.ts';
import { keepResult, PARTS, readResults, type Part } from './results.ts';
import { measureSidecar } from './sidecar.ts';
import { measureWebhook } from './webhook.ts';

const { values: chosen, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    users: { type: 'string', default: '2000' },
    scopes: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '20' },
    'dry-run': { type: 'boolean', default: false },
    profile: { type: 'string' },
    page: { type: 'boolean', default: false },
  },
});

const profile = chosen.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${chosen.profile}`];
const MEASURES: Readonly<Record<Part, () => Promise<unknown>>> = {
  idle: () => measureIdle(),
  cold: () => measureCold({ users: Number(chosen.users), perBackend: 100 }, profile),
  arrival: () => measureArrival({ scopes: Number(chosen.scopes), processes: 4, together: 3, perSecond: 20 }, profile),
  webhook: () => measureWebhook({ podsPerSecond: 100, seconds: Number(chosen.seconds) }),
  sidecar: () => measureSidecar(),
  node: () => measureNode(),
};

const isPart = (name: string): name is Part => (PARTS as readonly string[]).includes(name);

function partsOf(names: readonly string[]): readonly Part[] {
  const unknown = names.filter((name) => !isPart(name));
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}; there are ${PARTS.join(', ')}`);
  return names.length === 0 ? PARTS : names.filter(isPart);
}

const parts = chosen.page ? [] : partsOf(positionals);
if (parts.length > 0) bundles();
for (const part of parts) {
  const commit = execFileSync('git', ['-C', ROOT, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const rounds: unknown[] = [];
  for (let round = 0; round < Number(chosen.rounds); round++) {
    rounds.push(await MEASURES[part]());
    process.stdout.write(`${part} ${JSON.stringify(rounds.at(-1))}\n`);
  }
  if (!chosen['dry-run']) keepResult(part, { date: new Date().toISOString().slice(0, 10), commit, rounds });
}
if (!chosen['dry-run']) writePage(readResults());
process.exit(0);
