import { expect } from 'chai';
import { parseRedisUrl, redisNames, scopeOfHeadKey } from './redis.ts';

describe('names in Redis', () => {
  it('are one slot per scope', () => {
    const names = redisNames('shop/app');
    expect([names.head, names.proxies, names.channel, names.doc('ab')]).to.deep.equal([
      'articdbm:{shop/app}:head',
      'articdbm:{shop/app}:proxies',
      'articdbm:{shop/app}',
      'articdbm:{shop/app}:doc:ab',
    ]);
    expect(scopeOfHeadKey(names.head)).to.equal('shop/app');
    expect(scopeOfHeadKey(names.proxies)).to.equal(undefined);
  });
});

describe('a Redis URL', () => {
  it('is one server', () => {
    expect(parseRedisUrl('rediss://me:p%40ss@redis.prod:6380/2')).to.deep.equal({
      kind: 'single',
      nodes: [{ host: 'redis.prod', port: 6380 }],
      tls: true,
      database: 2,
      username: 'me',
      password: 'p@ss',
    });
    expect(parseRedisUrl('redis://[::1]')?.nodes).to.deep.equal([{ host: '::1', port: 6379 }]);
  });
  it('is a Cluster, or Sentinels and their master', () => {
    expect(parseRedisUrl('redis+cluster://a:1,b:2')).to.deep.include({ kind: 'cluster', database: 0 });
    expect(parseRedisUrl('redis+sentinel://:pw@a,b:2/main')).to.deep.equal({
      kind: 'sentinel',
      nodes: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 2 },
      ],
      master: 'main',
      tls: false,
      database: 0,
      password: 'pw',
    });
  });
  for (const wrong of ['', 'http://a', 'redis://', 'redis://a,b', 'redis://a:0', 'redis://a:65536', 'redis://a/x']) {
    it(`is not "${wrong}"`, () => expect(parseRedisUrl(wrong)).to.equal(undefined));
  }
  for (const wrong of ['redis+sentinel://a', 'redis+cluster://a/1', 'redis://%zz@a', 'redis://a?x=1']) {
    it(`is not "${wrong}"`, () => expect(parseRedisUrl(wrong)).to.equal(undefined));
  }
});
