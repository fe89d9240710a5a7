/**
 * Makes the whole command as a bundle, for the operator's image: articdbm.js, and beside it the parts that it loads when a
 * command needs them, so that `articdbm operator` takes no memory for the others. Nothing is left to node_modules.
 * usage: node tools/build/bundle-operator.ts [FOLDER]
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');
const out = resolve(process.argv[2] ?? join(root, 'dist-bundle/operator'));

/** CommonJS packages look for these; an ES module has none of them. */
const BANNER = `import {createRequire as articdbmRequire} from 'node:module';
const require=articdbmRequire(import.meta.url),__filename=import.meta.filename,__dirname=import.meta.dirname;`;

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { articdbm: 'cli/main.ts' },
  outdir: out,
  bundle: true,
  splitting: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  banner: { js: BANNER },
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
});
writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n');
const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
const files = Object.keys(metafile.outputs).length;
process.stdout.write(`${out}: articdbm.js and its parts, ${files} files, ${Math.ceil(bytes / 1024)} KiB\n`);
