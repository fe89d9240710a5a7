import { pino, type Logger } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Log = Logger;

export interface ProcessLog {
  readonly log: Log;
  /** Waits until what was logged is written: for a second at most. */
  readonly flush: () => Promise<void>;
}

/** Bytes that wait for a reader of stdout; beyond them lines are dropped. */
const MOST_WAITING = 1 << 20;
const FLUSH_MS = 1_000;

/** JSON lines on stdout, without a transport (a bundled one logs nothing). Whoever reads too slowly stops nothing. */
export function createLog(level: LogLevel): ProcessLog {
  const destination = pino.destination({ fd: 1, sync: false, minLength: 0, maxLength: MOST_WAITING });
  destination.on('error', () => undefined); // nobody reads any more: the operator goes on
  return {
    log: pino(LOG_OPTIONS(level), destination),
    flush: () =>
      new Promise((resolve) => {
        const late = setTimeout(resolve, FLUSH_MS);
        destination.flush(() => {
          clearTimeout(late);
          resolve();
        });
      }),
  };
}

/** Nothing of the kind is handed over; a slip shows as a word instead of a secret. */
const SECRET_FIELDS = ['password', 'token', 'authorization', 'master', 'url', 'data', 'stringData', 'verifier'];

export const LOG_OPTIONS = (level: LogLevel) => ({
  level,
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
  redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: 'not shown' },
  serializers: { error: describeError },
});

export interface ErrorDescription {
  readonly name: string;
  readonly code?: string | number;
  readonly message: string;
  readonly cause?: ErrorDescription;
  /** Of what nobody expected: where it came from. */
  readonly at?: string;
}

const MOST_CAUSES = 4;

/**
 * What may be said of an error: class, code, message, and those of its causes. Never its other fields: a client of Redis
 * puts the command with all its arguments there, one of PostgreSQL the row, ours the API server's own sentence.
 */
export function describeError(error: unknown, depth = MOST_CAUSES): ErrorDescription {
  if (!(error instanceof Error)) return { name: typeof error, message: 'something that is no error was thrown' };
  const { name, message, cause } = error;
  const { code } = error as { readonly code?: unknown };
  const unexpected = ['TypeError', 'RangeError', 'ReferenceError', 'AssertionError'].includes(name) || name === 'Error';
  return {
    name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message,
    ...(cause === undefined || depth === 0 ? {} : { cause: describeError(cause, depth - 1) }),
    ...(unexpected && code === undefined ? { at: frames(error) } : {}),
  };
}

const frames = ({ stack = '' }: Error): string =>
  stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 5)
    .map((line) => line.trim())
    .join(' | ');
