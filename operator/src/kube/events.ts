import { createHash } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';
import type { KubeClient } from './client.ts';
import { microTime } from './conditions.ts';
import { isStatus } from './errors.ts';
import { apiVersionOf, EVENTS, keyOf, type KubeObject, type ResourceKind } from './resource.ts';

export interface EventToRecord {
  readonly kind: ResourceKind;
  /** What it is about. */
  readonly regarding: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** Why, one CamelCase word. */
  readonly reason: string;
  /** What was done or tried, one CamelCase word. */
  readonly action: string;
  /** A sentence for people; at most 1 KiB is kept. */
  readonly note: string;
}

export interface RecorderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** The controller, and this process of it. */
  readonly controller: string;
  readonly instance: string;
  readonly onError?: (error: unknown) => void;
}

/** Milliseconds. As client-go: what recurs within the window is one Event with a count, written at most so often. */
const WINDOW_MS = 6 * 60_000;
const FLUSH_MS = 30_000;
const WRITE_MS = 10_000;
const MOST_SERIES = 2_048;
const MOST_NOTE_BYTES = 1_024;
/** One object may cause this many new Events at once, and one more each so often. */
const BURST = 25;
const REFILL_MS = 300_000;

interface Series {
  readonly namespace: string;
  readonly name: string;
  readonly created: Promise<boolean>;
  count: number;
  written: number;
  last: number;
}

/** Best effort: an Event that can't be written is dropped, and nothing waits for one. */
export class EventRecorder {
  readonly #options: RecorderOptions;
  readonly #series = new Map<string, Series>();
  readonly #budgets = new Map<string, { tokens: number; at: number }>();
  #cancel: (() => void) | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  record(event: EventToRecord): void {
    const now = this.#options.clock.now();
    this.#forget(now);
    const { metadata } = event.regarding;
    const about = `${event.kind.plural} ${metadata.uid ?? keyOf(metadata)}`;
    const key = [about, event.type, event.reason, event.action, event.note].join('\n');
    const known = this.#series.get(key);
    if (known !== undefined) {
      known.count++;
      known.last = now;
      this.#cancel ??= this.#options.clock.after(FLUSH_MS, () => void this.flush());
      return;
    }
    if (this.#series.size >= MOST_SERIES || !this.#mayCreate(about, now)) return;
    this.#series.set(key, this.#create(event, key, now));
  }

  /** Writes the counts that have risen. Never rejects. */
  async flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await Promise.all([...this.#series.values()].map((series) => this.#count(series)));
  }

  #create(event: EventToRecord, key: string, now: number): Series {
    const { metadata, apiVersion } = event.regarding;
    const { wall, controller, instance } = this.#options;
    const namespace = metadata.namespace ?? 'default';
    const time = wall();
    const digest = createHash('sha256').update(key).update(instance).update(String(time)).digest('hex').slice(0, 16);
    const name = `${metadata.name.slice(0, 200)}.${digest}`;
    const object = {
      metadata: { name, namespace },
      eventTime: microTime(time),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      action: event.action,
      reason: event.reason,
      type: event.type,
      note: cut(event.note),
      regarding: {
        apiVersion: apiVersion ?? apiVersionOf(event.kind),
        kind: event.kind.kind,
        name: metadata.name,
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
        ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
      },
    };
    const written = this.#options.client.create(EVENTS, object, AbortSignal.timeout(WRITE_MS));
    return { namespace, name, created: this.#worked(written), count: 1, written: 1, last: now };
  }

  async #count(series: Series): Promise<void> {
    if (series.count === series.written || !(await series.created)) return;
    const { count, namespace, name } = series;
    const { client, wall } = this.#options;
    series.written = count;
    const patch = { series: { count, lastObservedTime: microTime(wall()) } };
    await this.#worked(client.mergePatch(EVENTS, { namespace, name }, patch, AbortSignal.timeout(WRITE_MS)));
  }

  async #worked(write: Promise<unknown>): Promise<boolean> {
    try {
      await write;
      return true;
    } catch (error) {
      if (!isStatus(error, 404)) this.#options.onError?.(error);
      return false;
    }
  }

  #mayCreate(about: string, now: number): boolean {
    const { tokens, at } = this.#budgets.get(about) ?? { tokens: BURST, at: now };
    const whole = Math.min(BURST, tokens + (now - at) / REFILL_MS);
    this.#budgets.set(about, { tokens: Math.max(whole - 1, 0), at: now });
    return whole >= 1;
  }

  #forget(now: number): void {
    for (const [key, { last, count, written }] of this.#series) {
      if (now - last > WINDOW_MS && count === written) this.#series.delete(key);
    }
    for (const [about, { at }] of this.#budgets) if (now - at > BURST * REFILL_MS) this.#budgets.delete(about);
  }
}

function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= MOST_NOTE_BYTES) return note;
  // Cutting through a character leaves U+FFFD, which is three bytes itself.
  return (
    bytes
      .subarray(0, MOST_NOTE_BYTES - 6)
      .toString()
      .replace(/\uFFFD$/, '') + '…'
  );
}
