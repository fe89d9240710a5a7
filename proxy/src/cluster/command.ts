/** `articdbm proxy --operator …`: the parts of a proxy in a cluster, put together. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { SnapshotUser } from '#contract/snapshot/types';
import type { Environment, ListenerConfig } from '../config.ts';
import { StartError, type Flags } from '../flags.ts';
import { serve, untilStopped, type Serving } from '../serve.ts';
import { serveOptions } from '../serve-flags.ts';
import type { FeedTrouble } from '../snapshot/feed.ts';
import { keepPolicyIn } from '../snapshot/feed-kept.ts';
import { ClusterLogins } from './cluster-logins.ts';
import { registerClusterMetrics, type ClusterMetrics } from './cluster-metrics.ts';
import { ClusterPolicy } from './cluster-policy.ts';
import { Enrolment } from './enrolment.ts';
import { keepAnswerIn } from './kept-answer.ts';
import { createOperatorClient } from './operator-client.ts';
import { OperatorClock, SYSTEM_CLOCK } from './operator-clock.ts';
import { clusterOptions, type ClusterOptions } from './options.ts';
import { waitingFor, warningOf, type Situation } from './readiness.ts';

export { CLUSTER_FLAGS } from './options.ts';

export async function runInCluster(flags: Flags): Promise<number> {
  const cluster = new ClusterProxy(clusterOptions(flags));
  const serving = await serve({
    options: serveOptions(flags),
    snapshots: cluster.policy,
    credentials: cluster.logins,
    ...cluster.serveInput,
  });
  try {
    await cluster.begin(serving);
  } catch (error) {
    cluster.close();
    await serving.stop();
    throw error;
  }
  process.on('SIGHUP', () => serving.lookAtCertificate());
  await untilStopped(async () => {
    await serving.stop();
    cluster.close();
  });
  return 0;
}

/** Milliseconds between two looks at what is waited for, and after which the same is said again. */
const LOOK_MS = 500;
const SAY_AGAIN_MS = 60_000;

class ClusterProxy {
  readonly policy: ClusterPolicy;
  readonly logins: ClusterLogins;
  readonly #options: ClusterOptions;
  readonly #enrolment: Enrolment;
  readonly #environment: Environment;
  readonly #serves: (user: SnapshotUser) => boolean;
  readonly #backends: readonly string[];
  #serving: Serving | undefined;
  #metrics: ClusterMetrics | undefined;
  #looks: NodeJS.Timeout | undefined;
  #said: { readonly what: string | undefined; readonly at: number } = { what: undefined, at: 0 };
  /** Once it was: from then on only age and the end make it unready. */
  #wasReady = false;

  constructor(options: ClusterOptions) {
    const { mode, state, operator, ca, tokenFile, refuseAfter } = options;
    this.#options = options;
    this.#backends = [...new Set(options.listeners.map(({ backend }) => backend))];
    this.#serves = mode === 'sidecar' ? (user) => user.bound === true : (user) => user.verifier !== undefined;
    const clock = new OperatorClock(SYSTEM_CLOCK);
    this.#environment = { now: () => clock.now(), monotonic: () => SYSTEM_CLOCK.monotonic(), randomBytes };
    const client = createOperatorClient({ url: operator, ca, tokenFile });
    this.#enrolment = new Enrolment({
      client,
      keeper: keepAnswerIn(state),
      machine: SYSTEM_CLOCK,
      clock,
      chance,
      answered: (bootstrap) => {
        this.policy.enrolled(bootstrap);
        this.logins.answered();
        this.#review();
      },
      counted: (outcome) => this.#metrics?.asked(outcome),
      say: (what) => this.#warn('state', what),
    });
    this.policy = new ClusterPolicy({
      client,
      environment: this.#environment,
      refuseAfter,
      keeper: keepPolicyIn(join(state, 'document')),
      refreshKeys: () => this.#enrolment.ask(),
      counters: () => this.#serving?.recorder.totals() ?? {},
      trouble: (what, detail) => this.#trouble(what, detail),
    });
    this.logins = new ClusterLogins({
      mode,
      bootstrap: () => this.#enrolment.current,
      askWithin: (milliseconds) => this.#enrolment.askWithin(milliseconds),
      urgent: () => !this.#wasReady,
      monotonic: () => SYSTEM_CLOCK.monotonic(),
      chance,
    });
    this.policy.onSwap(() => this.#review());
  }

  get serveInput(): Omit<Parameters<typeof serve>[0], 'options' | 'snapshots' | 'credentials'> {
    const unknown = randomBytes(32);
    return {
      mockSecret: () => this.#enrolment.current?.mock ?? unknown,
      identity: this.#options.mode === 'sidecar' ? 'pod' : 'password',
      serves: this.#serves,
      environment: this.#environment,
      confirmed: () => this.#environment.now() - (this.policy.status().age ?? 0),
      readiness: { waiting: () => this.#waiting(), warning: () => warningOf(this.#situation()) },
    };
  }

  /** Opens the listeners and begins to ask. Throws StartError. */
  async begin(serving: Serving): Promise<void> {
    this.#serving = serving;
    this.#metrics = registerClusterMetrics(serving.recorder.registry, () => this.policy.status().state);
    for (const listener of this.#options.listeners) await open(serving, listener);
    serving.opened();
    await this.#enrolment.start();
    this.#looks = setInterval(() => this.#look(), LOOK_MS);
    this.#looks.unref();
  }

  close(): void {
    clearInterval(this.#looks);
    this.#enrolment.close();
    this.policy.close();
  }

  #review(): void {
    this.logins.reviewed(this.policy.current()?.snapshot, this.#backends, this.#serves);
  }

  #waiting(): string | undefined {
    const situation = this.#situation();
    if (this.#wasReady && situation.snapshot !== undefined) return undefined;
    const waiting = waitingFor(situation);
    if (waiting === undefined) this.#wasReady = true;
    return waiting;
  }

  #situation(): Situation {
    return {
      mode: this.#options.mode,
      operator: this.#options.operator.origin,
      scope: this.#enrolment.current?.scope,
      enrolmentTrouble: this.#enrolment.trouble,
      status: this.policy.status(),
      policyTrouble: this.policy.trouble,
      snapshot: this.policy.current()?.snapshot,
      backends: this.#backends,
      serves: this.#serves,
      hasLogin: (backend, uid) => this.logins.has(backend, uid),
    };
  }

  /** Says what is waited for when it changes, and again from time to time. */
  #look(): void {
    const waiting = this.#waiting();
    const now = SYSTEM_CLOCK.monotonic();
    if (waiting === this.#said.what && (waiting === undefined || now - this.#said.at < SAY_AGAIN_MS)) return;
    const before = this.#said.what;
    this.#said = { what: waiting, at: now };
    if (waiting !== undefined) this.#warn('waiting', waiting);
    else if (before !== undefined) this.#warn('ready', 'ready: there is nothing to wait for any more');
  }

  #trouble(what: FeedTrouble, detail: string): void {
    this.#metrics?.trouble(what);
    this.#warn(what, detail);
  }

  #warn(what: string, detail: string): void {
    this.#serving?.logger.warn({ what }, detail);
  }
}

async function open(serving: Serving, listener: ListenerConfig): Promise<void> {
  try {
    await serving.listen(listener);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const { backend, host, port } = listener;
    throw new StartError(`--listen ${backend}=${host}:${port} can not be opened (${code})`, { cause: error });
  }
}

const chance = (): number => randomBytes(4).readUInt32BE() / 2 ** 32;
