import type { IncomingMessage } from 'node:http';
import { jittered, wait, type Clock, type Random } from '../runtime/clock.ts';
import type { KubeClient, Selection } from './client.ts';
import { ApiError, UnreachableError, answerOf, isStatus } from './errors.ts';
import { collectionPath, keyOf, type KubeObject, type ResourceKind } from './resource.ts';
import type { ObjectStore } from './store.ts';

export interface WatchTimes {
  /** The API server sends a bookmark about every minute; silence for longer than this is a dead connection. */
  readonly idleMs: number;
  /** The API server is asked to end a watch after half of this to all of it. */
  readonly watchMs: number;
  /** All is listed anew after half of this to all of it. */
  readonly relistMs: number;
  readonly firstDelayMs: number;
  readonly mostDelayMs: number;
}

export const WATCH_TIMES: WatchTimes = {
  idleMs: 150_000,
  watchMs: 600_000,
  relistMs: 1_200_000,
  firstDelayMs: 50,
  mostDelayMs: 30_000,
};

/** For metrics and logs. `error` comes with each failed attempt; the watch goes on. */
export type WatchNotice =
  | { readonly kind: 'listed'; readonly count: number }
  | { readonly kind: 'opened' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'error'; readonly error: unknown };

export interface WatchOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly kind: ResourceKind;
  readonly selection?: Selection;
  readonly store: ObjectStore<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly times?: Partial<WatchTimes>;
  /** What is kept of an object as it came. Default: withoutManagers. */
  readonly keep?: (object: T) => T;
  readonly onNotice?: (notice: WatchNotice) => void;
}

export interface RunningWatch {
  /** Resolves when the store holds all there is for the first time; never rejects: it goes on trying. */
  readonly synced: Promise<void>;
  /** Milliseconds since the API server was last heard of. */
  silentMs(): number;
  stop(): Promise<void>;
}

/** Keeps the store equal to what the API server has, until stopped. README.md says what it does when. */
export function startWatch<T extends KubeObject>(options: WatchOptions<T>): RunningWatch {
  return new Watch(options);
}

const EXPIRED = 410;
/** In a row, before what is believed is thrown away. */
const FAILURES_TO_RELIST = 3;
/** A watch that ends sooner than this and brought nothing did not work. */
const SHORT_MS = 1_000;

class Watch<T extends KubeObject> implements RunningWatch {
  readonly synced: Promise<void>;
  readonly #options: WatchOptions<T>;
  readonly #times: WatchTimes;
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;
  #heard: number;
  /** The last version seen; undefined: list. */
  #version: string | undefined;
  #relistAt = 0;
  #failures = 0;
  #setSynced: () => void = () => undefined;

