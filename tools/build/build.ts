/**
 * Compiles contract, proxy and cli to dist/, which bin/articdbm.js prefers to the sources once it is there.
 * usage: node tools/build/build.ts
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (status !== 0) {
  rmSync(dist, { recursive: true }); // half a dist would be preferred to the sources
  process.exit(1);
}

// The nearest package.json decides what #contract/… means: here the compiled files. Test helpers are not compiled.
const { imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly imports: Readonly<Record<string, string>>;
};
const compiled = Object.entries(imports)
  .filter(([name]) => name !== '#test/*')
  .map(([name, target]) => [name, target.replace(/\.ts$/, '.js')] as const);
writeFileSync(
  join(dist, 'package.json'),
  `${JSON.stringify({ type: 'module', imports: Object.fromEntries(compiled) }, null, 2)}\n`,
);
process.stdout.write('dist/ is built: bin/articdbm.js runs it\n');
