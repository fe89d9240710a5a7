import { statSync } from 'node:fs';
import { UsageError } from '#proxy/flags';
import type { Flags } from '#proxy/flags';

/** The one DIR that a command is given. Throws UsageError unless there is such a folder. */
export function folderArgument({ positionals }: Flags): string {
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw new UsageError('name one folder');
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError(`${folder} is no folder`);
  return folder;
}
