import { mock } from 'node:test';
import { expect } from 'chai';
import { testSnapshot } from '#test/harness/snapshot';
import { freePort } from '#test/harness/ports';
import { DatabaseCatalog } from './catalog.ts';

/** Nothing listens there, so that each try to read the names is told as trouble at once. */
async function deafCatalog(monotonic: () => number): Promise<{ catalog: DatabaseCatalog; tries: () => number }> {
  const [backend] = testSnapshot({ host: '127.0.0.1', port: await freePort(), users: [] }).backends;
  if (backend === undefined) throw new Error('no backend');
  let tries = 0;
  const catalog = new DatabaseCatalog({
    backend,
    database: 'postgres',
    login: { username: 'u', password: 'p' },
    environment: { now: () => 0, monotonic, randomBytes: (length) => Buffer.alloc(length, 1) },
    trouble: () => tries++,
  });
  return { catalog, tries: () => tries };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('the names of a database', () => {
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => {
    mock.timers.reset();
  });

  it('are read no more often because clients asked for it while they were being read', async () => {
    let now = 0;
    const { catalog, tries } = await deafCatalog(() => now);
    await catalog.ready();
    const pass = async (seconds: number, meanwhile: () => void): Promise<number> => {
      const before = tries();
      for (let second = 0; second < seconds; second++) {
        now += 1_000;
        mock.timers.tick(1_000);
        meanwhile();
        await turns();
      }
      return tries() - before;
    };
    expect(await pass(20, () => catalog.refreshSoon())).to.be.within(15, 20);
    await pass(5, () => undefined);
    expect(await pass(60, () => undefined), 'in a minute in which nobody asks').to.equal(2);
    catalog.close();
  });
});
