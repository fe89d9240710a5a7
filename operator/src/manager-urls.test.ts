import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeptUrl, urlChange } from './manager-urls.ts';
import { readRedisUrl, type UrlSource } from './options-urls.ts';
import { FakeClock } from './runtime/testing.ts';

describe('a file that holds a URL', () => {
  let folder: string;
  let source: UrlSource & { readonly kind: 'file' };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'articdbm-urls-'));
    source = { kind: 'file', flag: 'redis-url-file', file: join(folder, 'url') };
    writeFileSync(source.file, 'redis://:one@redis\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is told of when it says something else, not while it is away', async () => {
    const clock = new FakeClock();
    const told = urlChange([{ source, before: 'redis://:one@redis' }], clock, new AbortController().signal);
    let flag: string | undefined;
    void told.then((what) => (flag = what));
    await clock.advance(20_000);
    rmSync(source.file);
    await clock.advance(20_000);
    expect(flag).to.equal(undefined);
    writeFileSync(source.file, 'redis://:two@redis\n');
    await clock.advance(20_000);
    expect(flag).to.equal('redis-url-file');
  });

  it('is asked for no more once nobody wants to know', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const told = urlChange([{ source, before: '' }], clock, stop.signal);
    stop.abort();
    expect(await told).to.equal(undefined);
    expect(clock.timers).to.equal(0);
  });

  it('is read again after a while; what was read before holds while it can not be', () => {
    let now = 0;
    const kept = new KeptUrl(
      () => readRedisUrl(source),
      () => now,
    );
    writeFileSync(source.file, 'redis://:two@redis');
    expect(kept.current().password).to.equal('one');
    now = 20_000;
    expect(kept.current().password).to.equal('two');
    writeFileSync(source.file, 'nonsense');
    now = 40_000;
    expect(kept.current().password).to.equal('two');
  });
});
