import { BEAT_MS } from '#contract/snapshot/head';
import { DeposedError, type PolicyAnswer } from '../publish/publisher.ts';
import type { OurKind } from '../resources/cluster-resources.ts';
import { resourceIdOf } from '../resources/resource-index.ts';
import { jittered, wait } from '../runtime/clock.ts';
import { NotLeadingError } from '../runtime/election.ts';
import type { Outcome } from '../runtime/outcome.ts';
import { WorkQueue, type QueueCounts } from '../runtime/queue.ts';
import { startReconciler, type Reconciler } from '../runtime/reconciler.ts';
import type { Context, ControllersOptions, ControllerTimes } from './context.ts';
import { ProxyCounts } from './proxy-counts.ts';
import { Publications, reasonOf, type Reason } from './publications.ts';
import { Retirement } from './retirement.ts';
import { reconcileScope } from './scope/reconcile.ts';
import { VerifierCache } from './scope/verifiers.ts';
import type { RunningControllers } from './start-controllers.ts';
import { reconcileStatus } from './status/reconcile.ts';

const TIMES: ControllerTimes = {
  beatMs: BEAT_MS,
  proxiesMs: 10_000,
  patienceMs: 1_000,
  readyPatienceMs: 30_000,
  retireMs: 3_600_000,
  officeMs: 1_000,
};

const KINDS: readonly OurKind[] = ['DatabaseBackend', 'DbUser', 'DbPermission'];
/** Scopes wait on Secrets and Redis mostly, statuses on the API server, whose connections others need too. */
const SCOPES_AT_ONCE = 8;
const STATUSES_AT_ONCE = 8;
/** Redis, when it is back, should not be waited for by the minute. */
const SCOPES_MOST_DELAY_MS = 5_000;
const STATUSES_MOST_DELAY_MS = 60_000;
/** Statuses begin after the scopes have, or after this. */
const FIRST_SCOPES_MS = 10_000;
const LOOK_MS = 20;
/** How long policyOf waits for a publish. */
const POLICY_MS = 10_000;

/**
 * The leader's work. Two queues, since a revocation must not stand in line behind statuses: scopes, whose reconciles publish,
 * and the three kinds, whose reconciles write status and nothing else.
 */
export class Leading implements RunningControllers {
  readonly ended: Promise<void>;
  readonly #context: Context;
  readonly #scopes: WorkQueue;
  readonly #statuses: WorkQueue;
  readonly #reconcilers: Reconciler[] = [];
  readonly #retirement: Retirement;
  readonly #ending = new AbortController();
  readonly #stops: (() => void)[] = [];
  readonly #loops: Promise<void>[] = [];
  #setEnded: () => void = () => undefined;
  #drained: Promise<void> | undefined;
  #inOffice = false;

