import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostToBind } from '#contract/addresses';

export interface AdminOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** What GET /metrics answers, and its content type. */
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  /** undefined: ready. Else what is still missing, in a few words without received values. */
  unready(): string | undefined;
  /** While ready: what people should know all the same, likewise. */
  warning?(): string | undefined;
}

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * GET /metrics, /healthz (the process answers) and /readyz (503 and the reason until policy is in force and the
 * listeners are open). Nothing here changes anything or shows policy: its readers are probes and scrapers.
 * Rejects when the address can't be bound.
 */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const server = http.createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    answer(options, request).then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(500, { 'content-type': TEXT }).end('metrics could not be gathered\n'),
    );
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, hostToBind(options.host), () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';
const text = (status: number, body: string): Answer => ({ status, type: TEXT, body: `${body}\n` });

async function answer(options: AdminOptions, request: http.IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET');
  const path = request.url?.split('?', 1)[0];
  if (path === '/metrics') {
    return { status: 200, type: options.metrics.contentType, body: await options.metrics.metrics() };
  }
  if (path === '/healthz') return text(200, 'ok');
  if (path !== '/readyz') return text(404, 'there are /metrics, /healthz and /readyz');
  const missing = options.unready();
  if (missing !== undefined) return text(503, missing);
  const warning = options.warning?.();
  return text(200, warning === undefined ? 'ok' : `ok, but ${warning}`);
}
