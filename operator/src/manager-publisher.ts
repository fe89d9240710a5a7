import type { Metrics, PublishOutcome } from './metrics.ts';
import {
  DeposedError,
  Publisher,
  type BeatResult,
  type Published,
  type PublisherOptions,
} from './publish/publisher.ts';
import { RedisAwayError, type Change } from './publish/steps.ts';

/** A publisher whose work is counted. */
export class MeasuredPublisher extends Publisher {
  readonly #metrics: Metrics;
  readonly #now: () => number;
  #beatAt: number | undefined;

  constructor(options: PublisherOptions, metrics: Metrics) {
    super(options);
    this.#metrics = metrics;
    this.#now = options.now;
  }

  /** Epoch milliseconds at which all heads were last dated anew. */
  get beatAt(): number | undefined {
    return this.#beatAt;
  }

  override async publish(change: Change): Promise<Published> {
    const started = performance.now();
    try {
      const published = await super.publish(change);
      this.#metrics.publish(published.kind, since(started), published.head.revision);
      return published;
    } catch (error) {
      this.#metrics.publish(outcomeOf(error), since(started));
      throw error;
    }
  }

  override async beat(): Promise<BeatResult> {
    const began = this.#now();
    try {
      const result = await super.beat();
      const whole = result.failed.size === 0;
      this.#metrics.beat(whole ? 'ok' : 'failed');
      if (whole) this.#beatAt = began;
      return result;
    } catch (error) {
      this.#metrics.beat('failed');
      throw error;
    }
  }
}

const since = (started: number): number => (performance.now() - started) / 1000;

function outcomeOf(error: unknown): PublishOutcome {
  if (error instanceof DeposedError) return 'deposed';
  return error instanceof RedisAwayError ? 'redis-away' : 'failed';
}
