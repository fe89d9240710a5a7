import type { ControllerHooks, ControllersOptions } from './controllers/context.ts';
import type { RunningControllers } from './controllers/start-controllers.ts';
import { ENVIRONMENT, warner, type Base } from './manager-base.ts';
import type { Serving } from './manager-serving.ts';
import type { Term } from './manager-term.ts';
import { urlChange } from './manager-urls.ts';
import type { QueueState } from './metrics-state.ts';
import type { PolicyAnswer } from './publish/publisher.ts';
import type { Leadership } from './runtime/election.ts';
import { keepWebhookBundles } from './serving/webhook-bundles.ts';

/** Milliseconds for reconciles that run when the lead ends; then their signals abort. */
const DRAIN_MS = 8_000;

interface Held {
  readonly term: Term;
  readonly controllers: RunningControllers;
}

/** What this replica does while it leads, and what is to be known of that. */
export class Office {
  readonly #base: Base;
  #held: Held | undefined;

  constructor(base: Base) {
    this.#base = base;
  }

  get leading(): boolean {
    return this.#held?.term.leadership.leads() === true;
  }

  queues(): Readonly<Record<string, QueueState>> {
    return this.#held?.controllers.queues() ?? {};
  }

  /** Epoch milliseconds; undefined: no beat of this term yet. */
  beatAt(): number | undefined {
    return this.#held?.term.publisher.beatAt;
  }

  doubted(): number | undefined {
    return this.#held?.term.publisher.doubted;
  }

  historyWaiting(): number | undefined {
    return this.#held?.term.history.waiting;
  }

  /** What the second feed answers. undefined: not yet, or this replica does not lead. */
  async policyOf(scope: string, signal: AbortSignal): Promise<PolicyAnswer | undefined> {
    if (!this.leading) return undefined;
    return this.#held?.controllers.policyOf(scope, signal);
  }

  /**
   * One term, from the Lease won to the Lease lost or wanted back. It also ends, for another to begin, when a file with a
   * URL says something else, and when Redis knows of a newer leader. Throws when a part of it fails.
   */
  async hold(lease: Leadership, serving: Serving): Promise<void> {
    const { log } = this.#base;
    const ended = new AbortController();
    const leadership = withSignal(lease, AbortSignal.any([lease.signal, ended.signal]));
    // What a follower does without: the clients of Redis and PostgreSQL.
    const { openTerm } = await import('./manager-term.ts');
    const term = await openTerm(this.#base, () => serving.keys.ring(), lease);
    log.info({ term: lease.term }, 'this replica leads');
    try {
      await this.#serve(term, leadership, serving, ended);
    } finally {
      ended.abort();
      this.#held = undefined;
      await term.close();
      log.info({ term: lease.term }, 'this replica leads no more');
    }
  }

  async #serve(term: Term, leadership: Leadership, serving: Serving, ended: AbortController): Promise<void> {
    const { options, log, client } = this.#base;
    const { startControllers } = await import('./controllers/start-controllers.ts');
    const controllers = startControllers(controllersOptions(this.#base, term, serving, leadership));
    this.#held = { term, controllers };
    const { certificates, keys } = serving;
    const onError = warner(this.#base, 'webhooks', "the webhooks' CA could not be kept current: it is tried again");
    const duties = [
      keys.rotateKeys(leadership, options.rotateKeysEvery),
      keepWebhookBundles({ ...ENVIRONMENT, client, certificates, onError }, leadership),
    ];
    const sources = [options.redisUrl, options.storeUrl].map((source) => ({ source, before: term.urlOf(source) }));
    const changed = urlChange(sources, ENVIRONMENT.clock, leadership.signal);
    const why = await Promise.race([changed, controllers.ended, ...duties]);
    if (why !== undefined) log.info({ flag: why }, 'its file says something else: the lead is given up, to begin anew');
    ended.abort();
    await controllers.drain(DRAIN_MS);
    await Promise.all([changed, ...duties]);
  }
}

const withSignal = (leadership: Leadership, signal: AbortSignal): Leadership => ({
  term: leadership.term,
  signal,
  leads: () => leadership.leads(),
  check: () => leadership.check(),
  confirm: () => leadership.confirm(),
});

function controllersOptions(base: Base, term: Term, { keys }: Serving, leadership: Leadership): ControllersOptions {
  const { client, resources, secrets, events } = base;
  const { redis, publisher, historyState } = term;
  return {
    ...{ ...ENVIRONMENT, client, resources, secrets, keys, events, leadership, redis, publisher },
    history: historyState,
    hooks: hooksOf(base),
  };
}

function hooksOf({ metrics, log }: Base): ControllerHooks {
  // Of Redis it has been told once that it is away; every scope's failure says the same.
  const levelOf = (error: unknown): 'debug' | 'warn' =>
    (error as { readonly code?: unknown } | undefined)?.code === 'REDIS_AWAY' ? 'debug' : 'warn';
  return {
    reconciled(kind, outcome, milliseconds) {
      metrics.reconcile(kind, outcome.kind, milliseconds / 1000);
      const fields = { part: 'reconcile', kind };
      if (outcome.kind === 'retry') {
        const { cause } = outcome;
        log[levelOf(cause)]({ ...fields, ...(cause === undefined ? {} : { error: cause }) }, 'it is tried again');
      }
      if (outcome.kind === 'never') log.warn({ ...fields, reason: outcome.reason }, 'it waits for a change');
    },
    statusWritten: (kind) => metrics.statusWritten(kind),
    forged: (count) => metrics.forged(count),
    failed: (part, error) => log[levelOf(error)]({ part, error }, 'it is tried again'),
  };
}
