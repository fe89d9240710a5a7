import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { ProxyConfig, ProxyLimits } from './config.ts';
import { UsageError, parseAddress } from './flags.ts';
import type { Flag, Flags } from './flags.ts';
import { LOG_LEVELS } from './telemetry/log.ts';
import type { LogLevel } from './telemetry/log.ts';

/** Flags of every command that serves. */
export const SERVE_FLAGS: readonly Flag[] = [
  { name: 'admin', value: 'HOST:PORT', help: 'serve /metrics, /healthz and /readyz there' },
  { name: 'tls-cert', value: 'FILE', help: 'certificate (PEM) for TLS with clients; with --tls-key' },
  { name: 'tls-key', value: 'FILE', help: 'its key (PEM)' },
  { name: 'require-tls', value: '', help: 'refuse clients that do not encrypt; with --tls-cert' },
  {
    name: 'log-level',
    value: 'LEVEL',
    help: `log to stdout from this level: ${LOG_LEVELS.join(', ')}`,
    default: 'warn',
  },
  {
    name: 'audit-log',
    value: 'FILE',
    help: 'append audit events (JSON lines) to FILE; - for stdout, none',
    default: '-',
  },
  { name: 'max-connections', value: 'N', help: 'client connections in all', default: '1000' },
  { name: 'login-timeout', value: 'DURATION', help: 'for a client to log in', default: '10s' },
  { name: 'drain-timeout', value: 'DURATION', help: 'for sessions to end by themselves on SIGTERM', default: '10s' },
];

export interface ServeOptions {
  readonly admin?: { readonly host: string; readonly port: number };
  readonly clientTls?: NonNullable<ProxyConfig['clientTls']>;
  /** Reads the files of certificate and key again; throws UsageError. */
  readonly readClientTls: () => ProxyConfig['clientTls'];
  readonly requireTls: boolean;
  readonly logLevel: LogLevel;
  /** A path, `-` or `none`. */
  readonly auditLog: string;
  readonly limits: ProxyLimits;
  /** Milliseconds. */
  readonly drain: number;
}

/** Throws UsageError. */
export function serveOptions(flags: Flags): ServeOptions {
  const admin = flags.get('admin');
  const clientTls = readTls(flags);
  const requireTls = flags.on('require-tls');
  if (requireTls && clientTls === undefined) throw new UsageError('--require-tls needs --tls-cert and --tls-key');
  return {
    ...(admin === undefined ? {} : { admin: parseAddress('admin', admin) }),
    ...(clientTls === undefined ? {} : { clientTls }),
    readClientTls: () => readTls(flags),
    requireTls,
    logLevel: flags.oneOf('log-level', LOG_LEVELS),
    auditLog: flags.required('audit-log'),
    limits: {
      connections: flags.integer('max-connections', 1, 1_000_000),
      clientLogin: flags.duration('login-timeout'),
      statementBytes: STATEMENT_BYTES,
      cacheBytes: CACHE_BYTES,
    },
    drain: flags.duration('drain-timeout'),
  };
}

/** Of contracts: larger texts are refused with 54001. */
const STATEMENT_BYTES = 4 << 20;
/** A few thousand statements; the idle proxy is to stay small. */
const CACHE_BYTES = 16 << 20;

function readTls(flags: Flags): ProxyConfig['clientTls'] {
  const certFile = flags.get('tls-cert');
  const keyFile = flags.get('tls-key');
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) throw new UsageError('--tls-cert and --tls-key go together');
  const pair = { cert: readPem('tls-cert', certFile), key: readPem('tls-key', keyFile) };
  try {
    createSecureContext(pair); // which finds out, too, whether they belong together
  } catch (error) {
    throw new UsageError('--tls-cert and --tls-key are no certificate and its key (PEM)', { cause: error });
  }
  return pair;
}

function readPem(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`--${flag}: ${file} can not be read (${code ?? 'unknown'})`, { cause: error });
  }
}
