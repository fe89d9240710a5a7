/**
 * `node proxy/test/wire/generate-saslprep.ts` writes contract/snapshot/saslprep-tables.gen.ts: RFC 3454's tables as
 * ranges. They come from @mongodb-js/saslprep, which itself is not loaded by the proxy: it takes 7 MiB.
 */
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const source = path.join(path.dirname(require.resolve('@mongodb-js/saslprep')), 'code-points-src.js');
const tables = require(source) as Readonly<Record<string, ReadonlySet<number>>>;

const NAMES = {
  unassigned_code_points: ['UNASSIGNED', 'A.1: unassigned in Unicode 3.2'],
  commonly_mapped_to_nothing: ['MAPPED_TO_NOTHING', 'B.1'],
  non_ASCII_space_characters: ['SPACES', 'C.1.2'],
  prohibited_characters: ['PROHIBITED', 'C.1.2 and C.2.1 to C.9'],
  bidirectional_r_al: ['RIGHT_TO_LEFT', 'D.1: RandALCat'],
  bidirectional_l: ['LEFT_TO_RIGHT', 'D.2: LCat'],
} as const;

function ranges(points: ReadonlySet<number>): string {
  const sorted = [...points].sort((a, b) => a - b);
  const found: [number, number][] = [];
  for (const point of sorted) {
    const last = found.at(-1);
    if (last?.[1] === point - 1) last[1] = point;
    else found.push([point, point]);
  }
  return found.map(([from, to]) => (from === to ? hex(from) : `${hex(from)}-${hex(to)}`)).join(' ');
}

const hex = (point: number): string => point.toString(16);

const lines = Object.entries(NAMES).map(([table, [name, what]]) => {
  const text = ranges(tables[table] ?? new Set()).replace(/(.{1,100})(?: |$)/g, '  $1\n');
  return `/** ${what}. */\nexport const ${name} = \`\n${text}\`;\n`;
});
const head =
  '// Made by proxy/test/wire/generate-saslprep.ts from RFC 3454. Code points and ranges of them, hexadecimal.\n';
await writeFile(
  new URL('../../../contract/snapshot/saslprep-tables.gen.ts', import.meta.url),
  [head, ...lines].join('\n'),
);
