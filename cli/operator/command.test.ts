import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError, parseFlags, renderHelp } from '#proxy/flags';
import { OPERATOR, operatorOptions } from './command.ts';

describe('the flags of articdbm operator', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'articdbm-operator-'))));
  after(() => rmSync(folder, { recursive: true }));

  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const GOOD: Readonly<Record<string, string>> = {
    'store-url': 'postgres://articdbm@db:5432/articdbm',
    'redis-url': 'redis://redis:6379',
    'proxy-redis-url': 'redis://redis:6379',
    'proxy-image': 'example.com/articdbm-proxy:1',
  };
  const parsed = (change: Readonly<Record<string, string | undefined>> = {}, environment: NodeJS.ProcessEnv = {}) => {
    const flags = Object.entries({ ...GOOD, ...change }).filter(([, value]) => value !== undefined);
    const argv = flags.map(([name, value]) => `--${name}=${String(value)}`);
    return operatorOptions(parseFlags(OPERATOR, argv, environment));
  };

  it('that are needed are enough', () => {
    const options = parsed();
    expect(options.listen).to.deep.equal({ host: '*', port: 8443 });
    expect(options.admin).to.deep.equal({ host: '*', port: 9090 });
    expect(options.rotateKeysEvery).to.equal(90 * 86_400_000);
    expect(options.identity).to.equal(hostname());
    expect(options.watchNamespaces).to.deep.equal([]);
    expect(options.serviceHost).to.equal(undefined);
    expect(options.sidecar).to.deep.equal({
      image: GOOD['proxy-image'],
      imagePullPolicy: 'IfNotPresent',
      logLevel: 'warn',
      refuseAfter: '24h',
      resources: { requests: { cpu: '10m', memory: '96Mi' }, limits: { memory: '256Mi' } },
    });
  });

  it('say what is put into pods', () => {
    const options = parsed({
      'proxy-pull-policy': 'Always',
      'proxy-log-level': 'debug',
      'proxy-refuse-after': '90m',
      'proxy-requests': 'cpu=0.1,memory=1Gi',
      'proxy-limits': '',
    });
    expect(options.sidecar).to.deep.equal({
      image: GOOD['proxy-image'],
      imagePullPolicy: 'Always',
      logLevel: 'debug',
      refuseAfter: '90m',
      resources: { requests: { cpu: '0.1', memory: '1Gi' }, limits: {} },
    });
  });

  it('may be variables, and name files', () => {
    const url = file('redis', 'rediss://operator:pass%20word@redis:6380/1\n');
    const options = parsed(
      { 'redis-url': undefined, 'redis-url-file': url },
      { ARTICDBM_WATCH_NAMESPACES: 'shop, prod', ARTICDBM_SERVICE_HOST: 'localhost' },
    );
    expect(options.redisUrl).to.deep.equal({ kind: 'file', flag: 'redis-url-file', file: url });
    expect(options.watchNamespaces).to.deep.equal(['shop', 'prod']);
    expect(options.serviceHost).to.equal('localhost');
  });

  const withPassword: readonly (readonly [string, string])[] = [
    ['store-url', 'postgres://articdbm:hunter2@db/articdbm'],
    ['store-url', 'postgres://db/articdbm?user=articdbm&password=hunter2'],
    ['redis-url', 'redis://:hunter2@redis'],
    ['redis-url', 'redis+cluster://operator:hunter2@a:1,b:2'],
    ['proxy-redis-url', 'rediss+sentinel://proxy:hunter2@a:26379,b:26379/main'],
  ];
  for (const [flag, url] of withPassword) {
    it(`--${flag}=${url.replace('hunter2', '…')}: a password where others read it is refused, and not repeated`, () => {
      const refused = (run: () => unknown): void => {
        expect(run)
          .to.throw(UsageError, `give --${flag}-file`)
          .with.property('message')
          .that.does.not.include('hunter2');
      };
      refused(() => parsed({ [flag]: url }));
      refused(() => parsed({ [flag]: undefined }, { [`ARTICDBM_${flag.toUpperCase().replaceAll('-', '_')}`]: url }));
    });
  }

  it('that can not be are said to be so, without what they hold', () => {
    const wrong: readonly (readonly [Readonly<Record<string, string | undefined>>, string])[] = [
      [{ 'proxy-image': undefined }, '--proxy-image is missing'],
      [{ 'proxy-image': 'a b' }, '--proxy-image is the name of an image'],
      [{ 'redis-url': undefined }, '--redis-url-file is missing (or --redis-url, if it has no password)'],
      [{ 'redis-url-file': '/nowhere' }, '--redis-url and --redis-url-file: give one of them'],
      [{ 'redis-url': undefined, 'redis-url-file': '/nowhere' }, '/nowhere can not be read (ENOENT)'],
      [{ 'redis-url': undefined, 'redis-url-file': file('empty', '\n') }, 'is empty'],
      [{ 'redis-url': undefined, 'redis-url-file': file('two', 'redis://a\nredis://hunter2\n') }, 'one URL'],
      [{ 'redis-url': 'http://redis' }, '--redis-url: it is no Redis URL'],
      [{ 'store-url': undefined, 'store-url-file': file('mysql', 'mysql://u:hunter2@db') }, 'no PostgreSQL URL'],
      [{ 'rotate-keys-every': '90' }, '--rotate-keys-every is a duration'],
      [{ 'rotate-keys-every': '1h' }, '--rotate-keys-every is at least 48h'],
      [{ 'watch-namespaces': 'Shop' }, '--watch-namespaces is the name of a namespace'],
      [{ advertise: '0.0.0.0:8443' }, '--advertise is an address that other replicas can connect to'],
      [{ advertise: '*:8443' }, '--advertise is an address that other replicas can connect to'],
      [{ 'service-host': 'https://articdbm' }, '--service-host is a DNS name'],
      [{ listen: '8443' }, '--listen is HOST:PORT'],
      [{ identity: 'a_b' }, '--identity is up to 128'],
      [{ 'log-level': 'loud' }, '--log-level is one of'],
      [{ 'proxy-pull-policy': 'Sometimes' }, '--proxy-pull-policy is one of Always, IfNotPresent, Never'],
      [{ 'proxy-log-level': 'loud' }, '--proxy-log-level is one of'],
      [{ 'proxy-refuse-after': '1 day' }, '--proxy-refuse-after is a duration'],
      [{ 'proxy-refuse-after': '119s' }, '--proxy-refuse-after is at least 2m'],
      [{ 'proxy-requests': 'cpu=hunter2' }, '--proxy-requests: the quantity of cpu is written as Kubernetes does'],
      [{ 'proxy-limits': 'memory=96MB' }, '--proxy-limits: the quantity of memory'],
      [{ 'proxy-limits': 'hunter2/gpu=1' }, '--proxy-limits: resources are cpu, memory, ephemeral-storage'],
      [{ 'proxy-requests': 'memory=257Mi' }, '--proxy-requests asks for more memory than --proxy-limits allows'],
    ];
    for (const [change, message] of wrong) {
      expect(() => parsed(change), JSON.stringify(change))
        .to.throw(UsageError, message)
        .with.property('message')
        .that.does.not.include('hunter2');
    }
  });

  it('are each told by --help, with their variables', () => {
    const help = renderHelp(OPERATOR);
    for (const { name } of OPERATOR.flags) expect(help).to.include(`--${name} `);
    expect(help).to.include('ARTICDBM_').and.to.include('exit code:');
  });
});
