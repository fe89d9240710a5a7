import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { fileOutput, streamOutput } from './audit/output.ts';
import type { LineOutput } from './audit/output.ts';
import { jsonLinesSink, noAudit } from './audit/sink.ts';
import type { Environment, IdentityMode, ListenerConfig, ProxyConfig, UpstreamCredentials } from './config.ts';
import { watchCertificate, type SayOfCertificate } from './client-certificate.ts';
import { StartError } from './flags.ts';
import type { ServeOptions } from './serve-flags.ts';
import { startProxy } from './server.ts';
import type { RunningProxy } from './server.ts';
import type { SnapshotSource } from './snapshot/source.ts';
import { startAdmin } from './telemetry/admin.ts';
import type { AdminOptions, AdminServer } from './telemetry/admin.ts';
import { createLogger } from './telemetry/log.ts';
import { createRecorder, type ProxyRecorder } from './telemetry/metrics.ts';
import { VERSION } from './version.ts';

export interface ServeInput {
  readonly options: ServeOptions;
  readonly snapshots: SnapshotSource;
  readonly credentials: UpstreamCredentials;
  /** As in ProxyConfig, all four. */
  readonly mockSecret?: () => Buffer;
  readonly identity?: IdentityMode;
  readonly serves?: NonNullable<ProxyConfig['serves']>;
  readonly environment?: Environment;
  /** What becomes of the files of --tls-cert and --tls-key. Absent: the log has it. */
  readonly sayOfCertificate?: SayOfCertificate;
  /** Epoch milliseconds at which the source last confirmed the policy in force. */
  confirmed(): number;
  /** What /readyz says besides that listeners are open; absent: whether policy is in force. */
  readonly readiness?: Readiness;
}

export interface Readiness {
  /** undefined: ready. */
  waiting(): string | undefined;
  /** While ready. */
  warning(): string | undefined;
}

export interface Serving {
  /** Opens a listener; gives its port as bound. Rejects when the address can't be bound. */
  listen(listener: ListenerConfig): Promise<ListenerConfig>;
  /** The first listeners are open: /readyz may say so. */
  opened(): void;
  /** Looks at --tls-cert and --tls-key now, as happens once a minute anyway: new connections get what is there. */
  lookAtCertificate(): void;
  readonly logger: Logger;
  readonly recorder: ProxyRecorder;
  /** Where /metrics is, if it was asked for. */
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  /** Sessions get the drain timeout to end by themselves; then all is closed and written. */
  stop(): Promise<void>;
}

/** What every serving command has: log, audit, metrics, admin port. Rejects when the admin address can't be bound. */
export async function serve(input: ServeInput): Promise<Serving> {
  const { options, snapshots, environment = ENVIRONMENT } = input;
  const stdout = streamOutput(process.stdout);
  const auditFile = openAudit(options.auditLog);
  const auditOutput = options.auditLog === '-' ? stdout : auditFile;
  const logger = createLogger(options.logLevel, stdout);
  const started: { proxy?: RunningProxy } = {};
  const recorder = createRecorder({
    version: VERSION,
    logger,
    audit: auditOutput === undefined ? noAudit : jsonLinesSink(auditOutput),
    policy: () => {
      const current = snapshots.current();
      return current === undefined ? undefined : { revision: current.revision, confirmed: input.confirmed() };
    },
    parser: () => started.proxy?.parserCounts(),
    now: () => environment.now(),
  });
  const readiness = input.readiness ?? readinessOf(snapshots);
  let state: 'starting' | 'open' | 'stopping' = 'starting';
  const unready = (): string | undefined => (state === 'open' ? readiness.waiting() : STATES[state]);
  const warning = (): string | undefined => readiness.warning();
  const metrics = { contentType: recorder.registry.contentType, metrics: () => recorder.registry.metrics() };
  const admin =
    options.admin === undefined ? undefined : await openAdmin({ ...options.admin, metrics, unready, warning });
  const proxy = await startProxy({ ...configOf(input), recorder, environment });
  started.proxy = proxy;
  const certificate = watchCertificate({
    served: options.clientTls,
    read: options.readClientTls,
    replace: (next) => proxy.replaceClientTls(next),
    say: input.sayOfCertificate ?? logOf(logger),
    registry: recorder.registry,
  });
  return {
    listen: (listener) => proxy.listen(listener),
    opened: () => (state = 'open'),
    lookAtCertificate: () => certificate.look(),
    logger,
    recorder,
    admin,
    stop: async () => {
      state = 'stopping';
      certificate.close();
      await proxy.drain(options.drain);
      await admin?.close();
      await Promise.all([stdout.flush(FLUSH), auditFile?.flush(FLUSH)]);
    },
  };
}

function configOf(input: ServeInput): Omit<ProxyConfig, 'recorder' | 'environment'> {
  const { options, snapshots, credentials } = input;
  return {
    listeners: [],
    snapshots,
    credentials,
    ...(options.clientTls === undefined ? {} : { clientTls: options.clientTls }),
    requireTls: options.requireTls,
    ...(input.mockSecret === undefined ? {} : { mockSecret: input.mockSecret }),
    ...(input.identity === undefined ? {} : { identity: input.identity }),
    ...(input.serves === undefined ? {} : { serves: input.serves }),
    limits: options.limits,
  };
}

const logOf =
  (logger: Logger): SayOfCertificate =>
  (outcome, text) =>
    logger[outcome === 'kept' ? 'warn' : 'info']({ what: 'certificate' }, text);

const ENVIRONMENT: Environment = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  randomBytes: (length) => randomBytes(length),
};

const readinessOf = (snapshots: SnapshotSource): Readiness => ({
  waiting: () => (snapshots.current() === undefined ? 'no policy is in force yet' : undefined),
  warning: () => undefined,
});

const STATES = { starting: 'the listeners are not open yet', stopping: 'shutting down' } as const;

/** Milliseconds for what is still to be written when all connections have ended. */
const FLUSH = 1_000;

async function openAdmin(options: AdminOptions): Promise<AdminServer> {
  try {
    return await startAdmin(options);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const { host, port } = options;
    throw new StartError(`--admin: ${host}:${port} can not be opened (${code}): choose another`, { cause: error });
  }
}

function openAudit(destination: string): LineOutput | undefined {
  if (destination === '-' || destination === 'none') return undefined;
  try {
    return fileOutput(destination);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new StartError(`--audit-log: ${destination} can not be opened (${code})`, { cause: error });
  }
}

/**
 * Waits for SIGINT or SIGTERM, then stops. A second signal ends the process at once. Resolves when all is closed.
 */
export async function untilStopped(stop: () => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  await stop();
}
