/** A process of simulated proxies: the real subscriber of each, which tells of every swap. Begun by arrival.ts. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseScopeKeys, type ScopeKeyText } from '#contract/snapshot/keys-scope';
import type { RedisAddress } from '#contract/snapshot/redis';
import { startFeed } from '#proxy/snapshot/feed';
import type { CurrentSnapshot } from '#proxy/snapshot/source';
import { now } from './statistics.ts';

export interface Subscriber {
  readonly scope: string;
  readonly podUid: string;
  readonly keys: readonly ScopeKeyText[];
}

export interface Begin {
  readonly redis: RedisAddress;
  readonly subscribers: readonly Subscriber[];
}

/** What the process tells its parent now and then. */
export interface Told {
  readonly swaps: readonly Swap[];
  /** How often something was wrong with a feed since it was last told. */
  readonly troubles: number;
}

export interface Swap {
  readonly scope: string;
  /** By the clock that all processes share. */
  readonly at: number;
  /** Of the backend, and a table of the first rule: what arrival.ts changes. */
  readonly edition: number;
  readonly table: string;
}

const DAY_MS = 86_400_000;
/** A message to the parent costs: those of one moment go together. */
const TELL_MS = 20;

/** Between two that start: as many at once are not what a cluster does, and would wait for each other. */
const START_MS = 4;

let swaps: Swap[] = [];
let troubles = 0;

function swapped(scope: string, current: CurrentSnapshot | undefined): void {
  const at = now();
  const [backend] = current?.snapshot.backends ?? [];
  const [, edition = ''] = backend?.searchPath ?? [];
  const table = backend?.users[0]?.rules[0]?.sql.tables?.[0] ?? '';
  swaps.push({ scope, at, edition: Number(edition.split('_')[1]), table });
}

async function begin({ redis, subscribers }: Begin): Promise<void> {
  for (const { scope, podUid, keys: texts } of subscribers) {
    const keys = parseScopeKeys(texts);
    const feed = await startFeed({
      ...{ scope, podUid, redis, keys: () => keys, refuseAfter: DAY_MS, counters: () => ({}) },
      refreshKeys: () => Promise.resolve(),
      askOperator: () => Promise.reject(new Error('there is none to ask')),
      environment: { now: Date.now, monotonic: () => performance.now(), randomBytes },
      trouble: () => troubles++,
    });
    feed.onSwap((current) => swapped(scope, current));
    await sleep(START_MS);
  }
}

setInterval(() => {
  if (swaps.length === 0 && troubles === 0) return;
  process.send?.({ swaps, troubles } satisfies Told);
  swaps = [];
  troubles = 0;
}, TELL_MS);
process.on('disconnect', () => process.exit());

process.once('message', (message) => void begin(message as Begin));
