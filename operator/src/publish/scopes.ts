import { Cluster, type Redis } from 'ioredis';
import { HEADS_PATTERN, scopeOfHeadKey } from '#contract/snapshot/redis';
import type { RedisClient } from './redis-client.ts';

/**
 * Every scope that has a head in Redis. A new leader publishes each of them, with an empty document where no resource
 * speaks of it any more: its last user may have been deleted while there was no leader.
 */
export async function scopesInRedis(client: RedisClient): Promise<ReadonlySet<string>> {
  const nodes: readonly Redis[] = client instanceof Cluster ? client.nodes('master') : [client];
  const found = await Promise.all(nodes.map((node) => scan(node)));
  return new Set(found.flat());
}

async function scan(node: Redis): Promise<readonly string[]> {
  const scopes: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = await node.scan(cursor, 'MATCH', HEADS_PATTERN, 'COUNT', 1000);
    scopes.push(...keys.map(scopeOfHeadKey).filter((scope) => scope !== undefined));
    cursor = next;
  } while (cursor !== '0');
  return scopes;
}