  constructor(options: WatchOptions<T>) {
    this.#options = options;
    this.#times = { ...WATCH_TIMES, ...options.times };
    this.#heard = options.clock.now();
    this.synced = new Promise((resolve) => (this.#setSynced = resolve));
    this.#ended = this.#run();
  }

  silentMs(): number {
    return this.#options.clock.now() - this.#heard;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#stopped()) {
      try {
        if (this.#version === undefined || this.#options.clock.now() >= this.#relistAt) await this.#list();
        await this.#follow(this.#version ?? '');
        this.#notice({ kind: 'ended' });
        await this.#pause(0);
      } catch (error) {
        if (this.#stopped()) return;
        this.#notice({ kind: 'error', error });
        this.#failures++;
        if (isStatus(error, EXPIRED) || this.#failures % FAILURES_TO_RELIST === 0) this.#version = undefined;
        await this.#pause(error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0);
      }
    }
  }

  #stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  async #list(): Promise<void> {
    const { client, kind, selection = {}, store, clock, random, keep = withoutManagers } = this.#options;
    this.#version = undefined;
    const { items, resourceVersion } = await client.list<T>(kind, selection, this.#abort.signal);
    this.#heard = clock.now();
    this.#relistAt = clock.now() + jittered(this.#times.relistMs, random);
    store.replace(items.map((item) => keep(item)));
    this.#version = resourceVersion;
    this.#setSynced();
    this.#notice({ kind: 'listed', count: items.length });
  }

  /** Until the server ends it; throws when it ends otherwise. What came before has been stored. */
  async #follow(version: string): Promise<void> {
    const { client, kind, selection = {}, clock, random } = this.#options;
    const { namespace, ...selectors } = selection;
    const idle = new Watchdog(clock, this.#times.idleMs);
    const opened = clock.now();
    let events = 0;
    try {
      const seconds = Math.ceil(jittered(this.#times.watchMs, random) / 1000);
      const query = { ...selectors, resourceVersion: version, allowWatchBookmarks: 'true', watch: 'true' };
      const path = collectionPath(kind, namespace);
      const signal = AbortSignal.any([this.#abort.signal, idle.signal]);
      const response = await client.stream(path, { ...query, timeoutSeconds: String(seconds) }, signal);
      this.#notice({ kind: 'opened' });
      for await (const line of linesOf(response, () => this.#alive(idle))) {
        this.#take(JSON.parse(line) as WatchEvent<T>, path);
        events++;
      }
    } catch (error) {
      throw error instanceof ApiError
        ? error
        : new UnreachableError(`WATCH ${kind.plural}`, idle.signal.reason ?? error);
    } finally {
      idle.stop();
    }
    if (events === 0 && clock.now() - opened < SHORT_MS) throw new Error('the watch ended at once');
  }

  #alive(idle: Watchdog): void {
    this.#heard = this.#options.clock.now();
    idle.pat();
  }

  #take({ type, object }: WatchEvent<T>, path: string): void {
    const { store, keep = withoutManagers } = this.#options;
    if (type === 'ERROR') {
      const status = object as unknown as { readonly code?: number };
      throw new ApiError(`WATCH ${path}`, answerOf(status.code ?? 500, object));
    }
    this.#failures = 0;
    if (type === 'DELETED') store.remove(keyOf(object.metadata));
    else if (type !== 'BOOKMARK') store.put(keep(object));
    this.#version = object.metadata.resourceVersion ?? this.#version;
  }

  async #pause(leastMs: number): Promise<void> {
    const { clock, random } = this.#options;
    const { firstDelayMs, mostDelayMs } = this.#times;
    const grown = Math.min(firstDelayMs * 2 ** Math.min(this.#failures, 20), mostDelayMs);
    await wait(clock, leastMs + jittered(grown, random), this.#abort.signal);
  }

  #notice(notice: WatchNotice): void {
    this.#options.onNotice?.(notice);
  }
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/** Aborts its signal when it has not been patted for that long. */
class Watchdog {
  readonly #clock: Clock;
  readonly #milliseconds: number;
  readonly #abort = new AbortController();
  #cancel: () => void;
  #patted: number;

  constructor(clock: Clock, milliseconds: number) {
    this.#clock = clock;
    this.#milliseconds = milliseconds;
    this.#patted = clock.now();
    this.#cancel = clock.after(milliseconds, () => this.#bite());
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Costs one look at the clock: the timer is only set when it runs out. */
  pat(): void {
    this.#patted = this.#clock.now();
  }

  stop(): void {
    this.#cancel();
  }

  #bite(): void {
    const left = this.#patted + this.#milliseconds - this.#clock.now();
    if (left <= 0) this.#abort.abort(new Error('the API server is silent'));
    else this.#cancel = this.#clock.after(left, () => this.#bite());
  }
}

/** Who manages which field is most of a small object. */
export function withoutManagers<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { readonly managedFields?: unknown };
  return { ...object, metadata };
}

/** An object is at most a few MiB as JSON (etcd holds 1.5 MiB). */
const MOST_LINE_BYTES = 32 * 2 ** 20;
const NEWLINE = 10;

async function* linesOf(response: IncomingMessage, onBytes: () => void): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    onBytes();
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...pending, chunk.subarray(from, at)]).toString();
      pending = [];
      length = 0;
      from = at + 1;
      if (line !== '') yield line;
    }
    pending.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > MOST_LINE_BYTES) throw new Error('a line of the watch is too long');
  }
}
