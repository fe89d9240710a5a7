import { expect } from 'chai';
import { firstError, rows } from '#test/harness/raw-client';
import type { TestUser } from '#test/harness/snapshot';
import { makeScene, OWNER, READER, type Scene } from './scene.ts';

const MAY_NOTHING: TestUser = { ...READER, rules: [{ tables: ['nothing'], actions: ['select'] }] };

describe('policy that moves again and again under clients that always ask', () => {
  let scene: Scene;

  before(async function () {
    scene = await makeScene(this);
  });
  after(() => (scene as Scene | undefined)?.stop());

  it('refuses or answers each statement, and ends no session whose statements are short', async () => {
    let may = true;
    const timer = setInterval(() => {
      may = !may;
      scene.proxy.apply(scene.snapshot([may ? READER : MAY_NOTHING, OWNER]));
    }, 150);
    const counts = { answered: 0, refused: 0 };
    const ask = async (): Promise<void> => {
      const client = await scene.login();
      for (const end = Date.now() + 3_000; Date.now() < end;) {
        const reply = await client.query('select id from open where id = 1');
        const error = firstError(reply);
        if (error === undefined) expect(rows(reply)).to.eql([['1']]);
        else expect(error).to.include({ S: 'ERROR', C: '42501' });
        counts[error === undefined ? 'answered' : 'refused']++;
      }
      await client.close();
    };
    try {
      await Promise.all(Array.from({ length: 8 }, ask));
    } finally {
      clearInterval(timer);
    }
    expect(Math.min(counts.answered, counts.refused)).to.be.greaterThan(20);
  });
});
