import { expect } from 'chai';
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { compileFolder } from '#cli/folder/compile-folder';
import { formatDiagnostic } from '#cli/folder/diagnostic';
import { loadFolder } from '#cli/folder/load';

/** What the documents promise, held against the code: their YAML, and the SQLSTATEs that they explain. */

const ROOT = join(import.meta.dirname, '../../..');
const DOCS = join(ROOT, 'docs');
const EXAMPLE = join(DOCS, 'examples/shop');
const pages = readdirSync(DOCS).filter((name) => name.endsWith('.md'));

const read = (page: string): string => readFileSync(join(DOCS, page), 'utf8');

/** The fenced blocks of a page that are resources of ours, with the line that each begins in. */
function yamlBlocks(text: string): { readonly line: number; readonly yaml: string }[] {
  return [...text.matchAll(/^```yaml\n([^]*?)^```$/gm)]
    .map((match) => ({ line: text.slice(0, match.index).split('\n').length + 1, yaml: match[1] ?? '' }))
    .filter(({ yaml }) => yaml.includes('apiVersion: articdbm.io/'));
}

describe('YAML in the documents', () => {
  let folder: string;

  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'articdbm-docs-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** What `articdbm check` says of it. */
  async function problemsOf(place: string): Promise<string[]> {
    const loaded = await loadFolder(place);
    const broken = loaded.diagnostics.some(({ severity }) => severity === 'error');
    const fitted = broken ? [] : compileFolder(loaded, () => 'SCRAM-SHA-256$4096:AAAA$AAAA:AAAA').diagnostics;
    return [...loaded.diagnostics, ...fitted].map((each) => formatDiagnostic(each).replace(`${place}/`, ''));
  }

  for (const page of pages) {
    const blocks = yamlBlocks(read(page));
    if (blocks.length === 0) continue;
    it(`${page}: all of it, beside the example's backend and users, passes articdbm check without a warning`, async () => {
      const place = join(folder, basename(page, '.md'));
      mkdirSync(place);
      for (const name of ['backend.yaml', 'users.yaml']) copyFileSync(join(EXAMPLE, name), join(place, name));
      // A file's line is the page's: the block stands where it stands there.
      for (const { line, yaml } of blocks) {
        writeFileSync(join(place, `line-${String(line)}.yaml`), `${'\n'.repeat(line - 1)}${yaml}`);
      }
      expect(await problemsOf(place)).to.eql([]);
    });
  }

  it('would be found wrong if it were', async () => {
    for (const name of ['backend.yaml', 'users.yaml']) copyFileSync(join(EXAMPLE, name), join(folder, name));
    const [block] = yamlBlocks(read('permissions.md'));
    writeFileSync(join(folder, 'permission.yaml'), (block?.yaml ?? '').replace('actions:', 'action:'));
    expect((await problemsOf(folder)).join('\n')).to.match(/unknown field action: did you mean actions\?/);
  });
});

describe('SQLSTATEs in docs/errors.md', () => {
  /** Codes that sources only read in what a server says, and never send under that code. */
  const ONLY_READ: ReadonlySet<string> = new Set(['42883', '42P03', '42P05', '57P02']);
  const CODE = /'([0-9][0-9A-Z]{4}|XX000)'/g;
  const sources = globSync('{proxy/src,contract,cli}/**/*.ts', {
    cwd: ROOT,
    exclude: (name) => name.endsWith('.test.ts') || name.includes('bench'),
  });
  const raised = new Set(
    sources
      .flatMap((file) => [...readFileSync(join(ROOT, file), 'utf8').matchAll(CODE)])
      .map((match) => match[1] ?? '')
      .filter((code) => !ONLY_READ.has(code) && /[1-9A-Z]/.test(code)),
  );
  const explained = new Set(
    [...read('errors.md').matchAll(/^\|([^|]*)\|/gm)].flatMap(
      ([, cell = '']) => cell.match(/(?<=`)[0-9A-Z]{5}(?=`)/g) ?? [],
    ),
  );

  it('are all raised somewhere', () => {
    expect(explained.size).to.be.greaterThan(10);
    expect([...explained].filter((code) => !raised.has(code))).to.eql([]);
  });

  it('are all that are raised', () => {
    expect([...raised].filter((code) => !explained.has(code)).sort()).to.eql([]);
  });
});
