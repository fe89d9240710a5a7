import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { MetricObjectWithValues, MetricValueWithName } from 'prom-client';
import type { Logger } from 'pino';
import { DENIAL_REASONS } from '#contract/policy/decision';
import { auditEventWritten, auditKindWritten } from '../audit/level.ts';
import type { AuditSink } from '../audit/sink.ts';
import type { ParserCounts } from '../parser/parser.ts';
import type { Recorder } from './recorder.ts';
import { ACTIONS, BackendTally, LINK_STATES, LOGIN_OUTCOMES, OUTCOMES, SECONDS_BUCKETS } from './tally.ts';

export interface RecorderOptions {
  readonly version: string;
  readonly logger: Logger;
  readonly audit: AuditSink;
  /** The policy in force; `confirmed`: epoch milliseconds at which its source last said that it still holds. */
  policy(): { readonly revision: number; readonly confirmed: number } | undefined;
  /** What happened to the statement parser so far; undefined while there is none. */
  parser?(): ParserCounts | undefined;
  /** Epoch milliseconds. */
  now(): number;
}

export interface ProxyRecorder extends Recorder {
  readonly registry: Registry;
  /** Over all backends, since the start; `connections` now. */
  totals(): Totals;
}

export interface Totals extends Readonly<Record<string, number>> {
  readonly connections: number;
  readonly statements: number;
  readonly denied: number;
}

/**
 * Metrics, log and audit behind one interface. Labels are the backend's id and closed sets: no user, statement or
 * object is ever in one, for whoever may scrape need not be one who may read the data.
 */
export function createRecorder(options: RecorderOptions): ProxyRecorder {
  const registry = new Registry();
  const tallies = new Map<string, BackendTally>();
  const tallyOf = (backend: string): BackendTally => {
    let tally = tallies.get(backend);
    if (tally === undefined) tallies.set(backend, (tally = new BackendTally()));
    return tally;
  };
  registerTraffic(registry, tallies);
  registerState(registry, options);
  collectDefaultMetrics({ register: registry });
  const troubles = new Counter({
    name: 'articdbm_proxy_troubles_total',
    help: 'Errors of the proxy or of a peer, by kind.',
    labelNames: ['what'],
    registers: [registry],
  });

  return {
    registry,
    totals: () => totalsOf([...tallies.values()]),
    connection: (backend, change) => void (tallyOf(backend).connections += change),
    login: (backend, outcome) => void (tallyOf(backend).logins[outcome] += 1),
    statement: (backend, action, outcome, seconds) => tallyOf(backend).statement(action, outcome, seconds),
    denial: (backend, reason) => void (tallyOf(backend).denials[reason] += 1),
    link: (backend, state, change) => void (tallyOf(backend).links[state] += change),
    trouble(backend, what, detail) {
      troubles.inc({ what });
      // Anybody can fail to log in as often as he likes; the audit events have it.
      options.logger[what === 'login-refused' ? 'debug' : 'warn']({ backend, what }, detail);
    },
    audit(level, event) {
      if (auditEventWritten(level, event)) options.audit.write(level, event);
    },
    auditLine: (line) => options.audit.writeLine(line),
    audits: auditKindWritten,
  };
}

