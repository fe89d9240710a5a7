import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import path from 'node:path';
import { median } from '#proxy/bench/statistics';
import type { ColdResult } from './cold.ts';
import { ROOT } from './images.ts';
import { PARTS, type Measured, type Results } from './results.ts';
import type { Distribution } from './statistics.ts';

const PAGE = path.join(ROOT, 'docs/benchmarks.md');
/** Others than those of proxy/src/bench, which keeps what is outside its own. */
const BEGIN = '<!-- measured in a cluster: begin -->';
const END = '<!-- measured in a cluster: end -->';

export function writePage(results: Results): void {
  const page = readFileSync(PAGE, 'utf8');
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md lacks the marks ${BEGIN} and ${END}`);
  writeFileSync(PAGE, `${page.slice(0, from)}${BEGIN}\n${reportText(results)}${page.slice(to)}`);
}

/** The figures of a part by its rounds, the middle one first. */
type Figure = (rounds: readonly number[]) => string;

const seconds: Figure = (rounds) => middle(rounds, (value) => (value / 1000).toFixed(value < 10_000 ? 2 : 1), 's');
const milliseconds: Figure = (rounds) => middle(rounds, (value) => value.toFixed(value < 100 ? 1 : 0), 'ms');
const mebibytes: Figure = (rounds) => middle(rounds, (value) => (value / 2 ** 20).toFixed(0), 'MiB');
const percent: Figure = (rounds) => middle(rounds, (value) => (value * 100).toFixed(1), '%');

function middle(rounds: readonly number[], shown: (value: number) => string, unit: string): string {
  const all =
    rounds.length < 2
      ? ''
      : ` (${[...rounds]
          .sort((one, other) => one - other)
          .map(shown)
          .join(', ')})`;
  return `**${shown(median(rounds))}** ${unit}${all}`;
}

interface Ask {
  /** In the figure's own unit: milliseconds or bytes. */
  readonly most: number;
  readonly text: string;
}

interface Line {
  readonly what: string;
  readonly figure: Figure;
  readonly rounds: readonly number[];
  readonly ask?: Ask;
}

const MIB = 2 ** 20;

function row({ what, figure, rounds, ask }: Line): string {
  const verdict = ask === undefined ? '' : `${ask.text}: ${median(rounds) <= ask.most ? 'met' : '**missed**'}`;
  return `| ${what} | ${figure(rounds)} | ${verdict} |`;
}

const each = <T>({ rounds }: Measured<T>, of: (round: T) => number): number[] => rounds.map(of);

function distribution<T>(what: string, measured: Measured<T>, of: (round: T) => Distribution, ask?: Ask): Line[] {
  const { count } = of(measured.rounds[0] as T);
  const line = (name: keyof Distribution): Line => ({
    what: `${what}, ${name}${name === 'p50' ? ` of ${String(count)}` : ''}`,
    figure: milliseconds,
    rounds: each(measured, (round) => of(round)[name]),
    ...(name === 'p99' && ask !== undefined ? { ask } : {}),
  });
  return [line('p50'), line('p99'), line('max')];
}

const LINES: { readonly [P in keyof Results]-?: (measured: NonNullable<Results[P]>) => readonly Line[] } = {
  idle: (measured) => [
    {
      what: 'operator that leads, over an empty cluster, after 45 s',
      figure: mebibytes,
      rounds: each(measured, ({ leader }) => leader),
      ask: { most: 120 * MIB, text: '≤ 120 MiB' },
    },
    { what: 'its peak until then', figure: mebibytes, rounds: each(measured, ({ leaderPeak }) => leaderPeak) },
    { what: 'operator that does not lead', figure: mebibytes, rounds: each(measured, ({ follower }) => follower) },
  ],
  cold: (measured) => {
    const [{ users, permissions, scopes } = { users: 0, permissions: 0, scopes: 0 }] = measured.rounds;
    const size = `${String(users)} users, ${String(permissions)} permissions, ${String(scopes)} scopes`;
    return [
      {
        what: `${size}: from the operator's start until all are Ready`,
        figure: seconds,
        rounds: each(measured, ({ ready }) => ready),
        ask: { most: 60_000, text: '≤ 60 s' },
      },
      { what: 'of that until it leads', figure: seconds, rounds: each(measured, ({ leads }) => leads) },
      { what: 'CPU of the operator until then', figure: seconds, rounds: each(measured, ({ cpu }) => cpu * 1000) },
      {
        what: 'its peak of resident memory',
        figure: mebibytes,
        rounds: each(measured, ({ peak }) => peak),
        ask: { most: 250 * MIB, text: '≤ 250 MiB' },
      },
      { what: 'resident 45 s later', figure: mebibytes, rounds: each(measured, ({ settled }) => settled) },
    ];
  },
  arrival: (measured) => {
    const [{ scopes, perSecond } = { scopes: 0, perSecond: 0 }] = measured.rounds;
    const ask = { most: 2_000, text: 'p99 ≤ 2 s' };
    return [
      ...distribution(`a backend of all ${String(scopes)} scopes changes`, measured, ({ all }) => all, ask),
      ...distribution(
        `permissions of one scope each change, ${String(perSecond)} a second`,
        measured,
        ({ one }) => one,
        ask,
      ),
      {
        what: "operator's CPU for one change of all, statuses included",
        figure: seconds,
        rounds: each(measured, ({ cpu }) => cpu * 1000),
      },
      { what: "operator's resident memory afterwards", figure: mebibytes, rounds: each(measured, ({ rss }) => rss) },
    ];
  },
  webhook: (measured) => {
    const ask = { most: 10, text: 'p99 ≤ 10 ms' };
    return [
      ...distribution('/mutate, HTTPS kept alive', measured, ({ mutate }) => mutate, ask),
      ...distribution('/validate, HTTPS kept alive', measured, ({ validate }) => validate, ask),
      ...distribution('dry-run create, both webhooks', measured, ({ labelled }) => labelled),
      ...distribution('dry-run create, no webhook', measured, ({ unlabelled }) => unlabelled),
      {
        what: "of the API server's calls, answered by the operator within 10 ms",
        figure: percent,
        rounds: each(measured, ({ within10 }) => within10),
      },
    ];
  },
  sidecar: (measured) => {
    const ask = { most: 1_500, text: '≤ 1.5 s' };
    const memory = { most: 100 * MIB, text: '≤ 100 MiB' };
    return [
      {
        what: 'process to ready, nothing kept',
        figure: seconds,
        rounds: measured.rounds.flatMap(({ cold }) => cold),
        ask,
      },
      {
        what: 'process to ready, from kept state',
        figure: seconds,
        rounds: measured.rounds.flatMap(({ kept }) => kept),
        ask,
      },
      { what: 'idle, nobody connected', figure: mebibytes, rounds: each(measured, ({ none }) => none), ask: memory },
      {
        what: 'idle, one session open',
        figure: mebibytes,
        rounds: each(measured, ({ session }) => session),
        ask: memory,
      },
      {
        what: 'idle, after a statement in that session',
        figure: mebibytes,
        rounds: each(measured, ({ used }) => used),
        ask: memory,
      },
      { what: 'peak until then', figure: mebibytes, rounds: each(measured, ({ peak }) => peak) },
    ];
  },
  node: (measured) => {
    const ask = { most: 1_500, text: '≤ 1.5 s' };
    const all = (of: 'cold' | 'kept' | 'sidecars' | 'operators'): number[] =>
      measured.rounds.flatMap((round) => round[of]);
    return [
      { what: 'container to startup probe, new pod', figure: seconds, rounds: all('cold'), ask },
      { what: 'container to startup probe, killed and started again', figure: seconds, rounds: all('kept'), ask },
      {
        what: "a sidecar's resident memory, idle",
        figure: mebibytes,
        rounds: all('sidecars'),
        ask: { most: 100 * MIB, text: '≤ 100 MiB' },
      },
      { what: "the two operators' resident memory", figure: mebibytes, rounds: all('operators') },
    ];
  },
};

