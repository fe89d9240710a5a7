import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { contentKey, contextFiles } from './content-key.ts';

describe("the key of an image's contents", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'articdbm-key-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };

  it('is made of all files where nothing is left out', () => {
    write('a/b/c', '1');
    write('.hidden', '1');
    expect(contextFiles(folder)).to.include('a/b/c');
  });

  it('is made of what .dockerignore takes in, less what it leaves out again', () => {
    write('.dockerignore', '# all\n*\n!src\n!one.json\n**/*.test.ts\n**/*.md\n');
    for (const file of [
      'src/a.ts',
      'src/deep/b.ts',
      'src/deep/b.test.ts',
      'src/README.md',
      'one.json',
      'two.json',
      'test/c.ts',
    ]) {
      write(file, '1');
    }
    expect(contextFiles(folder)).to.deep.equal(['one.json', 'src/a.ts', 'src/deep/b.ts']);
  });

  it('changes with a file that is taken, its name, and what is said besides, and with nothing else', () => {
    write('.dockerignore', '*\n!src\n');
    write('src/a', '1');
    write('other', '1');
    const known = contentKey(folder, ['x']);
    write('other', '2');
    expect(contentKey(folder, ['x'])).to.equal(known);
    expect(contentKey(folder, ['y'])).not.to.equal(known);
    write('src/a', '2');
    expect(contentKey(folder, ['x'])).not.to.equal(known);
    write('src/a', '1');
    expect(contentKey(folder, ['x'])).to.equal(known);
    write('src/b', '');
    expect(contentKey(folder, ['x'])).not.to.equal(known);
  });
});