  constructor(options: ControllersOptions) {
    const { clock, random } = options;
    this.#scopes = new WorkQueue({ clock, random, mostDelayMs: SCOPES_MOST_DELAY_MS });
    this.#statuses = new WorkQueue({ clock, random, mostDelayMs: STATUSES_MOST_DELAY_MS });
    this.#context = contextOf(options, (statuses) => this.#look(statuses));
    this.#retirement = new Retirement(this.#context);
    this.ended = new Promise((resolve) => (this.#setEnded = resolve));
    this.#listen();
    this.#touchAll({ text: 'a new leader', by: undefined });
    this.#loops.push(this.#serve());
  }

  async policyOf(scope: string, signal: AbortSignal): Promise<PolicyAnswer | undefined> {
    const { publications, publisher, clock, leadership } = this.#context;
    this.#retirement.asked(scope);
    leadership.check();
    if (!publications.isPublished(scope) || publisher.answer(scope) === undefined) {
      const attempt = publications.nextAttempt(scope);
      this.#scopes.add(scope);
      const enough = new AbortController();
      const limit = AbortSignal.any([signal, this.#ending.signal, enough.signal]);
      await Promise.race([attempt, wait(clock, POLICY_MS, limit)]);
      enough.abort();
    }
    leadership.check();
    return publisher.answer(scope);
  }

  queues(): Readonly<Record<'scopes' | 'statuses', QueueCounts & { readonly oldestMs: number }>> {
    const of = (queue: WorkQueue) => ({ ...queue.counts(), oldestMs: queue.oldestMs() });
    return { scopes: of(this.#scopes), statuses: of(this.#statuses) };
  }

  drain(milliseconds: number): Promise<void> {
    this.#drained ??= this.#drain(milliseconds);
    return this.#drained;
  }

  async #drain(milliseconds: number): Promise<void> {
    this.#stop();
    await Promise.all(this.#reconcilers.map((reconciler) => reconciler.drain(milliseconds)));
    await Promise.all(this.#loops);
    this.#scopes.clear();
    this.#statuses.clear();
  }

  #listen(): void {
    const { resources, secrets, keys, history, leadership } = this.#context;
    const stop = (): void => this.#stop();
    this.#stops.push(
      resources.onTouched(({ scopes, statuses, cause }) => {
        if (cause === undefined) this.#look(statuses);
        else this.#touch(scopes, statuses, reasonOf(cause));
      }),
      secrets.onChange(({ namespace, name }) => {
        const { scopes, statuses } = resources.touchedBySecret(namespace, name);
        this.#touch(scopes, statuses, { text: `Secret ${namespace}/${name} changed`, by: undefined });
      }),
      keys.onChange(() => {
        this.#touch([...this.#context.publications.scopes()], [], { text: 'the keys changed', by: undefined });
      }),
      history.onChange(() => this.#look([...resources.keys('DatabaseBackend')].map((key) => `DatabaseBackend/${key}`))),
      () => leadership.signal.removeEventListener('abort', stop),
    );
    leadership.signal.addEventListener('abort', stop);
    if (leadership.signal.aborted) stop();
  }

  /** Scopes first: what is in force counts more than what is said of it. */
  #touch(scopes: Iterable<string>, statuses: Iterable<string>, reason: Reason): void {
    this.#context.publications.touch(scopes, statuses, reason, this.#context.clock.now());
    for (const scope of scopes) this.#scopes.add(scope);
    this.#look(statuses);
  }

  #look(statuses: Iterable<string>): void {
    for (const status of statuses) this.#statuses.add(status);
  }

  #touchAll(reason: Reason): void {
    const { resources } = this.#context;
    const statuses = KINDS.flatMap((kind) => [...resources.keys(kind)].map((key) => `${kind}/${key}`));
    const { publications, clock, settled } = this.#context;
    const scopes = resources.scopes();
    // All at once takes a while, and is no news: what nobody has said anything of yet can wait for it too.
    publications.touch(scopes, statuses, reason, clock.now() + settled.readyPatienceMs - settled.patienceMs);
    for (const scope of scopes) this.#scopes.add(scope);
    this.#look(statuses);
  }

  async #serve(): Promise<void> {
    await this.#takeOffice();
    if (this.#ending.signal.aborted) return;
    this.#reconcilers.push(
      this.#reconcile(this.#scopes, SCOPES_AT_ONCE, (key, signal) => reconcileScope(key, this.#context, signal)),
    );
    this.#loops.push(this.#startStatuses());
    const { beatMs, proxiesMs, officeMs } = this.#context.settled;
    const { secrets, random } = this.#context;
    this.#loops.push(
      this.#every(
        () => jittered(officeMs, random),
        () => this.#takeOffice(),
        () => !this.#inOffice,
      ),
      this.#every(
        () => beatMs,
        () => this.#beat(),
      ),
      this.#every(
        () => proxiesMs,
        () => this.#sweep(),
      ),
      secrets.keepFresh(this.#ending.signal),
    );
  }

  /** Once the scopes have had their first turn: until then there is little to be said. */
  async #startStatuses(): Promise<void> {
    const { clock } = this.#context;
    const { signal } = this.#ending;
    const end = clock.now() + FIRST_SCOPES_MS;
    for (;;) {
      const { ready, running } = this.#scopes.counts();
      if (ready + running === 0 || clock.now() >= end) break;
      await wait(clock, LOOK_MS, signal);
    }
    if (signal.aborted) return;
    this.#reconcilers.push(
      this.#reconcile(this.#statuses, STATUSES_AT_ONCE, (key, reconciling) =>
        reconcileStatus(resourceIdOf(key), this.#context, reconciling),
      ),
    );
  }

  #reconcile(
    queue: WorkQueue,
    concurrency: number,
    reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>,
  ): Reconciler {
    const { clock, hooks } = this.#context;
    return startReconciler({
      queue,
      clock,
      concurrency,
      reconcile: async (key, signal) => {
        await turn(); // so that what comes with one read of a watch is one look
        return reconcile(key, signal);
      },
      onOutcome: (key, outcome, milliseconds) => {
        if (outcome.kind === 'retry') this.#judge(outcome.cause);
        hooks.reconciled?.(queue === this.#scopes ? 'Scope' : resourceIdOf(key).kind, outcome, milliseconds);
      },
    });
  }

  /** Publishes what Redis knows, though no resource speaks of it any more. */
  async #takeOffice(): Promise<void> {
    try {
      const scopes = await this.#context.publisher.takeOffice();
      this.#inOffice = true;
      this.#touch(scopes, [], { text: 'a new leader', by: undefined });
    } catch (error) {
      this.#failed('office', error);
    }
  }

  async #beat(): Promise<void> {
    try {
      const { failed, restored } = await this.#context.publisher.beat();
      for (const error of failed.values()) this.#failed('beat', error);
      // A scope that Redis did not take may be there by now.
      for (const scope of restored) if (!this.#context.publications.isPublished(scope)) this.#scopes.add(scope);
    } catch (error) {
      this.#failed('beat', error);
    }
  }

  async #sweep(): Promise<void> {
    const { proxies, resources, verifiers } = this.#context;
    const users = await proxies.sweep(this.#ending.signal);
    this.#look(users.map((user) => `DbUser/${user}`));
    this.#retirement.sweep();
    const uids = [...resources.keys('DbUser')].map((key) => resources.get('DbUser', key)?.metadata.uid ?? '');
    verifiers.keep(new Set(uids));
  }

  async #every(milliseconds: () => number, work: () => Promise<void>, goesOn = (): boolean => true): Promise<void> {
    const { clock } = this.#context;
    const { signal } = this.#ending;
    while (goesOn()) {
      await wait(clock, milliseconds(), signal);
      if (signal.aborted) return;
      await work();
    }
  }

  #failed(what: 'office' | 'beat' | 'proxies', error: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.#judge(error);
    this.#context.hooks.failed?.(what, error);
  }

  /** After a newer leader has shown itself nothing is begun any more. */
  #judge(error: unknown): void {
    if (error instanceof DeposedError || error instanceof NotLeadingError) this.#stop();
  }

  #stop(): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    for (const stop of this.#stops) stop();
    this.#setEnded();
  }
}

function contextOf(options: ControllersOptions, look: Context['look']): Context {
  const { resources, redis, keys, wall, secrets, hooks = {} } = options;
  const publications = new Publications();
  const ring = () => keys.ring();
  const proxies = new ProxyCounts({
    ...{ resources, redis, ring, publications, wall },
    onForged: (count) => hooks.forged?.(count),
    onError: (error) => hooks.failed?.('proxies', error),
  });
  const verifiers = new VerifierCache(secrets, ring);
  return { ...options, hooks, settled: { ...TIMES, ...options.times }, publications, verifiers, proxies, look };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
