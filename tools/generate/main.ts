/**
 * Makes everything that follows from crds/ and from the chart's values: types, schemas, the chart's CRDs, the reference
 * pages. `--check` writes nothing and exits with 1 if a file isn't what it should be, naming it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { generateChartCrds, generateChartReference } from './chart.ts';
import { readCrds } from './crd.ts';
import { generateReference } from './reference.ts';
import { generateSchemas } from './schemas.ts';
import { generateTypes } from './types.ts';

const ROOT = join(import.meta.dirname, '../..');

const files = generateAll();
const stale = await Promise.all(files.map(async ([path, text]) => ({ path, text: await formatted(path, text) })));
const wrong = stale.filter(({ path, text }) => !existsSync(path) || readFileSync(path, 'utf8') !== text);

if (process.argv.includes('--check')) {
  for (const { path } of wrong) console.error(`${relative(ROOT, path)} is stale: run node tools/generate/main.ts`);
  if (wrong.length > 0) process.exitCode = 1;
} else {
  for (const { path, text } of wrong) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${relative(ROOT, path)}`);
  }
}

function generateAll(): (readonly [path: string, text: string])[] {
  const crds = readCrds(join(ROOT, 'crds'));
  const chart = join(ROOT, 'charts/articdbm');
  return [
    [join(ROOT, 'contract/resources/types.gen.ts'), generateTypes(crds)],
    [join(ROOT, 'contract/resources/schemas.gen.ts'), generateSchemas(crds)],
    ...crds.map((crd) => [join(ROOT, `docs/reference/${crd.kind.toLowerCase()}.md`), generateReference(crd)] as const),
    ...generateChartCrds(join(ROOT, 'crds'), chart),
    [join(ROOT, 'docs/chart.md'), generateChartReference(chart)],
  ];
}

async function formatted(path: string, text: string): Promise<string> {
  return format(text, { ...(await resolveConfig(path)), filepath: path });
}
