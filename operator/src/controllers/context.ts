import type { KeySecret } from '../keys/key-secret.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { RedisClient } from '../publish/redis-client.ts';
import type { ClusterResources } from '../resources/cluster-resources.ts';
import type { Clock, Random } from '../runtime/clock.ts';
import type { Leadership } from '../runtime/election.ts';
import type { Outcome } from '../runtime/outcome.ts';
import type { ClusterSecrets } from '../secrets/cluster-secrets.ts';
import type { HistoryState } from './history-state.ts';
import type { ProxyCounts } from './proxy-counts.ts';
import type { Publications } from './publications.ts';
import type { VerifierCache } from './scope/verifiers.ts';

/** For metrics and logs. Nothing that is told holds a value out of a Secret. */
export interface ControllerHooks {
  /** kind: of the key. `retry` has the cause; a revision that could not be written to Redis is told so too. */
  reconciled?(kind: string, outcome: Outcome, milliseconds: number): void;
  statusWritten?(kind: string): void;
  /** Heartbeats of a scope that nobody made who holds the pod's key. */
  forged?(count: number): void;
  /** What is tried again by itself: taking office, the beat, reading heartbeats. */
  failed?(what: 'office' | 'beat' | 'proxies' | 'secrets', error: unknown): void;
}

/** What the leader's controllers are given. */
export interface ControllersOptions {
  readonly client: KubeClient;
  /** Synced: what they don't hold is not there. */
  readonly resources: ClusterResources;
  readonly secrets: ClusterSecrets;
  readonly keys: KeySecret;
  readonly publisher: Publisher;
  /** Where proxies report. */
  readonly redis: RedisClient;
  readonly history: HistoryState;
  readonly events: EventRecorder;
  readonly leadership: Pick<Leadership, 'signal' | 'check'>;
  readonly clock: Clock;
  /** Epoch milliseconds. */
  readonly wall: () => number;
  readonly random: Random;
  readonly hooks?: ControllerHooks;
  readonly times?: Partial<ControllerTimes>;
}

/** Milliseconds. */
export interface ControllerTimes {
  /** How often heads are dated anew. */
  readonly beatMs: number;
  /** How often proxies are counted; a user's count is written at most so often. */
  readonly proxiesMs: number;
  /** How long something new may be on its way to Redis before its status says so. */
  readonly patienceMs: number;
  /** The same for what is Ready as it stands, and was not changed itself. */
  readonly readyPatienceMs: number;
  /** How long a scope that no resource speaks of is kept alive after its last pod. */
  readonly retireMs: number;
  /** How often it is tried to take office while Redis is away. */
  readonly officeMs: number;
}

/** What reconciles share. */
export interface Context extends ControllersOptions {
  readonly hooks: ControllerHooks;
  readonly settled: ControllerTimes;
  readonly publications: Publications;
  readonly verifiers: VerifierCache;
  readonly proxies: ProxyCounts;
  /** Statuses to be looked at. */
  readonly look: (statuses: Iterable<string>) => void;
}
