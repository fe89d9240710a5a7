import { isDeepStrictEqual } from 'node:util';
import { compareHeads, type Head } from '#contract/snapshot/head';
import type { ScopeKeys } from '#contract/snapshot/keys-scope';
import type { RedisAddress } from '#contract/snapshot/redis';
import type { Environment } from '../config.ts';
import { believeDocument, believeHead, type Unbelieved } from './feed-document.ts';
import { startReporter, type Reporter } from './feed-heartbeat.ts';
import type { KeptPolicy, PolicyKeeper } from './feed-kept.ts';
import { openScopeRedis, type ScopeRedis } from './feed-redis.ts';
import { headAge, shouldAsk, stateOf, untilNextAge, untilNextPull } from './feed-state.ts';
import type { FeedState, HeldHead, Moment } from './feed-state.ts';
import type { CurrentSnapshot, SnapshotSource } from './source.ts';

export type FeedTrouble =
  | Unbelieved['why']
  | 'older-head'
  | 'contradicting-head'
  | 'document-missing'
  | 'redis-away'
  | 'operator-away'
  | 'not-kept'
  | 'policy-stale'
  | 'policy-refused';

export interface FeedOptions {
  readonly scope: string;
  readonly podUid: string;
  readonly redis: RedisAddress;
  /** Those that bootstrap gave, as they are now. */
  readonly keys: () => ScopeKeys;
  /** Asks bootstrap again, because a key is not known; `keys` has them afterwards. */
  readonly refreshKeys: (signal: AbortSignal) => Promise<void>;
  /** The second feed: the operator itself. `document` may be left out when its digest is that of `after`. */
  readonly askOperator: (
    scope: string,
    after: Head | undefined,
    signal: AbortSignal,
  ) => Promise<OperatorAnswer | undefined>;
  /** Milliseconds of age from which on policy is not believed any more. */
  readonly refuseAfter: number;
  /** `now` by the operator's clock. */
  readonly environment: Environment;
  /** For the heartbeat. */
  readonly counters: () => Readonly<Record<string, number>>;
  readonly keeper?: PolicyKeeper;
  /** What people should hear of: each kind at most once a minute. */
  readonly trouble: (what: FeedTrouble, detail: string) => void;
  /** Changes the milliseconds between pulls; for tests. */
  readonly pace?: (milliseconds: number) => number;
}

export interface OperatorAnswer {
  readonly head: string;
  readonly document?: Buffer;
}

export interface FeedStatus {
  readonly state: FeedState;
  readonly head: Head | undefined;
  /** Milliseconds; undefined: no head. */
  readonly age: number | undefined;
}

export interface SnapshotFeed extends SnapshotSource {
  tooOld(): boolean;
  status(): FeedStatus;
  /** Goes to another Redis, or to the same by another login. Nothing happens when it is the one in use. */
  useRedis(address: RedisAddress): void;
  /** The environment's clock was set: what was to happen at some age may be due. */
  clockSet(): void;
  close(): void;
}

/** Takes what is kept into force, connects, and keeps policy current from then on (states: feed-state.ts). */
export async function startFeed(options: FeedOptions): Promise<SnapshotFeed> {
  const feed = new Feed(options);
  await feed.start();
  return feed;
}

