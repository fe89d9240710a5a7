import { expect } from 'chai';
import { startAdmin, type AdminServer, type Health } from './admin.ts';

describe("the operator's admin port", () => {
  let server: AdminServer;
  let health: Health = { missing: [], troubles: [] };
  before(async () => {
    const metrics = { contentType: 'text/plain; version=0.0.4', metrics: () => Promise.resolve('articdbm_x 1\n') };
    server = await startAdmin({ host: '127.0.0.1', port: 0, metrics, health: () => health });
  });
  after(() => server.close());

  const get = async (path: string, method = 'GET'): Promise<readonly [number, string]> => {
    const response = await fetch(`http://127.0.0.1:${String(server.port)}${path}`, { method });
    return [response.status, await response.text()];
  };

  it('/readyz names all that is missing, and what is wrong besides', async () => {
    health = { missing: ['dbusers are not listed yet'], troubles: ['Redis is away'] };
    expect(await get('/readyz')).to.deep.equal([503, 'dbusers are not listed yet\nRedis is away\n']);
    health = { missing: [], troubles: ['Redis is away'] };
    expect(await get('/readyz')).to.deep.equal([200, 'ok\nRedis is away\n']);
    health = { missing: [], troubles: [] };
    expect(await get('/readyz')).to.deep.equal([200, 'ok\n']);
  });

  it('/healthz is ok whatever is missing', async () => {
    health = { missing: ['all'], troubles: [] };
    expect(await get('/healthz')).to.deep.equal([200, 'ok\n']);
  });

  it('serves metrics, nothing else, and only to be read', async () => {
    expect(await get('/metrics')).to.deep.equal([200, 'articdbm_x 1\n']);
    expect((await get('/'))[0]).to.equal(404);
    expect((await get('/healthz', 'POST'))[0]).to.equal(405);
  });
});
