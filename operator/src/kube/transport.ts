import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https, { type RequestOptions } from 'node:https';
import type { ClusterAccess } from './config.ts';

export interface Sent {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body?: string | undefined;
  readonly contentType?: string | undefined;
  readonly signal: AbortSignal;
  /** On a connection of its own, as watches are. */
  readonly alone?: boolean;
}

const MOST_CONNECTIONS = 16;
/** A peer that is gone without a word is found by TCP within about this long and its retries. */
const KEEP_ALIVE_MS = 15_000;

/** Connections to one API server: kept and shared for requests, one of its own for each watch. */
export class Transport {
  readonly #access: ClusterAccess;
  readonly #shared: http.Agent;
  readonly #single: http.Agent;

  constructor(access: ClusterAccess) {
    this.#access = access;
    const Agent = access.server.protocol === 'https:' ? https.Agent : http.Agent;
    this.#shared = new Agent({ keepAlive: true, maxSockets: MOST_CONNECTIONS, scheduling: 'lifo' });
    this.#single = new Agent({ keepAlive: false });
  }

  /** The answer's head has come; its body is to be read or destroyed. */
  async send(sent: Sent): Promise<{ readonly response: IncomingMessage; readonly reused: boolean }> {
    const { request: make } = this.#access.server.protocol === 'https:' ? https : http;
    const request = make(await this.#options(sent));
    request.once('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    try {
      request.end(sent.body);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return { response, reused: request.reusedSocket };
    } catch (error) {
      throw new SendError(error, request.reusedSocket);
    }
  }

  close(): void {
    this.#shared.destroy();
    this.#single.destroy();
  }

  async #options({ method, path, body, contentType, signal, alone = false }: Sent): Promise<RequestOptions> {
    const { server, proxied } = this.#access;
    const credentials = await this.#access.credentials();
    const headers = {
      ...(credentials.headers as http.OutgoingHttpHeaders),
      Accept: 'application/json',
      'User-Agent': 'articdbm-operator',
      ...(body === undefined
        ? {}
        : { 'Content-Type': contentType ?? 'application/json', 'Content-Length': Buffer.byteLength(body) }),
    };
    const own = { agent: alone ? this.#single : this.#shared };
    const prefix = server.pathname.replace(/\/$/, '');
    const { hostname, port, protocol } = server;
    const to = { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port, path: prefix + path };
    return { ...credentials, ...(proxied ? {} : own), ...to, method, headers, signal };
  }
}

export class SendError extends Error {
  /** It went out on a kept connection, which the server may just have closed. */
  readonly reused: boolean;
  constructor(cause: unknown, reused: boolean) {
    super('no answer', { cause });
    this.reused = reused;
  }
}
