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

/** Fields beside those of running pods: of pods that were there within FORGET_MS, such as Jobs'. */
const MOST_OTHERS = 500;
/** Bytes of a pod's uid, and of a heartbeat. */
const MOST_BYTES = { uid: 128, beat: 4_096 };
/** As proxies set it with each report. */
const KEEP_S = 600;

/**
 * The hash is every proxy's to write: whoever may make a pod may fill it. So only what is no larger than it can be comes here,
 * and of a hash with too many fields those of running pods alone, without which nothing is left of it.
 *
 * KEYS: the hash. ARGV: others, bytes of a uid, bytes of a heartbeat, seconds, uids of running pods …
 */
const READ = `
local pods = {}
for i = 5, #ARGV do pods[#pods + 1] = ARGV[i] end
local crowded = redis.call('HLEN', KEYS[1]) > 2 * #pods + tonumber(ARGV[1])
local found, forged = {}, 0
for _, uid in ipairs(crowded and pods or redis.call('HKEYS', KEYS[1])) do
  if #uid > tonumber(ARGV[2]) or redis.call('HSTRLEN', KEYS[1], uid) > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], uid)
    forged = forged + 1
  else
    local beat = redis.call('HGET', KEYS[1], uid)
    if beat then found[#found + 1] = {uid, beat} end
  end
end
if crowded then
  redis.call('UNLINK', KEYS[1])
  for _, one in ipairs(found) do redis.call('HSET', KEYS[1], one[1], one[2]) end
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  forged = forged + 1
end
return {forged, found}`;

type Found = readonly [forged: number, found: readonly (readonly [podUid: string, text: string])[]];

/** What the proxies of a scope say. now: epoch milliseconds. running: uids of the pods that are looked for. */
export async function readProxies(
  client: RedisClient,
  scope: string,
  { keys, now, running = [] }: { readonly keys: KeyRing; readonly now: number; readonly running?: readonly string[] },
): Promise<ReportedProxies> {
  const names = redisNames(scope);
  const proxies = new Map<string, Heartbeat>();
  const outdated: string[] = [];
  const limits = [MOST_OTHERS, MOST_BYTES.uid, MOST_BYTES.beat, KEEP_S];
  const [dropped, found] = (await client.eval(READ, 1, names.proxies, ...limits, ...running)) as Found;
  let forged = dropped;
  for (const [podUid, text] of found) {
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
