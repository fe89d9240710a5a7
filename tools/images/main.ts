/**
 * Builds images into OCI archives of the cache, each named by its contents, so that what has not changed is not built again.
 * images.sh calls it, and holds the cache's lock.
 * usage: node tools/images/main.ts [--load] [NAME…]     --load: into the running cluster too (e2e/cluster/load.sh)
 */
import { existsSync, globSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { localBase } from './base.ts';
import { ProgramError, buildah, docker, hasDocker, run } from './builder.ts';
import type { Builder } from './builder.ts';
import { BASES, CATALOG } from './catalog.ts';
import type { Image } from './catalog.ts';
import { contentKey } from './content-key.ts';

const root = join(import.meta.dirname, '../..');
/** Layers of former builds make the next one fast, and pile up: past this the store is begun anew. */
const STORE_GIB = 8;
/** Archives of one image that are kept: another branch's may be wanted again. */
const KEPT = 3;

function main(args: readonly string[]): number {
  const cache = process.env.ARTICDBM_IMAGE_CACHE;
  if (cache === undefined) return complain('run tools/images/images.sh: it holds the lock that this needs');
  const names = args.filter((arg) => arg !== '--load');
  const unknown = names.find((name) => CATALOG.every((image) => image.name !== name));
  if (unknown !== undefined) {
    return complain(`no image ${unknown}: ${CATALOG.map((image) => image.name).join(', ')}`);
  }
  process.chdir(root);
  const local = (): string => localBase(cache, root);
  const builder = hasDocker() ? docker : buildah(cache, () => new Map(BASES.map((base) => [base, local()])));
  const chosen = CATALOG.filter((image) => names.length === 0 || names.includes(image.name));
  const brought = chosen.map((image) => bring(image, builder, cache));
  const archives = brought.map(({ archive }) => archive);
  if (brought.some(({ built }) => built)) trimStore(join(cache, 'store'));
  if (args.includes('--load')) run(join(root, 'e2e/cluster/load.sh'), archives);
  process.stdout.write(`${archives.join('\n')}\n`);
  return 0;
}

interface Brought {
  readonly archive: string;
  readonly built: boolean;
}

function bring(image: Image, builder: Builder, cache: string): Brought {
  const program = image.program === undefined ? undefined : run('e2e/cluster/build.sh', [image.program]).trim();
  const context = program === undefined ? image.context : dirname(program);
  const recipe = readFileSync(image.dockerfile, 'utf8');
  const key = contentKey(context, [recipe, image.reference, builder.name]);
  const archive = join(cache, `${image.name}-${key}.tar`);
  const started = performance.now();
  const known = existsSync(archive);
  if (!known) builder.build({ image, context, archive });
  const mib = (statSync(archive).size / 1048576).toFixed(1);
  const how = known ? 'unchanged' : `built in ${((performance.now() - started) / 1000).toFixed(1)} s`;
  process.stderr.write(`${image.name.padEnd(10)}${image.reference.padEnd(34)}${mib.padStart(7)} MiB packed, ${how}\n`);
  removeOld(image.name, cache);
  return { archive, built: !known };
}

function trimStore(store: string): void {
  if (!existsSync(store)) return;
  const [gib = '0'] = run('du', ['-sx', '--block-size=1G', store]).split('\t');
  if (Number(gib) > STORE_GIB) rmSync(store, { recursive: true });
}

function removeOld(name: string, cache: string): void {
  const age = (file: string): number => statSync(file).mtimeMs;
  const archives = globSync(join(cache, `${name}-*.tar`)).sort((a, b) => age(b) - age(a));
  for (const archive of archives.slice(KEPT)) rmSync(archive);
}

function complain(what: string): number {
  process.stderr.write(`${what}\n`);
  return 2;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ProgramError)) throw error;
  process.exitCode = complain(error.message);
}