const TITLES: Readonly<Record<keyof Results, string>> = {
  idle: 'The operator, idle',
  cold: 'From a cold start to all Ready',
  arrival: 'From the answer to an apply until each proxy has swapped',
  webhook: 'Webhooks, 100 pods a second',
  sidecar: 'A sidecar, as a process',
  node: 'On a node, with images and chart',
};

function reportText(results: Results): string {
  const [cpu] = cpus();
  const machine = `${String(cpus().length)} × ${cpu?.model.trim() ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, Node ${process.versions.node}`;
  const tables = PARTS.flatMap((part) => tableOf(part, results[part]));
  return [`Machine: ${machine}. In bold the median, then each round.`, '', ...tables].join('\n');
}

function tableOf(part: keyof Results, measured: Results[keyof Results]): string[] {
  if (measured === undefined) return [`**${TITLES[part]}**: not measured yet.`, ''];
  const lines = (LINES[part] as (of: typeof measured) => readonly Line[])(measured);
  const loads = measured.rounds.map(({ load }) => load.toFixed(1)).join(', ');
  return [
    `**${TITLES[part]}** (${measured.date}, commit ${measured.commit}; load of the machine's ${String(cpus().length)} cores in that minute: ${loads})`,
    '',
    '| | measured | asked |',
    '|---|---|---|',
    ...lines.map(row),
    ...callsOf(measured.rounds[0]),
    '',
  ];
}

function callsOf(round: object | undefined): string[] {
  if (round === undefined || !('calls' in round)) return [];
  const calls = Object.entries(round.calls as ColdResult['calls']).map(
    ([method, count]) => `${String(count)} ${method}`,
  );
  return [`| requests to the API server until all are Ready, first round | ${calls.join(', ')} | |`];
}
