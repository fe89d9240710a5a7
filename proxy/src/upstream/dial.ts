/** A connection to a database server, logged in: TCP, TLS by mode, the login, each with its deadline. */
import net from 'node:net';
import { DialError, dialError } from './dial-error.ts';
import { ignore, logIn } from './dial-login.ts';
import { whenConnected } from './dial-wait.ts';
import { verificationOf } from './tls.ts';
import type { Endpoint, SnapshotBackend, TlsMode } from '#contract/snapshot/types';
import type { Environment, UpstreamLogin } from '../config.ts';
import type { LoggedIn } from './dial-login.ts';

export { DialError } from './dial-error.ts';

export interface DialOptions {
  readonly backend: SnapshotBackend;
  readonly login: UpstreamLogin;
  readonly database: string;
  /** Settings of the start-up packet, in order; search_path first, then what the client asked for. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly environment: Environment;
  /** Ends the attempt: DialError `aborted`. */
  readonly signal: AbortSignal;
}

/** TCP keep-alive probes begin after this long without a byte. */
const KEEP_ALIVE_MILLISECONDS = 30_000;

/** As in libpq and PostgreSQL: 18 bytes, 24 signs of base64. */
const NONCE_BYTES = 18;

/**
 * Connects and logs in. The socket is paused and carries one listener for `error` that does nothing, so that an error
 * between this and the caller's own listeners ends nothing else. Throws DialError only; no connection is left then.
 */
export async function dial(options: DialOptions): Promise<LoggedIn> {
  const [first, second] = attempts(options.backend.tls.mode);
  try {
    return await attempt(options, first);
  } catch (error) {
    if (second === undefined || !(error instanceof DialError) || !second.after(error)) throw error;
    return attempt(options, second.mode);
  }
}

interface SecondAttempt {
  readonly mode: TlsMode;
  readonly after: (error: DialError) => boolean;
}

/** 28000 is how pg_hba.conf says that this kind of connection is not wanted. */
const unwanted = (error: DialError): boolean => error.code === 'refused' && error.serverSqlstate === '28000';

/** `allow` and `prefer` are two attempts, in either order, as libpq makes them; what is verified has one. */
function attempts(mode: TlsMode): readonly [TlsMode, SecondAttempt?] {
  if (mode === 'allow') return ['disable', { mode: 'require', after: unwanted }];
  if (mode === 'prefer') {
    const after = (error: DialError): boolean =>
      error.code === 'tls-refused' || error.code === 'tls-failed' || unwanted(error);
    return ['prefer', { mode: 'disable', after }];
  }
  return [mode];
}

async function attempt(options: DialOptions, tlsMode: TlsMode): Promise<LoggedIn> {
  const { backend, login, database, settings, environment } = options;
  const endpoint = primaryOf(backend);
  const socket = await openTcp(endpoint, backend.timeouts.connect, options.signal);
  const deadline = withDeadline(options.signal, backend.timeouts.login, 'login-timeout');
  try {
    const context = {
      login,
      database,
      tlsMode,
      allowCleartextPassword: backend.tls.allowCleartextPassword,
      settings,
      nonce: environment.randomBytes(NONCE_BYTES).toString('base64'),
      minor: 2,
    } as const;
    const verification = verificationOf(backend.tls.mode, backend.tls.ca);
    return await logIn(socket, context, { host: endpoint.host, verification, ca: backend.tls.ca }, deadline.signal);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    deadline.clear();
  }
}

function primaryOf(backend: SnapshotBackend): Endpoint {
  const primary = backend.endpoints[0]; // the only one, until replicas come
  if (primary === undefined) throw dialError('unreachable');
  return primary;
}

async function openTcp(endpoint: Endpoint, milliseconds: number, signal: AbortSignal): Promise<net.Socket> {
  const deadline = withDeadline(signal, milliseconds, 'connect-timeout');
  const socket = net.connect({
    host: endpoint.host,
    port: endpoint.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MILLISECONDS,
  });
  socket.on('error', ignore);
  try {
    await whenConnected(socket, deadline.signal);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    deadline.clear();
  }
}

interface Deadline {
  readonly signal: AbortSignal;
  clear(): void;
}

/** The outer signal and a time limit in one; each aborts with its own DialError as the reason. */
function withDeadline(outer: AbortSignal, milliseconds: number, late: 'connect-timeout' | 'login-timeout'): Deadline {
  const controller = new AbortController();
  const giveUp = (): void => controller.abort(dialError('aborted'));
  if (outer.aborted) giveUp();
  outer.addEventListener('abort', giveUp, { once: true });
  const timer = setTimeout(() => controller.abort(dialError(late)), milliseconds);
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      outer.removeEventListener('abort', giveUp);
    },
  };
}
