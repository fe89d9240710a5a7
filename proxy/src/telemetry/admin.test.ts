import { expect } from 'chai';
import { networkInterfaces } from 'node:os';
import { addressText } from '#contract/addresses';
import { startAdmin } from './admin.ts';
import type { AdminServer } from './admin.ts';

describe('the admin server', () => {
  let server: AdminServer;
  let missing: string | undefined;
  let broken: boolean;

  beforeEach(async () => {
    missing = 'no policy yet';
    broken = false;
    server = await startAdmin({
      host: '127.0.0.1',
      port: 0,
      metrics: {
        contentType: 'text/plain; version=0.0.4',
        metrics: () => (broken ? Promise.reject(new Error('secret')) : Promise.resolve('up 1\n')),
      },
      unready: () => missing,
    });
  });
  afterEach(() => server.close());

  const get = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return [response.status, await response.text()];
  };

  it('is alive before it is ready, and says what is missing', async () => {
    expect(await get('/healthz')).to.deep.equal([200, 'ok\n']);
    expect(await get('/readyz')).to.deep.equal([503, 'no policy yet\n']);
    missing = undefined;
    expect(await get('/readyz')).to.deep.equal([200, 'ok\n']);
  });

  it('serves the metrics, whatever query is put behind', async () => {
    expect(await get('/metrics')).to.deep.equal([200, 'up 1\n']);
    expect(await get('/metrics?x=1')).to.deep.equal([200, 'up 1\n']);
  });

  it('tells nothing of an error inside', async () => {
    broken = true;
    expect(await get('/metrics')).to.deep.equal([500, 'metrics could not be gathered\n']);
  });

  it('changes nothing and knows no other path', async () => {
    expect((await get('/metrics', 'POST'))[0]).to.equal(405);
    expect((await get('/'))[0]).to.equal(404);
  });

  it('answers on IPv4 everywhere, and on IPv6 where the machine has it', async () => {
    const metrics = { contentType: 'text/plain', metrics: () => Promise.resolve('') };
    const everywhere = await startAdmin({ host: '*', port: 0, metrics, unready: () => undefined });
    try {
      const loopbacks = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
      const addresses = loopbacks.filter(({ internal }) => internal).map(({ address }) => address);
      expect(addresses).to.include('127.0.0.1');
      for (const address of addresses) {
        const url = `http://${addressText(address, everywhere.port)}/healthz`;
        expect(await (await fetch(url)).text(), address).to.equal('ok\n');
      }
    } finally {
      await everywhere.close();
    }
  });
});
