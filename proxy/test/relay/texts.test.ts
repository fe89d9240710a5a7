import { expect } from 'chai';
import * as f from '#test/harness/frontend';
import type { RawClient } from '#test/harness/raw-client';
import { makeScene, type Scene } from './scene.ts';

describe('texts of statements in audit events', () => {
  let scene: Scene;
  let client: RawClient;

  before(async function () {
    scene = await makeScene(this, { backend: { audit: 'statements' } });
  });
  after(() => (scene as Scene | undefined)?.stop());
  beforeEach(async () => {
    scene.reset();
    client = await scene.login();
    scene.proxy.events.splice(0);
  });
  afterEach(() => client.close());

  const texts = (): unknown[] => scene.proxy.events.map(({ kind, statement }) => [kind, statement]);

  it('are there without their constants, refused ones too', async () => {
    await client.query("select text from open where id = 4711 -- it's me\n");
    await client.query('select * from closed where secret = $$ssn$$');
    await client.query("select 'a");
    expect(texts()).to.eql([
      ['statement', 'select text from open where id = $1'],
      ['denial', 'select * from closed where secret = $1'],
      ['denial', undefined],
    ]);
  });

  it('are those of what is prepared, at each execution', async () => {
    client.send(f.parse("select text || E'\\'x' from open where id = $1", { name: 's' }), f.sync());
    await client.readUntilReady();
    for (const id of ['1', '2']) {
      client.send(f.bind({ statement: 's', portal: '', values: [id] }), f.execute(''), f.sync());
      await client.readUntilReady();
    }
    expect(texts()).to.eql([
      ['statement', 'select text || $2 from open where id = $1'],
      ['statement', 'select text || $2 from open where id = $1'],
    ]);
  });

  it('are not there where the level does not ask for them', async () => {
    scene.proxy.apply(scene.snapshot(undefined, { audit: 'access' }));
    await client.query('select text from open where id = 1');
    expect(texts()).to.eql([['statement', undefined]]);
  });
});
