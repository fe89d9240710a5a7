import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import type { RedisAddress } from '#contract/snapshot/redis';

export type RedisClient = Redis | Cluster;

/** Milliseconds. A command that fails is tried again by whoever asked, never silently: it may have been done. */
const CONNECT_MS = 3_000;
const COMMAND_MS = 3_000;
const RECONNECT_MOST_MS = 2_000;

/** Connects by itself and again; while it is away, commands fail at once. onError: for the log, called again and again. */
export function connectRedis(address: RedisAddress, onError: (error: Error) => void): RedisClient {
  const client = address.kind === 'cluster' ? cluster(address) : new Redis(single(address));
  client.on('error', onError);
  return client;
}

function single(address: RedisAddress) {
  const [node] = address.nodes;
  if (address.kind !== 'sentinel') return { ...common(address), host: node?.host ?? '', port: node?.port ?? 0 };
  return {
    ...common(address),
    sentinels: [...address.nodes],
    name: address.master ?? '',
    enableTLSForSentinelMode: address.tls,
    sentinelRetryStrategy: backOff,
  };
}

function cluster(address: RedisAddress): Cluster {
  const options = {
    redisOptions: common(address),
    enableOfflineQueue: false,
    clusterRetryStrategy: backOff,
    slotsRefreshTimeout: CONNECT_MS,
    retryDelayOnFailover: 200,
  } satisfies ClusterOptions;
  return new Cluster([...address.nodes], options);
}

function common({ username, password, tls, database }: RedisAddress) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    db: database,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: backOff,
  } satisfies RedisOptions;
}

const backOff = (attempt: number): number => Math.min(attempt * 100, RECONNECT_MOST_MS);
