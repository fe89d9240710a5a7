import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const READY = join(import.meta.dirname, 'ready.ts');

interface Ended {
  readonly code: number | null;
  readonly printed: string;
}

async function probe(port: number, waitMs: number): Promise<Ended> {
  const env = { ...process.env, ARTICDBM_ADMIN: `0.0.0.0:${String(port)}`, ARTICDBM_READY_WAIT_MS: String(waitMs) };
  const child = spawn(process.execPath, [READY], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, printed };
}

describe("the startup probe's command", () => {
  let server: http.Server;
  let port: number;
  let looks: number;
  let readyAt: number;

  beforeEach(async () => {
    looks = 0;
    readyAt = Infinity;
    server = http.createServer((request, response) => {
      looks++;
      response.statusCode = request.url === '/readyz' && looks >= readyAt ? 200 : 503;
      response.end(response.statusCode === 200 ? 'ok\n' : 'waiting for DatabaseBackend shop/orders\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('looks again by itself until the proxy is ready', async () => {
    readyAt = 4;
    expect(await probe(port, 10_000)).to.eql({ code: 0, printed: 'ok\n' });
    expect(looks).to.equal(4);
  });

  it('says what is waited for when its time is up', async () => {
    expect(await probe(port, 300)).to.eql({ code: 1, printed: 'waiting for DatabaseBackend shop/orders\n' });
  });

  it('says so when nothing answers', async () => {
    server.close();
    const { code, printed } = await probe(port, 0);
    expect(code).to.equal(1);
    expect(printed).to.match(/^the proxy does not answer on port \d+ yet \(ECONNREFUSED\)\n$/);
  });
});
