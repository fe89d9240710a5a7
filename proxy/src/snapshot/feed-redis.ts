import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import { HEAD_CHARACTERS } from '#contract/snapshot/head';
import { DOCUMENT_BYTES } from '#contract/snapshot/seal';
import { redisNames, type RedisAddress, type ScopeRedisNames } from '#contract/snapshot/redis';

/** A scope's part of Redis, as a proxy may use it: it reads heads and documents, and writes its own heartbeat. */
export interface ScopeRedis {
  /** undefined: there is none. Rejects while Redis is away. */
  head(): Promise<string | undefined>;
  document(digest: string): Promise<Buffer | undefined>;
  report(podUid: string, heartbeat: string): Promise<void>;
  /** Ends when the first connection is there or has failed, within FIRST_CONTACT_MS: before that nothing can be read. */
  firstContact(): Promise<void>;
  close(): void;
}

export interface ScopeRedisEvents {
  /** The text of a head that somebody has published. */
  message(text: string): void;
  /** Subscribed, for the first time or anew: messages may have been missed until now. */
  subscribed(): void;
  error(error: Error): void;
}

/** Milliseconds. */
const CONNECT_MS = 3_000;
const COMMAND_MS = 3_000;
const FIRST_CONTACT_MS = 1_000;
const RECONNECT_MS = { least: 100, most: 2_000 };
/** Seconds after which the heartbeats of a scope without proxies are gone. */
const REPORTS_S = 600;

/** Connects by itself and again. Reads ranges, lest who writes Redis could fill a proxy's memory. chance: from 0 to 1, so that proxies don't come back all at once. */
export function openScopeRedis(
  address: RedisAddress,
  scope: string,
  events: ScopeRedisEvents,
  chance: () => number,
): ScopeRedis {
  const names = redisNames(scope);
  const clients = [connect(address, chance), connect(address, chance)] as const;
  const [commands, subscriber] = clients;
  for (const client of clients) client.on('error', (error: Error) => events.error(error));
  subscribe(subscriber, names, events);
  // What the subscriber heard while this one was still away could not be fetched.
  commands.on('ready', () => events.subscribed());
  const contact = firstContact(commands);
  return {
    head: async () => {
      const text = await commands.getrange(names.head, 0, HEAD_CHARACTERS);
      return text === '' ? undefined : text;
    },
    document: async (digest) => {
      const bytes = await commands.getrangeBuffer(names.doc(digest), 0, DOCUMENT_BYTES);
      return bytes.length === 0 ? undefined : bytes;
    },
    report: async (podUid, heartbeat) => {
      const replies = await commands
        .pipeline()
        .hset(names.proxies, podUid, heartbeat)
        .expire(names.proxies, REPORTS_S)
        .exec();
      for (const [error] of replies ?? []) if (error !== null) throw error;
    },
    firstContact: () => contact,
    close: () => {
      for (const client of clients) client.disconnect();
    },
  };
}

function firstContact(client: Redis | Cluster): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FIRST_CONTACT_MS);
    for (const event of ['ready', 'error', 'end']) {
      client.once(event, () => {
        clearTimeout(timer);
        resolve();
      });
    }
  });
}

/** ioredis subscribes anew by itself after the first time; on a Cluster to another node when its own is gone. */
function subscribe(client: Redis | Cluster, names: ScopeRedisNames, events: ScopeRedisEvents): void {
  client.on('message', (_channel: string, text: string) => events.message(text));
  const begin = (): void => {
    client.subscribe(names.channel).then(
      () => events.subscribed(),
      (error: unknown) => events.error(error instanceof Error ? error : new Error('subscribing failed')),
    );
  };
  client.on('ready', begin);
  if (client instanceof Cluster) client.on('+subscriber', begin);
}

function connect(address: RedisAddress, chance: () => number): Redis | Cluster {
  const { least, most } = RECONNECT_MS;
  const backOff = (attempt: number): number =>
    Math.min(least * 2 ** Math.min(attempt, 10), most) * (0.5 + chance() / 2);
  const { username, password, tls, database } = address;
  const common = {
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
  const nodes = [...address.nodes];
  if (address.kind === 'cluster') {
    const options = { redisOptions: common, enableOfflineQueue: false, clusterRetryStrategy: backOff };
    return new Cluster(nodes, options satisfies ClusterOptions);
  }
  if (address.kind === 'single') return new Redis({ ...common, host: nodes[0]?.host ?? '', port: nodes[0]?.port ?? 0 });
  const sentinel = { sentinels: nodes, name: address.master ?? '', enableTLSForSentinelMode: tls };
  return new Redis({ ...common, ...sentinel, sentinelRetryStrategy: backOff });
}
