import { setTimeout as sleep } from 'node:timers/promises';
import { BenchCluster } from './cluster.ts';
import { load } from './memory.ts';

export interface IdleResult {
  /** Bytes, as all that follow: of a replica that leads, over an empty cluster. */
  readonly leader: number;
  readonly leaderPeak: number;
  /** Of one that does not. */
  readonly follower: number;
  readonly load: number;
}

/** Milliseconds after which the collector has given back what starting took. */
const SETTLE_MS = 45_000;

export async function measureIdle(): Promise<IdleResult> {
  const cluster = await BenchCluster.open();
  try {
    const leader = await cluster.operator();
    await leader.leads();
    const follower = await cluster.operator();
    await sleep(SETTLE_MS);
    const { rss, peak } = leader.memory();
    return { leader: rss, leaderPeak: peak, follower: follower.memory().rss, load: load() };
  } finally {
    await cluster.close();
  }
}
