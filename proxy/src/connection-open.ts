/** What a login leads to: a user with a policy, a place within the limits, a link to the server. Or the reason why not. */
import { evaluate, mayConnect } from '#contract/policy/evaluate';
import type { SnapshotBackend } from '#contract/snapshot/types';
import type { Accepted } from './connection-accept.ts';
import type { ConnectionContext } from './connection-context.ts';
import { noPolicy } from './connection-identity.ts';
import type { UpstreamCredentials, UpstreamLogin } from './config.ts';
import type { ClientLogin } from './protocols/login.ts';
import { refusalOf, type Refusal } from './protocols/refusal.ts';
import type { RelayContext } from './relay-context.ts';
import { SessionRecord } from './relay-record.ts';
import type { BoundUser } from './snapshot/directory.ts';
import { isEncrypted, sendCancel } from './upstream/cancel.ts';
import { dial, DialError } from './upstream/dial.ts';

export interface Opened {
  readonly relay: Omit<RelayContext, 'client' | 'over'>;
  /** What the client hears before its first message. */
  readonly welcome: Buffer;
  readonly fromServer: Buffer;
  /** Gives back what was taken. */
  readonly close: () => void;
}

type LoggedIn = Extract<Accepted, { kind: 'login' }>;

/** The name that means: whatever the backend's default is. */
const DEFAULT_DATABASE = 'articdbm';

export async function openSession(
  context: ConnectionContext,
  { login }: LoggedIn,
  signal: AbortSignal,
): Promise<Opened | { refusal: Refusal }> {
  const { config, directory } = context;
  const user = directory.byName(context.backend, login.user);
  const database = databaseOf(login, user?.backend);
  const record = recordOf(context, login, database);
  const refuse = (refusal: Refusal): { refusal: Refusal } => {
    config.recorder.login(context.backend, 'refused');
    record.session('login', user, 'refused', refusal.reason);
    return { refusal };
  };
  if (user === undefined)
    return refuse(directory.backend(context.backend) === undefined ? noPolicy(directory) : unknownUser(login));
  const path = pathOf(context, login, user);
  const refusal = whyNot(user, login, database, path, config.environment.now());
  if (refusal !== undefined || path === null) return refuse(refusal ?? PATH_UNREADABLE);
  const upstream = config.credentials.loginFor(user.backend, user.user.uid);
  if (upstream === undefined) return refuse(noLogin(config.credentials, user));
  const limits = context.limits.of(context.backend, user.user.uid);
  const full = limits.enter(user.user);
  if (full !== undefined) return refuse(full);
  const held = context.catalogs.enter(user.backend, database, upstream);
  const giveBack = (): void => {
    limits.leave();
    held.leave();
  };
  const { recorder } = config;
  recorder.link(context.backend, 'connecting', 1);
  try {
    const settings = context.protocol.settingsFor(login, path);
    const [linked] = await Promise.all([
      dial({ backend: user.backend, login: upstream, database, settings, environment: config.environment, signal }),
      held.catalog.ready(),
    ]);
    recorder.login(context.backend, 'ok');
    record.session('login', user, 'ok');
    return opened({ context, login, user, database, record, upstream, path, linked, held, limits, giveBack });
  } catch (error) {
    giveBack();
    if (!(error instanceof DialError)) throw error;
    record.session('login', user, 'failed', error.code);
    return { refusal: undialled(context, user, error) };
  } finally {
    recorder.link(context.backend, 'connecting', -1);
  }
}

function undialled({ config, backend }: ConnectionContext, user: BoundUser, error: DialError): Refusal {
  const { sqlstate, message, detail, serverSqlstate } = error;
  if (serverSqlstate === WRONG_PASSWORD) config.credentials.refused?.(user.backend, user.user.uid);
  config.recorder.login(backend, 'failed');
  config.recorder.trouble(backend, `dial-${error.code}`, serverSqlstate ?? '');
  return { reason: 'unavailable', sqlstate, message, ...(detail === undefined ? {} : { detail }) };
}

interface Parts {
  readonly context: ConnectionContext;
  readonly login: ClientLogin;
  readonly user: BoundUser;
  readonly database: string;
  readonly record: SessionRecord;
  readonly upstream: UpstreamLogin;
  readonly path: readonly string[];
  readonly linked: Awaited<ReturnType<typeof dial>>;
  readonly held: ReturnType<ConnectionContext['catalogs']['enter']>;
  readonly limits: RelayContext['limits'];
  readonly giveBack: () => void;
}

/** As long as no client may guess it. */
const NONCE_BYTES = 16;

