import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Snapshot } from '#contract/snapshot/types';
import type { DenialReason } from '#contract/policy/decision';
import type { AuditEvent } from '#proxy/audit/event';
import type { ProxyConfig, ProxyLimits, UpstreamLogin } from '#proxy/config';
import type { CurrentSnapshot, SnapshotSource } from '#proxy/snapshot/source';
import type { Recorder } from '#proxy/telemetry/recorder';
import { startProxy } from '#proxy/server';

export interface TestProxyOptions {
  readonly snapshot: Snapshot;
  /** The upstream login of all users, or one per backend and user. */
  readonly login: UpstreamLogin | ProxyConfig['credentials']['loginFor'];
  readonly clientTls?: { readonly cert: string; readonly key: string };
  readonly limits?: Partial<ProxyLimits>;
  /** Of the first backend; absent: any free one. */
  readonly port?: number;
}

export interface TestProxy {
  readonly host: string;
  /** Of the first backend. */
  readonly port: number;
  readonly ports: ReadonlyMap<string, number>;
  readonly events: AuditEvent[];
  readonly troubles: Trouble[];
  readonly denials: DenialReason[];
  /** Client connections and links that are open now, as the proxy reports them. */
  readonly gauges: { connections: number; links: number };
  /** Puts another policy in force, as a published one would be. */
  apply(snapshot: Snapshot): void;
  /** As `stop`, with so many milliseconds for what is in flight. */
  drain(milliseconds: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Trouble {
  readonly what: string;
  readonly detail: string;
}

const LIMITS: ProxyLimits = {
  connections: 1_000,
  clientLogin: 5_000,
  statementBytes: 4 * 1024 * 1024,
  cacheBytes: 8 * 1024 * 1024,
};

/** The proxy as main.ts would run it, in this process, with one listener on a free port per backend of the snapshot. */
export async function startTestProxy(options: TestProxyOptions): Promise<TestProxy> {
  const { source, apply } = swappable(options.snapshot);
  const record = memoryRecorder();
  const { login } = options;
  const running = await startProxy({
    listeners: options.snapshot.backends.map(({ id }, index) => ({
      backend: id,
      host: '127.0.0.1',
      port: index === 0 ? (options.port ?? 0) : 0,
    })),
    snapshots: source,
    credentials: { loginFor: typeof login === 'function' ? login : () => login },
    recorder: record.recorder,
    ...(options.clientTls === undefined ? {} : { clientTls: options.clientTls }),
    limits: { ...LIMITS, ...options.limits },
    environment: { now: () => Date.now(), monotonic: () => performance.now(), randomBytes: (n) => randomBytes(n) },
  });
  const ports = new Map(running.addresses.map(({ backend, port }) => [backend, port]));
  return {
    host: '127.0.0.1',
    port: running.addresses[0]?.port ?? 0,
    ports,
    events: record.events,
    troubles: record.troubles,
    denials: record.denials,
    gauges: record.gauges,
    apply,
    drain: (milliseconds) => running.drain(milliseconds),
    stop: () => running.drain(0),
  };
}

function swappable(first: Snapshot): { source: SnapshotSource; apply: (snapshot: Snapshot) => void } {
  let current: CurrentSnapshot = { snapshot: first, revision: 1, since: Date.now() };
  const listeners = new Set<(current: CurrentSnapshot) => void>();
  const source: SnapshotSource = {
    current: () => current,
    onSwap: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const apply = (snapshot: Snapshot): void => {
    current = { snapshot, revision: current.revision + 1, since: Date.now() };
    for (const listener of listeners) listener(current);
  };
  return { source, apply };
}

/** Keeps what a test may ask for; at most so much that a flood of logins does not show in the process's memory. */
const KEPT = 5_000;

function memoryRecorder(): Pick<TestProxy, 'events' | 'troubles' | 'denials' | 'gauges'> & { recorder: Recorder } {
  const events: AuditEvent[] = [];
  const troubles: Trouble[] = [];
  const denials: DenialReason[] = [];
  const gauges = { connections: 0, links: 0 };
  const keep = <T>(list: T[], entry: T): void => {
    if (list.length < KEPT) list.push(entry);
  };
  const recorder: Recorder = {
    connection: (_, change) => (gauges.connections += change),
    login: () => undefined,
    statement: () => undefined,
    denial: (_, reason) => {
      keep(denials, reason);
    },
    link: (_, state, change) => {
      if (state === 'leased') gauges.links += change;
    },
    trouble: (_, what, detail) => {
      keep(troubles, { what, detail });
    },
    audit: (level, event) => {
      if (audits(level, event.kind)) keep(events, event);
    },
    auditLine: (line) => {
      const { audit: _, ...event } = JSON.parse(line) as AuditEvent & { audit: true };
      keep(events, event);
    },
    audits,
  };
  return { recorder, events, troubles, denials, gauges };
}

function audits(level: Parameters<Recorder['audits']>[0], kind: AuditEvent['kind']): boolean {
  return level === 'denied' ? kind === 'denial' : level !== 'none';
}
