import { once } from 'node:events';
import type { KeyRing } from '#contract/snapshot/keys';
import { HistoryState } from './controllers/history-state.ts';
import { ENVIRONMENT, warner, type Base } from './manager-base.ts';
import { MeasuredPublisher } from './manager-publisher.ts';
import type { Troubles } from './manager-troubles.ts';
import { readRedisUrl, readStoreUrl, readUrl, type UrlSource } from './options-urls.ts';
import { connectRedis, type RedisClient } from './publish/redis-client.ts';
import { within } from './runtime/clock.ts';
import type { Leadership } from './runtime/election.ts';
import { createHistory, type History } from './store/history.ts';
import { createRevisionStore, StaleTermError, type RevisionStore } from './store/revisions.ts';

/** What a leader has for one term, and a follower does without: connections to Redis and to the store. */
export interface Term {
  readonly leadership: Leadership;
  readonly redis: RedisClient;
  readonly history: History;
  readonly historyState: HistoryState;
  readonly publisher: MeasuredPublisher;
  /** What the source said when this term began. */
  readonly urlOf: (source: UrlSource) => string;
  close(): Promise<void>;
}

/** Milliseconds in which Redis mostly has answered. */
const REDIS_MS = 1_000;

/** Throws UrlProblem. Neither Redis nor the store need be there: Redis is waited for a moment, so as not to begin without. */
export async function openTerm(base: Base, keys: () => KeyRing, leadership: Leadership): Promise<Term> {
  const { options, seams, metrics } = base;
  const { redisUrl, storeUrl } = options;
  const urls = new Map([redisUrl, storeUrl].map((source) => [source, readUrl(source)]));
  const address = readRedisUrl(redisUrl);
  const redis = connectRedis(address, (error) => base.troubles.begin('redis', REDIS_AWAY, error));
  redis.on('ready', () => base.troubles.end('redis'));
  await within(ENVIRONMENT.clock, REDIS_MS, leadership.signal, (signal) => once(redis, 'ready', { signal })).catch(
    (error: unknown) => base.log.debug({ part: 'redis', error }, 'Redis is not there yet'),
  );
  const historyState = new HistoryState();
  const history = openHistory(base, historyState, readStoreUrl(storeUrl));
  const publisher = new MeasuredPublisher(
    {
      ...{ redis, clustered: address.kind === 'cluster', history, keys, now: ENVIRONMENT.wall },
      isLeader: () => leadership.confirm(),
      ...(seams.between === undefined ? {} : { between: seams.between }),
    },
    metrics,
  );
  return {
    urlOf: (source) => urls.get(source) ?? '',
    ...{ leadership, redis, history, historyState, publisher },
    close: async () => {
      redis.disconnect();
      await history.close();
      if (history.waiting > 0) {
        const { waiting } = history;
        base.log.warn(
          { part: 'store', waiting },
          'revisions waited for the store: it gets the latest of each scope alone',
        );
      }
      base.troubles.end('redis');
      base.troubles.end('store');
    },
  };
}

const REDIS_AWAY = 'Redis can not be reached: proxies ask the operator for what changed';
const STORE_AWAY = 'the store can not be reached: history is written later, policy is not held up';

function openHistory(base: Base, state: HistoryState, url: string): History {
  const { metrics, log } = base;
  const store = createRevisionStore(url, warner(base, 'store', 'a connection to the store was lost'));
  return createHistory(watched(store, base.troubles), {
    delayed: (waiting) => state.delayed(waiting),
    lost({ scope, revision }, why) {
      metrics.historyLost(why);
      log.error({ part: 'store', scope, revision, why }, 'a revision will never be in the store');
    },
  });
}

/** The store, and whether it answers. */
function watched(store: RevisionStore, troubles: Troubles): RevisionStore {
  const told = async <T>(work: Promise<T>): Promise<T> => {
    try {
      const result = await work;
      troubles.end('store');
      return result;
    } catch (error) {
      if (!(error instanceof StaleTermError)) troubles.begin('store', STORE_AWAY, error);
      throw error;
    }
  };
  return {
    record: (record, office) => told(store.record(record, office)),
    latest: () => told(store.latest()),
    close: () => store.close(),
  };
}
