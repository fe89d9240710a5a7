/**
 * Makes dist-bundle/: `articdbm proxy` as two small files and the grammars, and its startup probe, which is all that a
 * sidecar's image needs besides Node.
 * usage: node tools/build/bundle.ts [FOLDER]
 */
import { copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '../..');
const out = resolve(process.argv[2] ?? join(root, 'dist-bundle'));
const MAJORS = [15, 16, 17, 18];

/** What must not be in it: each costs memory in every pod, and none is needed to judge a statement. */
const FORBIDDEN = /node_modules\/(yaml|ajv|ajv-formats|@marcbachmann\/cel-js|@kubernetes\/client-node|pg|typescript)\//;

/** CommonJS packages look for these; an ES module has none of them. */
const BANNER = `import {createRequire as articdbmRequire} from 'node:module';
const require=articdbmRequire(import.meta.url),__filename=import.meta.filename,__dirname=import.meta.dirname;`;

/** zod's messages in fifty languages, none of which is ever shown: a quarter of the bundle. */
const ONE_LANGUAGE: Plugin = {
  name: 'one-language',
  setup: (bundle) => {
    bundle.onLoad({ filter: /node_modules\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

if (process.argv[2] === undefined) rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { 'articdbm-proxy': 'proxy/src/main.ts', worker: 'proxy/src/parser/worker.ts' },
  outdir: out,
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  banner: { js: BANNER },
  legalComments: 'linked',
  metafile: true,
  plugins: [ONE_LANGUAGE],
  logLevel: 'warning',
});
await build({
  absWorkingDir: root,
  entryPoints: { ready: 'proxy/src/ready.ts' },
  outdir: out,
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  logLevel: 'warning',
});
const intruders = Object.keys(metafile.inputs).filter((input) => FORBIDDEN.test(input));
if (intruders.length > 0) {
  process.stderr.write(`these have no place in the bundle:\n  ${intruders.join('\n  ')}\n`);
  process.exit(1);
}
writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n');
const require = createRequire(import.meta.url);
for (const major of MAJORS) {
  copyFileSync(require.resolve(`pg-query-${major}/wasm/libpg-query.wasm`), join(out, `pg-query-${major}.wasm`));
}
const kib = (file: string): string => `${Math.ceil(statSync(join(out, file)).size / 1024)} KiB`;
process.stdout.write(
  `${out}: articdbm-proxy.js ${kib('articdbm-proxy.js')}, worker.js ${kib('worker.js')}, ready.js ${kib('ready.js')}, ${MAJORS.length} grammars\n`,
);
