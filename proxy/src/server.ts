/** The proxy: listeners, what their connections share, and the end of it all. */
import { constants, X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { addressText, hostToBind, plainHost } from '#contract/addresses';
import type { ClientCertificate, ListenerConfig, ProxyConfig } from './config.ts';
import type { ClientTls } from './connection-accept.ts';
import type { ConnectionContext, Shared } from './connection-context.ts';
import { identify, whyNobody } from './connection-identity.ts';
import { Connection } from './connection.ts';
import { tlsServerEndPoint } from './crypto/channel-binding.ts';
import { createSqlParser } from './parser/parser.ts';
import type { ParserCounts } from './parser/parser.ts';
import { PROTOCOLS } from './protocols/index.ts';
import type { Protocol } from './protocols/protocol.ts';
import type { Refusal } from './protocols/refusal.ts';
import { InspectionCache } from './relay-inspections.ts';
import { Limits } from './relay-limits.ts';
import { SessionRecord } from './relay-record.ts';
import { PolicyDirectory } from './snapshot/directory.ts';
import { CancelRegistry } from './upstream/cancel-registry.ts';
import { Catalogs } from './upstream/catalog.ts';
import { Overseer } from './server-oversight.ts';

/** Ports as bound. */
export type ListeningAddress = ListenerConfig;

export interface RunningProxy {
  readonly addresses: readonly ListeningAddress[];
  /** Opens one more listener, for a backend that came later. Rejects when its address can't be bound. */
  listen(listener: ListenerConfig): Promise<ListeningAddress>;
  /** Serves another certificate from the next connection on. Throws when it is none. */
  replaceClientTls(certificate: ClientCertificate): void;
  /** For metrics. */
  parserCounts(): ParserCounts;
  /** Accepts nobody any more, lets what is in flight end within so many milliseconds, then ends everything. */
  drain(milliseconds: number): Promise<void>;
}

/** Of one process; printable, for SCRAM. */
const NONCE_BYTES = 18;
const SECRET_BYTES = 32;

export async function startProxy(config: ProxyConfig): Promise<RunningProxy> {
  const proxy = new Proxy(config);
  try {
    for (const listener of config.listeners) await proxy.listen(listener);
  } catch (error) {
    await proxy.drain(0);
    throw error;
  }
  return proxy;
}

class Proxy implements RunningProxy {
  readonly #config: ProxyConfig;
  readonly #shared: Shared;
  readonly #parser: ReturnType<typeof createSqlParser>;
  readonly #servers: net.Server[] = [];
  readonly #overseer: Overseer;
  readonly #mockSecret: () => Buffer;
  #tls: ClientTls | undefined;
  readonly addresses: ListeningAddress[] = [];
  #sessions = 0;

  constructor(config: ProxyConfig) {
    const { environment } = config;
    this.#config = config;
    this.#parser = createSqlParser({ statementBytes: config.limits.statementBytes });
    const chance = environment.randomBytes(SECRET_BYTES);
    this.#mockSecret = config.mockSecret ?? (() => chance);
    this.#tls = config.clientTls === undefined ? undefined : clientTls(config.clientTls);
    const directory = new PolicyDirectory(config.snapshots, config.serves);
    this.#shared = {
      config,
      directory,
      inspections: new InspectionCache(this.#parser, config.limits.cacheBytes),
      limits: new Limits(),
      catalogs: new Catalogs(environment, (backend, what, detail) => {
        config.recorder.trouble(backend, what, detail);
      }),
      cancels: new CancelRegistry((length) => environment.randomBytes(length)),
    };
    this.#overseer = new Overseer(config, directory);
  }

  async listen(listener: ListenerConfig): Promise<ListeningAddress> {
    if (this.#config.identity !== 'pod') return this.#open(listener);
    if (!isLoopback(listener.host)) throw new Error('without passwords only loopback is listened on');
    const address = await this.#open(listener);
    // Clients that are told `localhost` may try either; where IPv6 is switched off nobody can.
    if (listener.host === LOOPBACK.four) {
      await this.#open({ ...listener, host: LOOPBACK.six, port: address.port }).catch(unlessAbsent);
    }
    return address;
  }

  async #open(listener: ListenerConfig): Promise<ListeningAddress> {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: false, noDelay: true }, (socket) =>
      this.#accept(listener, socket),
    );
    const address = { backend: listener.backend, ...(await bound(server, listener)) };
    this.#servers.push(server);
    this.addresses.push(address);
    return address;
  }

  #accept(listener: ListenerConfig, socket: net.Socket): void {
    const { recorder, limits } = this.#config;
    const { backend } = listener;
    const context = this.#contextOf(listener, socket);
    if (this.#overseer.count >= limits.connections) {
      context.loginRefused('limit');
      socket.on('error', ignore);
      socket.resume();
      socket.end(context.protocol.farewell(TOO_MANY));
      setTimeout(() => socket.destroy(), 1_000).unref();
      return;
    }
    recorder.connection(backend, 1);
    const connection = new Connection(context, socket);
    this.#overseer.enter(connection);
    void connection.run().then(() => {
      this.#overseer.leave(connection);
      recorder.connection(backend, -1);
    });
  }

  #contextOf({ backend }: ListenerConfig, socket: net.Socket): ConnectionContext {
    const { environment, limits, recorder } = this.#config;
    const protocol = this.#protocolOf(backend);
    const session = ++this.#sessions;
    const client = addressText(plainHost(socket.remoteAddress ?? '?'), socket.remotePort ?? 0);
    const channel = this.#tls; // of this connection, whatever certificate comes meanwhile
    let username: string | undefined;
    return {
      ...this.#shared,
      tls: channel,
      protocol,
      backend,
      session,
      client,
      clientLogin: limits.clientLogin,
      startAccept: () =>
        protocol.startAccept({
          tlsAvailable: channel !== undefined,
          requireTls: this.#config.requireTls === true,
          nonce: environment.randomBytes(NONCE_BYTES).toString('base64'),
          mockSecret: this.#mockSecret(),
        }),
      identify: (name) => {
        username = name;
        const mode = this.#config.identity ?? 'password';
        return identify(this.#shared.directory, { mode, backend, name, now: environment.now() });
      },
      loginRefused: (reason) => {
        recorder.login(backend, 'refused');
        recorder.trouble(backend, 'login-refused', reason);
        const who = username === undefined ? {} : { username };
        const record = new SessionRecord(recorder, environment, {
          ...{ backend, protocol: protocol.name, client, session },
          ...who,
        });
        const user = username === undefined ? undefined : this.#shared.directory.byName(backend, username);
        const why = reason === 'password' ? whyNobody(user?.user, environment.now()) : reason;
        record.refusedLogin(
          { user, backend: this.#shared.directory.backend(backend), revision: this.#shared.directory.revision },
          why,
        );
      },
      opened: (relay) => this.#overseer.opened(relay),
      trouble: (what, detail) => recorder.trouble(backend, what, detail),
    };
  }

  #protocolOf(backend: string): Protocol {
    return PROTOCOLS[this.#shared.directory.backend(backend)?.protocol ?? 'postgresql'];
  }

  replaceClientTls(certificate: ClientCertificate): void {
    this.#tls = clientTls(certificate);
  }

  parserCounts(): ParserCounts {
    return this.#parser.counts();
  }

  async drain(milliseconds: number): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    await this.#overseer.drain(milliseconds);
    await Promise.all(closed);
    this.#shared.catalogs.close();
    await this.#parser.close();
  }
}

const LOOPBACK = { four: '127.0.0.1', six: '::1' } as const;

export const isLoopback = (host: string): boolean => host === LOOPBACK.four || host === LOOPBACK.six;

function unlessAbsent(error: unknown): void {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EADDRNOTAVAIL' && code !== 'EAFNOSUPPORT') throw error;
}

function bound(server: net.Server, { host, port }: ListenerConfig): Promise<{ host: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostToBind(host), () => {
      server.removeListener('error', reject);
      const address = server.address();
      resolve({ host, port: address !== null && typeof address === 'object' ? address.port : port });
    });
  });
}

function clientTls({ cert, key }: ClientCertificate): ClientTls {
  // As PostgreSQL: a client could have us do one handshake after another.
  const secureOptions = constants.SSL_OP_NO_RENEGOTIATION;
  const context = tls.createSecureContext({ cert, key, minVersion: 'TLSv1.2', secureOptions });
  return { context, alpn: PROTOCOLS.postgresql.alpn, serverEndPoint: tlsServerEndPoint(new X509Certificate(cert).raw) };
}

const TOO_MANY: Refusal = { reason: 'limit', sqlstate: '53300', message: 'sorry, too many clients already' };

const ignore = (): void => undefined;
