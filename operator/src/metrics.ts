import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { registerState, type MetricSources } from './metrics-state.ts';

export type PublishOutcome = 'published' | 'unchanged' | 'redis-away' | 'deposed' | 'failed';

/** What the operator's parts tell of what they do. Seconds. Labels are closed sets: no name of a resource is ever in one. */
export interface Metrics {
  readonly registry: Registry;
  /** After each answer of the API server; status 0: none came. */
  apiRequest(method: string, status: number): void;
  watchNotice(resource: string, notice: string): void;
  reconcile(kind: string, outcome: string, seconds: number): void;
  publish(outcome: PublishOutcome, seconds: number, revision?: number): void;
  beat(outcome: 'ok' | 'failed'): void;
  /** A request to the HTTPS port. */
  request(endpoint: string, outcome: string, seconds: number): void;
  /** A pod or a resource that was not admitted, or a proxy that was sent away. */
  refusal(endpoint: string, reason: string): void;
  historyLost(why: string): void;
  /** Heartbeats that nobody made who holds the pod's key. */
  forged(count: number): void;
  statusWritten(kind: string): void;
}

const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  registerState(registry, sources);
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
    new Counter({ name: `articdbm_operator_${name}`, help, labelNames, registers: [registry] });
  const histogram = <L extends string>(name: string, help: string, ...labelNames: L[]): Histogram<L> =>
    new Histogram({ name: `articdbm_operator_${name}`, help, labelNames, buckets: FAST, registers: [registry] });
  const api = counter('api_requests_total', 'Answers of the API server; status 0: none came.', 'method', 'status');
  const watch = counter('watch_notices_total', 'What befell the watches.', 'resource', 'notice');
  const reconciles = histogram('reconcile_seconds', 'Reconciles by kind and outcome.', 'kind', 'outcome');
  const publishes = histogram('publish_seconds', "Publishes of a scope's policy by outcome.", 'outcome');
  const beats = counter('beats_total', 'Times at which all heads were dated anew, by outcome.', 'outcome');
  const requests = histogram('request_seconds', 'Requests of proxies and webhooks.', 'endpoint', 'outcome');
  const refusals = counter('refusals_total', 'What was refused by proxies and webhooks.', 'endpoint', 'reason');
  const lost = counter('history_lost_total', 'Revisions that the store will never have.', 'why');
  const forged = counter('heartbeats_forged_total', "Heartbeats that nobody made who holds the pod's key.");
  const statuses = counter('statuses_written_total', 'Statuses that were written.', 'kind');
  const highest = highestRevision(registry);
  return {
    registry,
    apiRequest: (method, status) => api.inc({ method, status: String(status) }),
    watchNotice: (resource, notice) => watch.inc({ resource, notice }),
    reconcile: (kind, outcome, seconds) => reconciles.observe({ kind, outcome }, seconds),
    publish(outcome, seconds, revision = 0) {
      publishes.observe({ outcome }, seconds);
      highest(revision);
    },
    beat: (outcome) => beats.inc({ outcome }),
    request: (endpoint, outcome, seconds) => requests.observe({ endpoint, outcome }, seconds),
    refusal: (endpoint, reason) => refusals.inc({ endpoint, reason }),
    historyLost: (why) => lost.inc({ why }),
    forged: (count) => forged.inc(count),
    statusWritten: (kind) => statuses.inc({ kind }),
  };
}

/** One number for all scopes: a label per scope would be a series per application. */
function highestRevision(registry: Registry): (revision: number) => void {
  let most = 0;
  new Gauge({
    name: 'articdbm_operator_revision',
    help: 'The highest revision that this process has published; milliseconds since 1970 when it was made. 0: none.',
    registers: [registry],
    collect() {
      this.set(most);
    },
  });
  return (revision) => (most = Math.max(most, revision));
}