function opened(parts: Parts): Opened {
  const { context, login, user, database, record, linked, held } = parts;
  const { config, protocol, backend } = context;
  const { recorder, environment } = config;
  const nonce = `articdbm_${environment.randomBytes(NONCE_BYTES).toString('hex')}`;
  const endpoint = user.backend.endpoints[0];
  const { socket } = linked;
  const request = ownBytes(protocol.cancelRequest(linked.server));
  const cancelAtServer = async (): Promise<void> => {
    if (endpoint === undefined) return;
    const arrived = await sendCancel({
      endpoint,
      tls: user.backend.tls,
      encrypted: isEncrypted(socket),
      request,
    });
    if (!arrived) recorder.trouble(backend, 'cancel', 'the server did not take a cancel request');
  };
  const { pid } = linked.server;
  const cancels = context.cancels.enter(pid, protocol.cancelKeyBytes(login), cancelAtServer);
  recorder.link(backend, 'leased', 1);
  let closed = false;
  return {
    relay: {
      protocol,
      server: linked.socket,
      user,
      database,
      nonce,
      sessionContext: {
        inspections: context.inspections,
        resolution: held.catalog.resolution(linked.server.major, parts.path),
        statementBytes: config.limits.statementBytes,
        nonce,
        reportsPath: linked.server.parameters.some(([name]) => name === 'search_path'),
        serverUser: parts.upstream.username,
      },
      limits: parts.limits,
      record,
      environment,
      cancelAtServer,
      catalogMoved: () => held.catalog.refreshSoon(),
      trouble: (what, detail) => recorder.trouble(backend, what, detail),
    },
    welcome: protocol.welcome(linked.server, cancels.key),
    fromServer: linked.rest,
    close: () => {
      if (closed) return;
      closed = true;
      cancels.leave();
      recorder.link(backend, 'leased', -1);
      record.session('logout', user, 'ok');
      socket.destroySoon();
      parts.giveBack();
    },
  };
}

/** Kept for the session's life: a small view would keep all of what it is a view of. */
function ownBytes(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}

function databaseOf(login: ClientLogin, backend: SnapshotBackend | undefined): string {
  const { database } = login;
  if (backend === undefined) return database ?? '';
  if (database === undefined || database === DEFAULT_DATABASE) return backend.database;
  return database;
}

/** The schemas that the session starts with; null: unreadable. */
function pathOf(context: ConnectionContext, login: ClientLogin, user: BoundUser): readonly string[] | null {
  const asked = context.protocol.pathOfLogin(login);
  return asked === undefined ? user.backend.searchPath : asked;
}

function whyNot(
  user: BoundUser,
  login: ClientLogin,
  database: string,
  path: readonly string[] | null,
  now: number,
): Refusal | undefined {
  const expired = user.user.expiresAt !== undefined && user.user.expiresAt <= now;
  if (!user.user.enabled || expired) return unknownUser(login);
  if (!mayConnect(user.policy, database, now)) return noDatabase(login.user, database);
  if (path === null || path === user.backend.searchPath) return undefined;
  const requests = path
    .filter((schema) => schema !== 'pg_catalog')
    .map((name) => ({ action: 'usage', resource: { kind: 'schema', database, name } }) as const);
  const decision = evaluate(user.policy, requests, now);
  return decision.outcome === 'deny' ? refusalOf(decision.denial) : undefined;
}

function recordOf(context: ConnectionContext, login: ClientLogin, database: string): SessionRecord {
  const application = login.settings.findLast(([name]) => name === 'application_name')?.[1];
  const { recorder, environment } = context.config;
  return new SessionRecord(recorder, environment, {
    backend: context.backend,
    protocol: context.protocol.name,
    client: context.client,
    session: context.session,
    username: login.user,
    database,
    ...(application === undefined ? {} : { application: printable(application) }),
  });
}

const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, '?').slice(0, 64);

/** One answer to all: who has no password learns nothing of who exists. */
const unknownUser = (login: ClientLogin): Refusal => ({
  reason: 'gone',
  sqlstate: '28P01',
  message: `password authentication failed for user "${login.user}"`,
});

const noDatabase = (user: string, database: string): Refusal => ({
  reason: 'permission',
  sqlstate: '42501',
  message: `permission denied for database "${database}"`,
  hint: `No DbPermission of user "${user}" names this database.`,
});

function noLogin({ whyNone }: UpstreamCredentials, { backend, user }: BoundUser): Refusal {
  const hint = whyNone?.(backend, user);
  const message = 'the proxy has no login for this backend yet';
  return { reason: 'unavailable', sqlstate: '57P03', message, ...(hint === undefined ? {} : { hint }) };
}

/** invalid_password */
const WRONG_PASSWORD = '28P01';

const PATH_UNREADABLE: Refusal = {
  reason: 'setting',
  sqlstate: '22023',
  message: 'invalid value for parameter "search_path"',
};
