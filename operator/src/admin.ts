import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostToBind } from '#contract/addresses';
import type { Address } from './options.ts';

/** What keeps a replica from being asked, and what is wrong besides. Words of ours, without received values. */
export interface Health {
  readonly missing: readonly string[];
  /** Wrong, and no reason to ask another replica: it would be no better there. */
  readonly troubles: readonly string[];
}

export interface AdminOptions extends Address {
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  readonly health: () => Health;
}

export interface AdminServer extends Address {
  close(): Promise<void>;
}

/**
 * GET /metrics, /healthz (the process answers) and /readyz (200 or 503, then what is missing, a line each). Nothing here
 * changes anything or shows policy. Rejects when the address can't be bound.
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
  const { address, port } = server.address() as AddressInfo;
  return {
    host: address,
    port,
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
const text = (status: number, ...lines: readonly string[]): Answer => ({
  status,
  type: TEXT,
  body: `${lines.join('\n')}\n`,
});

async function answer({ metrics, health }: AdminOptions, request: http.IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET');
  const path = request.url?.split('?', 1)[0];
  if (path === '/metrics') return { status: 200, type: metrics.contentType, body: await metrics.metrics() };
  if (path === '/healthz') return text(200, 'ok');
  if (path !== '/readyz') return text(404, 'there are /metrics, /healthz and /readyz');
  const { missing, troubles } = health();
  if (missing.length > 0) return text(503, ...missing, ...troubles);
  return text(200, 'ok', ...troubles);
}
