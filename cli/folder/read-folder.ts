import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Diagnostic } from './diagnostic.ts';

/** More is a mistake in the folder's name, not policy. */
const MAX_FILES = 1_000;
const MAX_FILE_BYTES = 1 << 20;
const MAX_FOLDER_BYTES = 16 << 20;

export interface SourceFile {
  /** Path for messages. */
  readonly file: string;
  readonly text: string;
  /** Whether every user of this machine may read it. */
  readonly exposed: boolean;
}

export interface FolderText {
  readonly files: readonly SourceFile[];
  readonly problems: readonly Diagnostic[];
  /** Changes when a file does. */
  readonly fingerprint: string;
}

/**
 * The *.yaml, *.yml and *.json of a folder, not of folders in it, in the order of their names. Names that begin with a
 * dot are left out: editors' and Kubernetes' own (a mounted ConfigMap's files are links into `..data`, which is swapped
 * as a whole). Rejects when there is no such folder.
 */
export async function readFolder(folder: string): Promise<FolderText> {
  let before = await folderFingerprint(folder);
  for (let attempt = 0; ; attempt += 1) {
    const read = await readFiles(folder);
    const after = await folderFingerprint(folder);
    // A swap or a write in between would mix old and new.
    if (after === before) return { ...read, fingerprint: after };
    if (attempt === MAX_ATTEMPTS) return { files: [], problems: [restless(folder)], fingerprint: RESTLESS };
    before = after;
  }
}

const MAX_ATTEMPTS = 5;
/** Equal to no fingerprint, so that the folder is read again at the next look. */
const RESTLESS = '\0restless';

const restless = (file: string): Diagnostic => ({
  file,
  severity: 'error',
  message: 'changes faster than it can be read: write files beside it, and move them there',
});

/** Equal as long as no file was added, removed, replaced or written. Rejects when there is no such folder. */
export async function folderFingerprint(folder: string): Promise<string> {
  const names = await listFiles(folder);
  const marks = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name), { bigint: true }).catch(codeOf);
      if (typeof found === 'string') return `${name} ${found}`;
      return `${name} ${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
    }),
  );
  return marks.join('\n');
}

async function listFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => /^[^.].*\.(yaml|yml|json)$/.test(name)).sort();
}

async function readFiles(folder: string): Promise<Omit<FolderText, 'fingerprint'>> {
  const files: SourceFile[] = [];
  const problems: Diagnostic[] = [];
  const names = await listFiles(folder);
  const refuse = (file: string, message: string): void => void problems.push({ file, severity: 'error', message });
  if (names.length > MAX_FILES) refuse(folder, `holds more than ${MAX_FILES} files: is it the right folder?`);
  let left = MAX_FOLDER_BYTES;
  for (const name of names.slice(0, MAX_FILES)) {
    const file = join(folder, name);
    const read = await readText(file);
    if (read === 'directory') continue;
    if ('problem' in read) {
      refuse(file, read.problem);
      continue;
    }
    left -= read.text.length;
    if (left < 0) {
      refuse(folder, `holds more than ${MAX_FOLDER_BYTES >> 20} MiB: split it`);
      break;
    }
    files.push({ file, ...read });
  }
  return { files, problems };
}

type ReadText = Omit<SourceFile, 'file'> | { readonly problem: string } | 'directory';

async function readText(file: string): Promise<ReadText> {
  // Non-blocking: opening a named pipe would wait for its writer.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(codeOf);
  if (typeof handle === 'string') return { problem: `can not be read (${handle}): mend its link or its permissions` };
  try {
    return await readHandle(handle);
  } finally {
    await handle.close();
  }
}

async function readHandle(handle: FileHandle): Promise<ReadText> {
  const found = await handle.stat();
  if (found.isDirectory()) return 'directory';
  if (!found.isFile()) return { problem: 'is no regular file: remove it' };
  const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read) {
    ({ bytesRead: read } = await handle.read(bytes, length, bytes.length - length));
  }
  if (length > MAX_FILE_BYTES) return { problem: `is larger than ${MAX_FILE_BYTES >> 20} MiB: split it` };
  const text = decode(bytes.subarray(0, length));
  if (text === undefined) return { problem: 'is not UTF-8 text: save it as UTF-8' };
  return { text, exposed: (found.mode & 0o004) !== 0 };
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** What the system calls the error: ENOENT, EACCES … */
function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return code;
}
