import { expect } from 'chai';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { watchFolder } from './watch.ts';
import type { FolderWatch } from './watch.ts';

describe('watching a folder', () => {
  let folder: string;
  let watch: FolderWatch | undefined;
  let looks: number;
  let atOnce: number;
  let most: number;
  /** Milliseconds that a look takes. */
  let slow: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'articdbm-watch-'));
    [looks, atOnce, most, slow] = [0, 0, 0, 0];
  });
  afterEach(() => {
    watch?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (): Promise<void> => {
    watch = watchFolder(folder, async () => {
      looks += 1;
      most = Math.max(most, (atOnce += 1));
      await delay(slow);
      atOnce -= 1;
    });
    await delay(100);
  };

  it('looks once at the start, and after a run of writes, not at each', async () => {
    await start();
    expect(looks).to.equal(1);
    for (let part = 0; part < 20; part += 1) {
      writeFileSync(join(folder, 'a.yaml'), 'a'.repeat(part));
      await delay(10);
    }
    await delay(300);
    expect(looks).to.be.within(2, 8); // 2, unless the machine is so busy that the writes come slowly
  });

  it('never looks twice at once, and looks again for what changed meanwhile', async () => {
    slow = 300;
    await start();
    writeFileSync(join(folder, 'a.yaml'), '1');
    await delay(700);
    expect(most).to.equal(1);
    expect(looks).to.be.at.least(2);
  });

  it('sees changes after the folder was replaced by another', async () => {
    await start();
    renameSync(folder, `${folder}.old`);
    mkdirSync(folder);
    await delay(2_300);
    const before = looks;
    writeFileSync(join(folder, 'a.yaml'), '1');
    await delay(300);
    rmSync(`${folder}.old`, { recursive: true });
    expect(looks).to.be.above(before);
  }).timeout(10_000);
});
