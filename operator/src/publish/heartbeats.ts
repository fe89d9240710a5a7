import type { Head } from '#contract/snapshot/head';
import { HEARTBEAT_VALID_MS, readHeartbeat, type Heartbeat } from '#contract/snapshot/heartbeat';
import { macKey, type KeyRing } from '#contract/snapshot/keys';
import { redisNames } from '#contract/snapshot/redis';
import type { RedisClient } from './redis-client.ts';

/** A heartbeat this old says only that a pod was there once: it is taken out of the hash. */
const FORGET_MS = 3_600_000;

export interface ReportedProxies {
  /** By pod uid: those that are in time and whose MAC is right. */
  readonly proxies: ReadonlyMap<string, Heartbeat>;
  /** How many entries nobody made who holds the pod's key. */
  readonly forged: number;
}

/** Whether a proxy has the policy of that head or a later one. Terms don't matter: a new leader dates the same revision anew. */
export const isInSync = (beat: Heartbeat, head: Pick<Head, 'revision'>): boolean => beat.revision >= head.revision;

/** What the proxies of a scope say. now: epoch milliseconds. */
export async function readProxies(
  client: RedisClient,
  scope: string,
  keys: KeyRing,
  now: number,
): Promise<ReportedProxies> {
  const names = redisNames(scope);
  const proxies = new Map<string, Heartbeat>();
  const outdated: string[] = [];
  let forged = 0;
  for (const [podUid, text] of Object.entries(await client.hgetall(names.proxies))) {
    const read = readHeartbeat(text, { scope, podUid }, (id) => {
      const key = keys.keys.get(id);
      return key === undefined ? undefined : macKey(key, podUid);
    });
    if (read.kind === 'heartbeat' && Math.abs(now - read.beat.time) <= HEARTBEAT_VALID_MS)
      proxies.set(podUid, read.beat);
    else if (read.kind !== 'heartbeat' || now - read.beat.time > FORGET_MS) outdated.push(podUid);
    if (read.kind === 'forged' || read.kind === 'malformed') forged++;
  }
  if (outdated.length > 0) await client.hdel(names.proxies, ...outdated);
  return { proxies, forged };
}
