import { expect } from 'chai';
import { parseFlags } from '../flags.ts';
import { PROXY, runProxy } from '../proxy-command.ts';
import { clusterOptions } from './options.ts';

const REQUIRED = ['--operator=https://articdbm.x.svc:8443', '--operator-ca=/ca', '--mode=sidecar'];
const LISTEN = '--listen=prod/orders=127.0.0.1:15432';

const options = (...argv: string[]): ReturnType<typeof clusterOptions> => clusterOptions(parseFlags(PROXY, argv, {}));

describe('the flags of a proxy in a cluster', () => {
  it('have defaults for what the injector puts into every pod', () => {
    expect(options(...REQUIRED, LISTEN)).to.deep.include({
      tokenFile: '/run/articdbm/token/token',
      state: '/run/articdbm/state',
      refuseAfter: 86_400_000,
      listeners: [{ backend: 'prod/orders', host: '127.0.0.1', port: 15_432 }],
    });
  });

  it('come from variables as well', () => {
    const environment = {
      ARTICDBM_OPERATOR: 'https://o:8443',
      ARTICDBM_OPERATOR_CA: '-----BEGIN CERTIFICATE-----\nAA\n',
      ARTICDBM_MODE: 'gateway',
      ARTICDBM_LISTEN: 'prod/a=0.0.0.0:5432, prod/b=0.0.0.0:5433',
    };
    const { mode, ca, listeners } = clusterOptions(parseFlags(PROXY, [], environment));
    expect([mode, ca, listeners.map(({ port }) => port)]).to.deep.equal([
      'gateway',
      '-----BEGIN CERTIFICATE-----\nAA\n',
      [5432, 5433],
    ]);
  });

  it('a sidecar listens on loopback and nowhere else, for it asks for no passwords', () => {
    for (const address of ['127.0.0.1:1', '[::1]:1'])
      expect(() => options(...REQUIRED, `--listen=a/b=${address}`)).not.to.throw();
    for (const address of [
      '0.0.0.0:1',
      '10.1.2.3:1',
      'localhost:1',
      '127.0.0.2:1',
      '[::]:1',
      '[::ffff:127.0.0.1]:1',
      '[::0:1]:1',
    ]) {
      const listen = `--listen=a/b=${address}`;
      expect(() => options(...REQUIRED, LISTEN, listen), address).to.throw(/which asks for no passwords/);
      expect(() => options(...REQUIRED.slice(0, 2), '--mode=gateway', listen), address).not.to.throw();
    }
  });

  it('are refused with what to write instead', () => {
    for (const url of ['http://o:1', 'https://u:p@o:1', 'https://o:1/path', 'https://o/?x', 'o:8443', '']) {
      expect(() => options(`--operator=${url}`, ...REQUIRED.slice(1), LISTEN), url).to.throw(
        /--operator is a URL such as https:/,
      );
    }
    expect(() => options(...REQUIRED, LISTEN, '--refuse-after=1m')).to.throw('--refuse-after is at least 2m');
    expect(() => options(...REQUIRED, LISTEN, '--logins=x')).to.throw('--logins goes with --policy');
    expect(() => options(...REQUIRED)).to.throw('--listen is missing');
    expect(() => options(...REQUIRED.slice(0, 2), LISTEN)).to.throw('--mode is one of sidecar, gateway');
    expect(() => options(...REQUIRED.slice(0, 1), REQUIRED[2] ?? '', LISTEN)).to.throw('--operator-ca is missing');
  });

  it('and say which of the two ways is meant', async () => {
    const failure = (...argv: string[]): Promise<unknown> =>
      runProxy(parseFlags(PROXY, argv, {})).catch((error: unknown) => (error as Error).message);
    expect(await failure(...REQUIRED, '--policy=x')).to.equal('--operator and --policy exclude each other');
    expect(await failure()).to.equal('--operator or --policy is missing');
  });
});
