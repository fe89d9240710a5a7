import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { run } from './checks.ts';

/** What is built or installed for the drivers lies outside the checkout and is kept by the digest of what it is made of. */
const CACHE = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'articdbm');

/** The Python of a virtual environment with the pinned drivers in it; undefined: none can be had on this machine. */
export async function pythonWithDrivers(): Promise<string | undefined> {
  const requirements = path.join(import.meta.dirname, 'python/requirements.txt');
  const version = await run('python3', ['--version'], {}).catch(() => '');
  if (!version.startsWith('Python 3.')) return undefined;
  const folder = await cached('python', version + (await readFile(requirements, 'utf8')), async (target) => {
    const output = await run('python3', ['-m', 'venv', target], {});
    const python = path.join(target, 'bin/python');
    if (!existsSync(python)) return output;
    const flags = ['--quiet', '--disable-pip-version-check', '--require-hashes', '--only-binary=:all:'];
    const installed = await run(python, ['-m', 'pip', 'install', ...flags, '-r', requirements], {});
    const probe = await run(python, ['-c', 'import psycopg, asyncpg, sqlalchemy; print("there")'], {});
    return probe.includes('there') ? undefined : installed + probe;
  });
  return folder === undefined ? undefined : path.join(folder, 'bin/python');
}

/** The pgx program, built; undefined: no Go on this machine, or its modules can't be fetched. */
export async function pgxProgram(): Promise<string | undefined> {
  const source = path.join(import.meta.dirname, 'go');
  const version = await run('go', ['version'], {}).catch(() => '');
  if (!version.startsWith('go version')) return undefined;
  const files = await Promise.all(
    (await readdir(source)).sort().map((file) => readFile(path.join(source, file), 'utf8')),
  );
  const folder = await cached('pgx', version + files.join('\0'), async (target) => {
    const binary = path.join(target, 'checks');
    const output = await run('go', ['build', '-C', source, '-mod=readonly', '-o', binary, '.'], { CGO_ENABLED: '0' });
    return existsSync(binary) ? undefined : output;
  });
  return folder === undefined ? undefined : path.join(folder, 'checks');
}

/** `make` returns what went wrong, or undefined. A virtual environment can't be moved, so it is made in its place. */
async function cached(
  kind: string,
  ingredients: string,
  make: (folder: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const digest = createHash('sha256').update(ingredients).digest('hex').slice(0, 16);
  const folder = path.join(CACHE, `${kind}-${digest}`);
  const mark = path.join(folder, 'complete');
  if (existsSync(mark)) return folder;
  await mkdir(CACHE, { recursive: true });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const trouble = await make(folder);
  if (trouble !== undefined) {
    console.log(trouble.slice(-2_000));
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
  await rename(await mkdtemp(path.join(CACHE, 'mark-')), mark);
  return folder;
}