function totalsOf(tallies: readonly BackendTally[]): Totals {
  const outcomes = tallies.flatMap(({ statements }) => Object.values(statements));
  return {
    connections: sum(tallies.map(({ connections }) => connections)),
    statements: sum(outcomes.map(({ ok, denied, failed }) => ok + denied + failed)),
    denied: sum(outcomes.map(({ denied }) => denied)),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

type Tallies = ReadonlyMap<string, BackendTally>;

function registerTraffic(registry: Registry, tallies: Tallies): void {
  const registers = [registry];
  new Gauge({
    name: 'articdbm_proxy_connections',
    help: 'Client connections that are open.',
    labelNames: ['backend'],
    registers,
    collect() {
      for (const [backend, tally] of tallies) this.set({ backend }, tally.connections);
    },
  });
  new Counter({
    name: 'articdbm_proxy_logins_total',
    help: 'Client logins by outcome: ok, refused (wrong password, unknown, disabled, expired, a limit), failed (a broken exchange, no upstream).',
    labelNames: ['backend', 'outcome'],
    registers,
    collect() {
      refill(this, tallies, (tally, set) =>
        LOGIN_OUTCOMES.forEach((outcome) => set({ outcome }, tally.logins[outcome])),
      );
    },
  });
  new Counter({
    name: 'articdbm_proxy_statements_total',
    help: 'Statements by kind of action and outcome.',
    labelNames: ['backend', 'action', 'outcome'],
    registers,
    collect() {
      refill(this, tallies, (tally, set) => {
        for (const action of ACTIONS) {
          for (const outcome of OUTCOMES) set({ action, outcome }, tally.statements[action][outcome]);
        }
      });
    },
  });
  new Counter({
    name: 'articdbm_proxy_denials_total',
    help: 'Refused statements by reason.',
    labelNames: ['backend', 'reason'],
    registers,
    collect() {
      refill(this, tallies, (tally, set) => DENIAL_REASONS.forEach((reason) => set({ reason }, tally.denials[reason])));
    },
  });
  new Gauge({
    name: 'articdbm_proxy_links',
    help: 'Connections to the database server by state.',
    labelNames: ['backend', 'state'],
    registers,
    collect() {
      for (const [backend, tally] of tallies) {
        for (const state of LINK_STATES) this.set({ backend, state }, tally.links[state]);
      }
    },
  });
  registry.registerMetric(new TalliedSeconds(tallies));
}

type SetTotal = (labels: Record<string, string>, total: number) => void;

function refill(
  counter: Counter<'backend' | 'outcome' | 'action' | 'reason'>,
  tallies: Tallies,
  each: (tally: BackendTally, set: SetTotal) => void,
): void {
  counter.reset();
  for (const [backend, tally] of tallies) each(tally, (labels, total) => counter.inc({ backend, ...labels }, total));
}

function registerState(registry: Registry, options: RecorderOptions): void {
  const registers = [registry];
  new Gauge({
    name: 'articdbm_proxy_policy_revision',
    help: 'Revision of the policy in force; 0: none.',
    registers,
    collect() {
      this.set(options.policy()?.revision ?? 0);
    },
  });
  new Gauge({
    name: 'articdbm_proxy_policy_age_seconds',
    help: 'Seconds since the source last confirmed the policy in force; absent while there is none.',
    registers,
    collect() {
      const policy = options.policy();
      this.reset();
      if (policy === undefined) this.remove();
      else this.set(Math.max(0, options.now() - policy.confirmed) / 1000);
    },
  });
  new Counter({
    name: 'articdbm_proxy_audit_dropped_total',
    help: 'Audit events that were dropped because what reads them is too slow or gone.',
    registers,
    collect() {
      this.reset();
      this.inc(options.audit.dropped());
    },
  });
  new Counter({
    name: 'articdbm_proxy_parser_events_total',
    help: 'Statement texts given to the parser worker, workers replaced because of a text, parsers thrown away.',
    labelNames: ['event'],
    registers,
    collect() {
      const counts = options.parser?.();
      this.reset();
      if (counts === undefined) return;
      this.inc({ event: 'elsewhere' }, counts.elsewhere);
      this.inc({ event: 'worker-replaced' }, counts.workersReplaced);
      this.inc({ event: 'grammar-dropped' }, counts.grammarsDropped);
    },
  });
  new Gauge({
    name: 'articdbm_proxy_build_info',
    help: 'Always 1; the labels tell the version.',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version: options.version, node: process.version }, 1);
}

type SecondsLabels = 'backend' | 'le';

/** A histogram that reads its numbers from the tallies when it is scraped. */
class TalliedSeconds extends Histogram<SecondsLabels> {
  readonly #tallies: Tallies;

  constructor(tallies: Tallies) {
    super({ ...SECONDS, labelNames: ['backend'], buckets: SECONDS_BUCKETS, registers: [] });
    this.#tallies = tallies;
  }

  // Registry.metrics() prefers getForPromString over get; Histogram's own would answer from its own, empty, numbers.
  getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<SecondsLabels>>> {
    return this.get();
  }

  override get(): Promise<MetricObjectWithValues<MetricValueWithName<SecondsLabels>>> {
    const values = [...this.#tallies].flatMap(([backend, tally]) => histogramValues(backend, tally));
    return Promise.resolve({
      ...SECONDS,
      type: 'histogram' as never,
      aggregator: 'sum',
      collect: () => undefined,
      values,
    });
  }
}

const SECONDS = {
  name: 'articdbm_proxy_statement_seconds',
  help: 'Seconds from the receipt of a statement to the end of its reply.',
};

function histogramValues(backend: string, tally: BackendTally): MetricValueWithName<SecondsLabels>[] {
  const values: MetricValueWithName<SecondsLabels>[] = [];
  let count = 0;
  tally.buckets.forEach((inBucket, index) => {
    count += inBucket;
    const le = SECONDS_BUCKETS[index] ?? '+Inf';
    values.push({ metricName: `${SECONDS.name}_bucket`, labels: { backend, le }, value: count });
  });
  values.push({ metricName: `${SECONDS.name}_sum`, labels: { backend }, value: tally.seconds });
  values.push({ metricName: `${SECONDS.name}_count`, labels: { backend }, value: count });
  return values;
}
