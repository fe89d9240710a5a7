#!/usr/bin/env node
// Plain JavaScript that any Node runs: it says what is wrong with an old one before anything newer is loaded.
import { existsSync } from 'node:fs';

const NEEDED = 26;

if (Number(process.versions.node.split('.')[0]) < NEEDED) {
  process.stderr.write(
    `articdbm needs Node ${NEEDED} or later; this is ${process.versions.node} (${process.execPath}).\n` +
      'The packages bring one (in a checkout: `make setup`): put node_modules/.bin first on PATH.\n',
  );
  process.exitCode = 1;
} else {
  const built = new URL('../dist/cli/main.js', import.meta.url);
  await import(existsSync(built) ? built.href : new URL('../cli/main.ts', import.meta.url).href);
}
