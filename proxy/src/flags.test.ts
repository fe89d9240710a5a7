import { expect } from 'chai';
import { UsageError, parseAddress, parseFlags, parseListen, renderHelp } from './flags.ts';
import type { Command } from './flags.ts';

const COMMAND: Command = {
  usage: 'articdbm standalone DIR',
  about: 'Serves a folder.',
  flags: [
    { name: 'listen', value: 'BACKEND=HOST:PORT', help: 'where', many: true },
    { name: 'max-connections', value: 'N', help: 'how many', default: '1000' },
    { name: 'admin', value: 'HOST:PORT', help: 'admin' },
    { name: 'require-tls', value: '', help: 'a switch' },
    { name: 'drain-timeout', value: 'DURATION', help: 'patience', default: '10s' },
  ],
};

describe('flags', () => {
  const parse = (argv: string[], environment: NodeJS.ProcessEnv = {}) => parseFlags(COMMAND, argv, environment);

  it('the flag wins over the variable, which wins over the default', () => {
    expect(parse([]).integer('max-connections', 1, 9999)).to.equal(1000);
    expect(parse([], { ARTICDBM_MAX_CONNECTIONS: '5' }).integer('max-connections', 1, 9999)).to.equal(5);
    expect(
      parse(['--max-connections', '7'], { ARTICDBM_MAX_CONNECTIONS: '5' }).integer('max-connections', 1, 9999),
    ).to.equal(7);
  });

  it('a switch takes no value; its variable is true or false', () => {
    expect(parse([]).on('require-tls')).to.equal(false);
    expect(parse(['--require-tls']).on('require-tls')).to.equal(true);
    expect(parse([], { ARTICDBM_REQUIRE_TLS: 'true' }).on('require-tls')).to.equal(true);
    expect(parse([], { ARTICDBM_REQUIRE_TLS: 'false' }).on('require-tls')).to.equal(false);
    expect(() => parse([], { ARTICDBM_REQUIRE_TLS: 'yes' }).on('require-tls')).to.throw(UsageError, 'true or false');
    expect(() => parse(['--require-tls=no'])).to.throw(UsageError, 'takes none');
    expect(renderHelp(COMMAND)).to.match(/--require-tls {2,}a switch\n/);
  });

  it('several values: the flag again and again, or a variable with commas', () => {
    expect(parse(['--listen', 'a=x:1', '--listen=b=x:2']).all('listen')).to.deep.equal(['a=x:1', 'b=x:2']);
    expect(parse([], { ARTICDBM_LISTEN: 'a=x:1, b=x:2' }).all('listen')).to.deep.equal(['a=x:1', 'b=x:2']);
    expect(() => parse(['--admin', 'x:1', '--admin', 'x:2'])).to.throw(UsageError, 'more than once');
  });

  it('an empty variable counts as none', () =>
    expect(parse([], { ARTICDBM_ADMIN: '' }).get('admin')).to.equal(undefined));

  it('an unknown flag is named, with the one that was meant', () => {
    expect(() => parse(['dir', '--max-conn=3'])).to.throw(
      UsageError,
      'unknown flag --max-conn: did you mean --max-connections?',
    );
    expect(() => parse(['--verbose'])).to.throw(UsageError, /unknown flag --verbose: there are --listen, .*--help/);
  });

  it('a flag without its value is refused', () => {
    expect(() => parse(['--admin'])).to.throw(UsageError, 'lacks its value');
    expect(() => parse(['--admin', '--listen', 'a=x:1'])).to.throw(UsageError, 'lacks its value');
  });

  it('numbers and durations are checked', () => {
    for (const text of ['0', '-1', '1e3', 'x', '', '10000']) {
      expect(() => parse([`--max-connections=${text}`]).integer('max-connections', 1, 9999), text).to.throw(UsageError);
    }
    expect(parse(['--drain-timeout=500ms']).duration('drain-timeout')).to.equal(500);
    expect(parse(['--drain-timeout=2m']).duration('drain-timeout')).to.equal(120_000);
    expect(parse(['--drain-timeout=90d']).duration('drain-timeout')).to.equal(7_776_000_000);
    for (const text of ['5', '5 s', '1w', 'ms']) {
      expect(() => parse([`--drain-timeout=${text}`]).duration('drain-timeout'), text).to.throw(UsageError);
    }
  });

  it('addresses', () => {
    expect(parseAddress('admin', '127.0.0.1:9090')).to.deep.equal({ host: '127.0.0.1', port: 9090 });
    expect(parseAddress('admin', '[::1]:9090')).to.deep.equal({ host: '::1', port: 9090 });
    for (const text of ['9090', ':9090', '::1:9090', 'host:', 'host:99999', 'a b', 'http://h:1']) {
      expect(() => parseAddress('admin', text), text).to.throw(UsageError, '--admin');
    }
    expect(parseListen('shop=localhost:1')).to.deep.equal({ backend: 'default/shop', host: 'localhost', port: 1 });
    expect(parseListen('prod/shop=localhost:1').backend).to.equal('prod/shop');
    for (const text of ['localhost:1', '=localhost:1', 'a/b/c=localhost:1', 'A=localhost:1']) {
      expect(() => parseListen(text), text).to.throw(UsageError, '--listen');
    }
  });

  it('help has every flag, its default, and says that each is a variable', () => {
    const help = renderHelp(COMMAND);
    for (const { name } of COMMAND.flags) expect(help).to.include(`--${name} `);
    expect(help).to.include('default 1000').and.to.include('ARTICDBM_');
  });
});
