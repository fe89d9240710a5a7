import type { Command, Flags } from '#proxy/flags';
import { folderArgument } from '../folder/argument.ts';
import { compileFolder } from '../folder/compile-folder.ts';
import { formatDiagnostic } from '../folder/diagnostic.ts';
import { loadFolder } from '../folder/load.ts';
import { createVerifiers } from '../standalone/verifiers.ts';

export const CHECK: Command = {
  usage: 'articdbm check DIR',
  about: `Reads the *.yaml, *.yml and *.json in DIR (not in folders below it) as \`articdbm standalone\` would, and
prints every problem with file, line, column and what to do.

exit code: 0 nothing is wrong (warnings may have been printed), 1 something is, 2 the command line is`,
  flags: [],
};

export async function runCheck(flags: Flags): Promise<number> {
  const folder = folderArgument(flags);
  const loaded = await loadFolder(folder);
  const sound = loaded.diagnostics.every(({ severity }) => severity !== 'error');
  // How resources fit together is told only of resources that are sound: the rest would be noise.
  const found = sound ? compileFolder(loaded, createVerifiers(folder)).diagnostics : [];
  const all = [...loaded.diagnostics, ...found];
  for (const diagnostic of all) process.stdout.write(`${formatDiagnostic(diagnostic)}\n`);
  const errors = all.filter(({ severity }) => severity === 'error').length;
  const warnings = all.length - errors;
  const { backends, users, permissions } = loaded;
  const counts = `${count(backends, 'backend')}, ${count(users, 'user')}, ${count(permissions, 'permission')}`;
  const verdict = warnings === 0 ? 'nothing wrong' : plural(warnings, 'warning');
  process.stderr.write(errors === 0 ? `${folder}: ${counts}, ${verdict}\n` : `${folder}: ${plural(errors, 'error')}\n`);
  return errors === 0 ? 0 : 1;
}

const count = (list: readonly unknown[], what: string): string => plural(list.length, what);
const plural = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
