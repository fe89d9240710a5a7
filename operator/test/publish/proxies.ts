import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseScopeKeys, scopeKeysFor } from '#contract/snapshot/keys-scope';
import { startFeed, type FeedOptions, type FeedTrouble, type SnapshotFeed } from '#proxy/snapshot/feed';
import { addressOf, RING, userOf } from './scene.ts';

export interface TestFeed extends SnapshotFeed {
  readonly troubles: FeedTrouble[];
  /** Times that the operator was asked. */
  readonly asked: () => number;
  /** The user name of the policy in force. */
  user(): string | undefined;
  /** Until the user is that one; throws after 5 s. */
  until(user: string | undefined): Promise<void>;
}

/** The proxies of a test: the real subscriber, with a clock that can be moved. */
export class Proxies {
  readonly #url: string;
  readonly #feeds: SnapshotFeed[] = [];
  /** Milliseconds that the proxies' clocks are ahead. */
  ahead = 0;

  constructor(url: string) {
    this.#url = url;
  }

  async start(scope: string, options: Partial<FeedOptions> = {}): Promise<TestFeed> {
    const troubles: FeedTrouble[] = [];
    let asked = 0;
    const { askOperator, podUid = `pod-${String(this.#feeds.length)}` } = options;
    const feed = await startFeed({
      scope,
      podUid,
      redis: addressOf(this.#url),
      keys: () => parseScopeKeys(scopeKeysFor(RING, scope, podUid)),
      refreshKeys: () => Promise.resolve(),
      refuseAfter: 86_400_000,
      environment: { now: () => Date.now() + this.ahead, monotonic: () => performance.now(), randomBytes },
      counters: () => ({}),
      trouble: (what) => troubles.push(what),
      pace: (milliseconds) => milliseconds / 100,
      ...options,
      askOperator: async (...parameters) => {
        asked++;
        return askOperator?.(...parameters);
      },
    });
    this.#feeds.push(feed);
    const user = (): string | undefined => userOf(feed.current()?.snapshot);
    return Object.assign(feed, {
      troubles,
      asked: () => asked,
      user,
      until: (expected: string | undefined) =>
        eventually(() => user() === expected, `${String(expected)} in force, not ${String(user())}`),
    });
  }

  close(): void {
    for (const feed of this.#feeds.splice(0)) feed.close();
  }
}

export async function eventually(is: () => boolean | Promise<boolean>, what: string, patience = 5000): Promise<void> {
  const end = performance.now() + patience;
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`not within ${String(patience)} ms: ${what}`);
    await sleep(5);
  }
}