/** Milliseconds. */
const REFRESH_KEYS_MS = 10_000;
const TROUBLE_MS = 60_000;
const OPERATOR_MS = 10_000;
/** What setTimeout can take; later looks come by themselves. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

class Feed implements SnapshotFeed {
  readonly #options: FeedOptions;
  readonly #listeners = new Set<(current: CurrentSnapshot | undefined) => void>();
  readonly #told = new Map<FeedTrouble, number>();
  #redis: ScopeRedis | undefined;
  #address: RedisAddress | undefined;
  #reporter: Reporter | undefined;
  #held: HeldHead | undefined;
  #document: Buffer | undefined;
  #current: CurrentSnapshot | undefined;
  #announced: FeedState = 'waiting';
  #keysAskedAt = -Infinity;
  /** All work is done in turn: the last of it. */
  #turn: Promise<void> = Promise.resolve();
  /** The last head that was pushed and is not looked at yet. */
  #pushed: string | undefined;
  #pullQueued = false;
  #pullTimer: NodeJS.Timeout | undefined;
  #ageTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#takeKept();
    this.#connect(this.#options.redis);
    this.#reporter = startReporter({
      ...this.#options,
      held: () => this.#held,
      now: () => this.#options.environment.now(),
      chance: () => this.#chance(),
      send: async (podUid, heartbeat) => {
        await this.#redis?.firstContact();
        await this.#redis?.report(podUid, heartbeat);
      },
      failed: (error) => this.#tell('redis-away', messageOf(error)),
    });
  }

  useRedis(address: RedisAddress): void {
    if (this.#closed || isDeepStrictEqual(address, this.#address)) return;
    this.#redis?.close();
    this.#connect(address);
  }

  clockSet(): void {
    this.#announce();
    this.#schedule();
  }

  #connect(address: RedisAddress): void {
    this.#address = address;
    const redis = openScopeRedis(
      address,
      this.#options.scope,
      {
        message: (text) => this.#push(text),
        subscribed: () => this.#queuePull(),
        error: (error) => this.#tell('redis-away', messageOf(error)),
      },
      () => this.#chance(),
    );
    this.#redis = redis;
    this.#inTurn(() => redis.firstContact());
    this.#queuePull();
  }

  current(): CurrentSnapshot | undefined {
    return this.#state() === 'refusing' ? undefined : this.#current;
  }

  tooOld(): boolean {
    return this.#state() === 'refusing';
  }

  onSwap(listener: (current: CurrentSnapshot | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  status(): FeedStatus {
    const held = this.#held;
    const age = held === undefined ? undefined : headAge(held, this.#moment());
    return { state: this.#state(), head: held?.head, age };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#pullTimer);
    clearTimeout(this.#ageTimer);
    this.#reporter?.close();
    this.#redis?.close();
  }

  #push(text: string): void {
    if (this.#held === undefined) {
      this.#queuePull();
      return;
    } // who knows of nothing yet takes no one's word alone
    const waits = this.#pushed !== undefined;
    this.#pushed = text;
    if (waits) return;
    this.#inTurn(async () => {
      const pushed = this.#pushed;
      this.#pushed = undefined;
      if (pushed !== undefined) await this.#consider(pushed);
    });
  }

  #queuePull(): void {
    if (this.#pullQueued) return;
    this.#pullQueued = true;
    this.#inTurn(async () => {
      this.#pullQueued = false;
      await this.#pull();
    });
  }

  /**
   * Redis first; then, when that brought nothing young enough, the operator. But who begins, and so knows of nothing newer,
   * hears the operator before an old head comes into force: Redis may have been put back from an old dump.
   */
  async #pull(): Promise<void> {
    const found = await this.#headInRedis();
    const begins = this.#held === undefined && !this.#isYoung(found);
    if (begins) await this.#fromOperator();
    if (found !== undefined) await this.#considerFromRedis(found);
    if (!begins && shouldAsk(this.#held, this.#moment())) await this.#fromOperator();
    this.#announce();
    this.#schedule();
  }

  async #headInRedis(): Promise<string | undefined> {
    try {
      return await this.#redis?.head();
    } catch (error) {
      this.#tell('redis-away', messageOf(error));
      return undefined;
    }
  }

  async #considerFromRedis(text: string): Promise<void> {
    try {
      await this.#consider(text);
    } catch (error) {
      this.#tell('redis-away', messageOf(error));
    }
  }

  #isYoung(text: string | undefined): boolean {
    const { scope, keys } = this.#options;
    const read = believeHead(text ?? '', scope, keys());
    const { monotonic } = this.#moment();
    return read.kind === 'head' && !shouldAsk({ head: read.head, text: text ?? '', seenAt: monotonic }, this.#moment());
  }

  async #fromOperator(): Promise<void> {
    const { scope, askOperator } = this.#options;
    try {
      const answer = await inTime((signal) => askOperator(scope, this.#held?.head, signal));
      if (answer !== undefined) await this.#consider(answer.head, answer.document);
    } catch (error) {
      this.#tell('operator-away', messageOf(error));
    }
  }

  async #takeKept(): Promise<void> {
    const { keeper } = this.#options;
    try {
      const kept = await keeper?.load();
      if (kept !== undefined) await this.#consider(kept.head, kept.document);
    } catch (error) {
      this.#tell('not-kept', messageOf(error));
    }
    this.#announce();
  }

  /** Judges a head from anywhere, and takes it when it is ours and not older than what is held. */
  async #consider(text: string, document?: Buffer): Promise<void> {
    const { scope } = this.#options;
    const read = await this.#believe((keys) => believeHead(text, scope, keys));
    if (read.kind === 'unbelieved') {
      this.#tell(read.why, read.detail);
      return;
    }
    const { head } = read;
    switch (compareHeads(head, this.#outranking(head))) {
      case 'known':
        return;
      case 'older':
        this.#tell('older-head', 'a head of an earlier term or revision was received');
        return;
      case 'contradicts':
        this.#tell('contradicting-head', 'two documents were received under one term and revision');
        return;
      case 'confirms':
        return this.#confirm(head, text);
      case 'newer':
        return this.#take(head, text, document);
    }
  }

  /**
   * The held head, which decides what is older. One whose key is no longer ours does not outrank a key that was made later:
   * the keys were replaced because somebody may have had them, and may have signed a head that none could follow.
   */
  #outranking(candidate: Head): Head | undefined {
    const held = this.#held?.head;
    if (held === undefined || this.#options.keys().has(held.key)) return held;
    return candidate.key > held.key ? undefined : held; // ids are moments
  }

  async #take(head: Head, text: string, given: Buffer | undefined): Promise<void> {
    const bytes = given ?? (await this.#redis?.document(head.digest));
    if (bytes === undefined) {
      this.#tell('document-missing', 'the document of a head is missing');
      return;
    }
    const read = await this.#believe((keys) => believeDocument(bytes, head, keys));
    if (read.kind === 'unbelieved') {
      this.#tell(read.why, read.detail);
      return;
    }
    const { now, monotonic } = this.#moment();
    this.#held = { head, text, seenAt: monotonic };
    this.#document = bytes;
    this.#current = { snapshot: read.snapshot, revision: head.revision, since: now };
    this.#announced = this.#state();
    this.#notify();
    this.#reporter?.soon();
    this.#schedule();
    await this.#keep({ head: text, document: bytes });
  }

  async #confirm(head: Head, text: string): Promise<void> {
    this.#held = { head, text, seenAt: this.#moment().monotonic };
    this.#announce();
    this.#schedule();
    if (this.#document !== undefined) await this.#keep({ head: text, document: this.#document });
  }

  async #keep(policy: KeptPolicy): Promise<void> {
    try {
      await this.#options.keeper?.save(policy);
    } catch (error) {
      this.#tell('not-kept', messageOf(error));
    }
  }

  /** Once more with fresh keys, when a key was not known and bootstrap has not just been asked. */
  async #believe<T extends { readonly kind: string }>(
    read: (keys: ScopeKeys) => T | Unbelieved,
  ): Promise<T | Unbelieved> {
    const first = read(this.#options.keys());
    if (!isUnknownKey(first)) return first;
    const { monotonic } = this.#moment();
    if (monotonic - this.#keysAskedAt < REFRESH_KEYS_MS) return first;
    this.#keysAskedAt = monotonic;
    try {
      await inTime((signal) => this.#options.refreshKeys(signal));
    } catch (error) {
      this.#tell('operator-away', messageOf(error));
    }
    return read(this.#options.keys());
  }

  /** Tells of what time alone has changed. */
  #announce(): void {
    const [before, state] = [this.#announced, this.#state()];
    if (before === state) return;
    this.#announced = state;
    if (state === 'stale') this.#tell('policy-stale', 'the policy in force has not been confirmed for 15 minutes');
    if (state === 'refusing') this.#tell('policy-refused', 'the policy is too old to be believed: all is refused');
    if (state === 'refusing' || before === 'refusing') this.#notify();
  }

  #notify(): void {
    const current = this.current();
    for (const listener of [...this.#listeners]) listener(current);
  }

  #schedule(): void {
    clearTimeout(this.#pullTimer);
    clearTimeout(this.#ageTimer);
    if (this.#closed) return;
    const moment = this.#moment();
    const { pace = unchanged } = this.#options;
    this.#pullTimer = setTimeout(() => this.#queuePull(), pace(untilNextPull(this.#held, moment, this.#chance())));
    this.#pullTimer.unref();
    const age = untilNextAge(this.#held, moment, this.#options.refuseAfter);
    if (age === undefined) return;
    this.#ageTimer = setTimeout(
      () => {
        this.#announce();
        this.#schedule();
      },
      Math.min(Math.ceil(age), LONGEST_TIMER_MS),
    );
    this.#ageTimer.unref();
  }

  #inTurn(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#closed) return;
      try {
        await work();
      } catch (error) {
        this.#tell('redis-away', messageOf(error));
      }
    });
  }

  #state(): FeedState {
    return stateOf(this.#held, this.#moment(), this.#options.refuseAfter);
  }

  #moment(): Moment {
    const { environment } = this.#options;
    return { now: environment.now(), monotonic: environment.monotonic() };
  }

  #chance(): number {
    return this.#options.environment.randomBytes(4).readUInt32BE() / 2 ** 32;
  }

  #tell(what: FeedTrouble, detail: string): void {
    const { monotonic } = this.#moment();
    const last = this.#told.get(what);
    if (this.#closed || (last !== undefined && monotonic - last < TROUBLE_MS)) return;
    this.#told.set(what, monotonic);
    this.#options.trouble(what, detail);
  }
}

const isUnknownKey = (read: { readonly kind: string }): boolean => 'why' in read && read.why === 'unknown-key';

/** The feed waits for nobody longer, whether or not the signal is heeded. */
async function inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(OPERATOR_MS);
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the operator did not answer in time')), { once: true });
  });
  return Promise.race([work(signal), late]);
}

const unchanged = (milliseconds: number): number => milliseconds;

/** Of what Redis says, only the word that it begins with: the rest may be anything. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  return error.name === 'ReplyError'
    ? `Redis answers ${/^[A-Z]{1,20}/.exec(error.message)?.[0] ?? 'an error'}`
    : error.message;
}
