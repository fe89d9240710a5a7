/**
 * Runs the suites of `make test` or `make e2e`, or the steps of `make check`, one after another, and sums what they say.
 * usage: node tools/ci/suites.ts test|check|e2e [NAME…]
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

interface Suite {
  readonly name: string;
  readonly command: readonly string[];
  /** Whether the command is mocha, which counts its own cases; else it counts as one. */
  readonly counts: boolean;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A suite that neither ends nor fails by itself is ended after this long. */
const SUITE_DEADLINE_MS = 25 * 60_000;

const mocha = (name: string, spec: string, timeout: number, ...more: string[]): Suite => ({
  name,
  command: [
    'mocha',
    '--no-config',
    '--extension',
    'ts',
    '--forbid-only',
    '--exit',
    '--timeout',
    String(timeout),
    '--reporter',
    'tools/ci/reporter.cjs',
    ...more,
    spec,
  ],
  counts: true,
});

const step = (name: string, ...command: string[]): Suite => ({ name, command, counts: false });

/** Suites that mostly wait, for beats and leases: their files run side by side, each with servers of its own. */
const WAITS: ReadonlySet<string> = new Set(['operator/test/operator']);
const SIDE_BY_SIDE = ['--parallel', '--jobs', '4'];

function testSuites(): Suite[] {
  const folders = globSync('{proxy,operator}/test/*/*.test.ts').map((file) => dirname(file));
  return [
    mocha('unit', '{contract,operator/src,proxy/src,cli,tools}/**/*.test.ts', 20_000),
    ...[...new Set(folders)]
      .sort()
      .map((folder) =>
        mocha(basename(folder), `${folder}/**/*.test.ts`, 60_000, ...(WAITS.has(folder) ? SIDE_BY_SIDE : [])),
      ),
  ];
}

/** One cluster for all stories; a story that is run by its name brings one up if none is, and leaves it for the next. */
function e2eSuites(): Suite[] {
  const stories = globSync('e2e/stories/*.test.ts').sort();
  const long = process.env.LONG === '1' ? globSync('e2e/stories-long/*.test.ts').sort() : [];
  const suites = (files: readonly string[]): Suite[] =>
    files.map((file) => mocha(basename(file, '.test.ts'), file, 120_000));
  // The quick start first: it wants a cluster without the chart, which the others then install.
  const first = stories.filter((file) => basename(file) === 'quick-start.test.ts');
  return [
    ...suites(['e2e/cluster/smoke/smoke.test.ts', ...globSync('e2e/harness/*.test.ts').sort()]),
    step('cluster-up', 'node', 'e2e/harness/main.ts', 'up'),
    ...suites([...first, ...stories.filter((file) => !first.includes(file)), ...long]),
    step('cluster-down', 'node', 'e2e/harness/main.ts', 'down'),
  ];
}

function checkSteps(): Suite[] {
  return [
    step('format', 'prettier', '--check', '--log-level=warn', '.'),
    step('types', 'tsc', '-p', '.'),
    step('lint', 'eslint', '--max-warnings=0', '.'),
    step('generated', 'node', 'tools/generate/main.ts', '--check'),
    step('links', 'node', 'tools/docs/check-links.ts'),
  ];
}

const KINDS: Readonly<Record<string, () => Suite[]>> = { test: testSuites, check: checkSteps, e2e: e2eSuites };

function run(suite: Suite, folder: string): Counts {
  const target = join(folder, `${suite.name}.json`);
  const [command = '', ...args] = suite.command;
  const result = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ARTICDBM_SUITE_COUNTS: target },
    timeout: SUITE_DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  const ok = result.status === 0;
  if (!suite.counts) return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
  if (!existsSync(target)) return { passed: 0, failed: 1, skipped: 0 };
  const counts = JSON.parse(readFileSync(target, 'utf8')) as Counts;
  return ok || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

function main(kind: string | undefined, names: readonly string[]): number {
  const suites = kind === undefined ? undefined : KINDS[kind];
  if (suites === undefined) {
    console.error('usage: node tools/ci/suites.ts test|check|e2e [NAME…]');
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'articdbm-suites-'));
  const all = suites();
  const chosen = names.length === 0 ? all : all.filter((suite) => names.includes(suite.name));
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const rows: string[] = [];
  for (const suite of chosen) {
    const started = performance.now();
    const counts = run(suite, folder);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.skipped += counts.skipped;
    const row = `${String(counts.passed)} passed, ${String(counts.failed)} failed, ${String(counts.skipped)} skipped`;
    rows.push(`${`${String(kind)}: ${suite.name}`.padEnd(24)} ${seconds.padStart(7)} s  ${row}`);
    const results = process.env.ARTICDBM_RESULTS;
    if (results !== undefined) {
      appendFileSync(
        results,
        `${suite.name} ${String(counts.passed)} ${String(counts.failed)} ${String(counts.skipped)}\n`,
      );
    }
  }
  rmSync(folder, { recursive: true, force: true });
  console.log(`\n${rows.join('\n')}`);
  console.log(`${String(sum.passed)} passed, ${String(sum.failed)} failed, ${String(sum.skipped)} skipped`);
  return sum.failed > 0 || sum.passed === 0 ? 1 : 0;
}

process.exitCode = main(process.argv[2], process.argv.slice(3));
