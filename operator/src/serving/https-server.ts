import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { hostToBind } from '#contract/addresses';
import { busy, refused, type Answer } from './answers.ts';
import type { Certificates } from './certificates.ts';
import { FairBudget } from './fair-budget.ts';

/** A whole request. */
export interface Received {
  readonly body: Buffer;
  readonly authorization: string | undefined;
  readonly forwarded: boolean;
  /** The peer's address. */
  readonly from: string;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface Route {
  /** For metrics. */
  readonly endpoint: string;
  readonly mostBytes: number;
  readonly handle: (received: Received) => Promise<Answer>;
}

export interface ServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly certificates: Certificates;
  /** By path; all are POST. */
  readonly routes: ReadonlyMap<string, Route>;
  readonly forwardedHeader: string;
  /** After each answer. outcome: a word of ours. */
  readonly answered: (endpoint: string, outcome: string, milliseconds: number) => void;
  /** A bug: the request was answered with 500. */
  readonly onError: (error: unknown) => void;
}

export interface RunningServer {
  readonly address: { readonly host: string; readonly port: number };
  /** Takes no new connections, lets what is under way end for that long, and cuts off the rest. */
  drain(milliseconds: number): Promise<void>;
}

/**
 * Against who connects and says nothing, says it slowly, or too much. The API server's client closes connections after
 * 90 s without use (Go's default), so ours is longer: no webhook call meets a connection that we just closed.
 */
const LIMITS = {
  handshakeTimeout: 5_000,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 100_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
  minVersion: 'TLSv1.2',
} as const;
const SILENT_MS = 30_000;
/** In all, and from one address. One pod needs one; API servers, and nodes that pods are hidden behind, more. */
const CONNECTIONS = { all: 4_096, each: 512 };
/** Bytes of requests that are held at once. A pod has tens of kilobytes, an object three megabytes at most. */
const HELD = { all: 48 * 2 ** 20, each: 16 * 2 ** 20 };

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { certificates, listen } = options;
  const server = https.createServer({ ...LIMITS, ...certificates.served() });
  const exchanges = new Exchanges(options);
  server.on('request', (request, response) => void exchanges.serve(request, response));
  server.setTimeout(SILENT_MS);
  limitConnections(server, options);
  const stopListening = certificates.onChange(() => server.setSecureContext({ ...LIMITS, ...certificates.served() }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, hostToBind(listen.host), () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    address: { host: address, port },
    async drain(milliseconds) {
      exchanges.drain();
      stopListening();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const cut = setTimeout(() => server.closeAllConnections(), milliseconds);
      await closed;
      clearTimeout(cut);
    },
  };
}

function limitConnections(server: https.Server, { answered }: ServerOptions): void {
  const connections = new FairBudget(CONNECTIONS.all, CONNECTIONS.each);
  server.on('connection', (socket) => {
    const from = socket.remoteAddress ?? '';
    if (!connections.take(from, 1)) {
      socket.destroy();
      answered('none', 'TooManyConnections', 0);
      return;
    }
    socket.once('close', () => connections.give(from, 1));
  });
}

class Exchanges {
  readonly #options: ServerOptions;
  readonly #held = new FairBudget(HELD.all, HELD.each);
  #draining = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  drain(): void {
    this.#draining = true;
  }

  /** Never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = performance.now();
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = this.#options.routes.get(path);
    const aborted = new AbortController();
    response.once('close', () => aborted.abort(new Error('nobody waits for the answer')));
    response.on('error', () => aborted.abort(new Error('the answer could not be written')));
    const answer = await this.#answer(request, route, aborted.signal);
    const gone = aborted.signal.aborted;
    if (!gone) this.#send(response, answer);
    const { answered } = this.#options;
    answered(route?.endpoint ?? 'none', gone ? 'Gone' : answer.outcome, performance.now() - started);
  }

  async #answer(request: IncomingMessage, route: Route | undefined, signal: AbortSignal): Promise<Answer> {
    if (route === undefined) return { ...NOT_FOUND, close: true };
    if (request.method !== 'POST') return { ...NOT_ALLOWED, close: true };
    const from = request.socket.remoteAddress ?? '';
    const body = new Body(this.#held, from, route.mostBytes);
    try {
      const refusal = await body.read(request);
      if (refusal !== undefined) return { ...refusal, close: true };
      const { authorization, [this.#options.forwardedHeader]: forwarded } = request.headers;
      return await route.handle({
        ...{ body: body.bytes(), authorization, from, signal },
        forwarded: forwarded !== undefined,
      });
    } catch (error) {
      if (!signal.aborted && request.errored === null) this.#options.onError(error);
      return FAILED;
    } finally {
      body.release();
    }
  }

  #send(response: ServerResponse, { status, body, headers, close }: Answer): void {
    const text = JSON.stringify(body);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      ...headers,
      ...(close === true || this.#draining ? { connection: 'close' } : {}),
    });
    response.end(text);
  }
}

const NOT_FOUND = refused(404, 'NotFound', 'there is nothing at this path');
const NOT_ALLOWED: Answer = { ...refused(405, 'MethodNotAllowed', 'use POST'), headers: { allow: 'POST' } };
const TOO_LARGE = refused(413, 'TooLarge', 'the request is larger than any that has a meaning here');
const TOO_MUCH = busy(503, 'TooMuchAtOnce', 'too many large requests are under way: ask again', 1);
const FAILED = refused(500, 'Failed', "this could not be answered: the operator's log says why");

/** A request's body, as far as it is wanted. */
class Body {
  readonly #budget: FairBudget;
  readonly #from: string;
  readonly #most: number;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(budget: FairBudget, from: string, most: number) {
    this.#budget = budget;
    this.#from = from;
    this.#most = most;
  }

  /** undefined: it is all here. Rejects when the request breaks off. */
  async read(request: IncomingMessage): Promise<Answer | undefined> {
    if (Number(request.headers['content-length'] ?? 0) > this.#most) return TOO_LARGE;
    // What isn't wanted is left unread: ending the stream would end the connection before the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (this.#length + chunk.length > this.#most) return TOO_LARGE;
      if (!this.#budget.take(this.#from, chunk.length)) return TOO_MUCH;
      this.#length += chunk.length;
      this.#chunks.push(chunk);
    }
    return undefined;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks, this.#length);
  }

  release(): void {
    if (this.#length > 0) this.#budget.give(this.#from, this.#length);
    this.#length = 0;
  }
}
