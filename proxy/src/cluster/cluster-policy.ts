import type { Bootstrap } from '#contract/bootstrap/answer';
import type { Head } from '#contract/snapshot/head';
import type { Environment } from '../config.ts';
import {
  startFeed,
  type FeedOptions,
  type FeedStatus,
  type OperatorAnswer,
  type SnapshotFeed,
} from '../snapshot/feed.ts';
import type { CurrentSnapshot, SnapshotSource } from '../snapshot/source.ts';
import type { OperatorClient } from './operator-client.ts';

export interface ClusterPolicyOptions extends Pick<
  FeedOptions,
  'keeper' | 'counters' | 'refuseAfter' | 'trouble' | 'refreshKeys'
> {
  readonly client: OperatorClient;
  readonly environment: Environment;
}

const NOT_YET: FeedStatus = { state: 'waiting', head: undefined, age: undefined };

/** The policy of the scope that the operator's answer is about; none before there is an answer. */
export class ClusterPolicy implements SnapshotSource {
  readonly #options: ClusterPolicyOptions;
  readonly #listeners = new Set<(current: CurrentSnapshot | undefined) => void>();
  #bootstrap: Bootstrap | undefined;
  #feed: SnapshotFeed | undefined;
  #askTrouble: string | undefined;
  /** One change of feeds after another. */
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ClusterPolicyOptions) {
    this.#options = options;
  }

  /** An answer came: the same scope as before goes on, by new keys and maybe at another Redis. */
  enrolled(bootstrap: Bootstrap): void {
    const before = this.#bootstrap;
    this.#bootstrap = bootstrap;
    if (before?.scope === bootstrap.scope && before.podUid === bootstrap.podUid) {
      this.#inTurn(() => {
        this.#feed?.useRedis(bootstrap.redis);
        this.#feed?.clockSet(); // every answer sets it
      });
      return;
    }
    // What was kept was another pod's: nothing of it may stay in force.
    this.#feed?.close();
    this.#feed = undefined;
    this.#inTurn(() => this.#follow(bootstrap));
  }

  current(): CurrentSnapshot | undefined {
    return this.#feed?.current();
  }

  tooOld(): boolean {
    return this.#feed?.tooOld() === true;
  }

  onSwap(listener: (current: CurrentSnapshot | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  status(): FeedStatus {
    return this.#feed?.status() ?? NOT_YET;
  }

  /** Why the operator did not give policy when it was last asked. */
  get trouble(): string | undefined {
    return this.#askTrouble;
  }

  close(): void {
    this.#closed = true;
    this.#feed?.close();
  }

  #inTurn(work: () => Promise<void> | void): void {
    this.#turn = this.#turn.then(work).catch((error: unknown) => {
      this.#options.trouble('redis-away', error instanceof Error ? error.message : 'failed');
    });
  }

  async #follow({ scope, podUid, redis }: Bootstrap): Promise<void> {
    const { client: _client, ...options } = this.#options;
    const feed = await startFeed({
      ...options,
      scope,
      podUid,
      redis,
      keys: () => this.#bootstrap?.keys ?? new Map(),
      askOperator: (_scope, after, signal) => this.#askOperator(after, signal),
    });
    if (this.#closed || this.#bootstrap?.scope !== scope || this.#bootstrap.podUid !== podUid) {
      feed.close();
      return;
    }
    this.#feed = feed;
    feed.useRedis(this.#bootstrap.redis);
    feed.onSwap((current) => this.#notify(current));
    this.#notify(feed.current()); // what was kept came into force before anybody listened
  }

  async #askOperator(after: Head | undefined, signal: AbortSignal): Promise<OperatorAnswer> {
    try {
      const { head, document } = await this.#options.client.policy(
        after === undefined ? {} : { have: after.digest },
        signal,
      );
      this.#askTrouble = undefined;
      return document === undefined ? { head } : { head, document: Buffer.from(document, 'base64') };
    } catch (error) {
      this.#askTrouble = error instanceof Error ? error.message : 'the operator gave no policy';
      throw error;
    }
  }

  #notify(current: CurrentSnapshot | undefined): void {
    for (const listener of [...this.#listeners]) listener(current);
  }
}
