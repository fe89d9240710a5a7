import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Image } from './catalog.ts';

export interface BuildRequest {
  readonly image: Image;
  /** Where COPY reads. */
  readonly context: string;
  /** Where the archive is to be; nothing bears the name before it is whole. */
  readonly archive: string;
}

export interface Builder {
  readonly name: 'docker' | 'buildah';
  /** Throws with the program's last words when the build fails. */
  build(request: BuildRequest): void;
}

/** A program that was run here failed; the message has its last lines. */
export class ProgramError extends Error {}

/** Runs a program and gives what it printed; throws a ProgramError. */
export function run(program: string, args: readonly string[], input?: string): string {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, input: input ?? '' });
  if (result.status === 0) return result.stdout;
  const words = [result.stdout, result.stderr].join('\n').trim().split('\n').slice(-15).join('\n');
  throw new ProgramError(`${program} ${args.slice(0, 4).join(' ')} …: ${result.error?.message ?? words}`);
}

/** An empty folder for one step: what a killed run left in it goes. The cache's lock makes it this run's alone. */
export function scratch(cache: string): string {
  const folder = join(cache, 'scratch');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

export function hasDocker(): boolean {
  return spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0;
}

export const docker: Builder = {
  name: 'docker',
  build({ image, context, archive }) {
    run('docker', ['build', '-q', '-t', image.reference, ...fileAndTarget(image), context]);
    run('docker', ['save', '-o', `${archive}.part`, image.reference]);
    renameSync(`${archive}.part`, archive);
  },
};

/** Buildah keeps its layers in the folder store of `cache`; what its FROM lines name comes from `bases` (name to archive) and never from a registry. */
export function buildah(cache: string, bases: () => ReadonlyMap<string, string>): Builder {
  const store = join(cache, 'store');
  // A run's own mount counts: those of a killed run would be believed.
  const call = (runRoot: string, ...args: string[]): string =>
    run('unshare', ['-m', 'buildah', '--root', store, '--runroot', runRoot, '--storage-driver', 'overlay', ...args]);
  return {
    name: 'buildah',
    build({ image, context, archive }) {
      mkdirSync(store, { recursive: true });
      const known = image.base === undefined ? new Map<string, string>() : bases();
      const runRoot = scratch(cache);
      try {
        if (image.base !== undefined) bringBase(image.base, known, (...args) => call(runRoot, ...args));
        const options = ['--isolation', 'chroot', '--pull-never', '--layers', '--format', 'oci'];
        call(runRoot, 'bud', '-q', ...options, '-t', image.reference, ...fileAndTarget(image), context);
        rmSync(`${archive}.part`, { force: true });
        call(runRoot, 'push', '-q', image.reference, `oci-archive:${archive}.part:${image.reference}`);
        renameSync(`${archive}.part`, archive);
      } finally {
        rmSync(runRoot, { recursive: true, force: true });
      }
    },
  };
}

function fileAndTarget(image: Image): string[] {
  return ['-f', image.dockerfile, ...(image.target === undefined ? [] : ['--target', image.target])];
}

/** Makes the store know `name` as the image in its archive. */
function bringBase(
  name: string,
  archives: ReadonlyMap<string, string>,
  buildahCall: (...args: string[]) => string,
): void {
  const archive = archives.get(name);
  if (archive === undefined) throw new Error(`no base ${name} can be made here`);
  const label = `${name}-from-${archive.replace(/.*-([0-9a-f]+)\.tar$/, '$1')}`;
  const known = buildahCall('images', '--format', '{{.Name}}:{{.Tag}}').split('\n');
  if (!known.includes(label)) {
    const id = buildahCall('pull', '-q', `oci-archive:${archive}`).trim();
    buildahCall('tag', id, label);
  }
  buildahCall('tag', label, name);
}
