import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from './builder.ts';

const RELEASE = 'bookworm';
const PACKAGES = 'ca-certificates,libatomic1,libstdc++6';

/**
 * Where no image can be pulled: an archive of a Debian made by debootstrap, with this checkout's Node and this machine's npm
 * and npm settings added, to stand for the public bases. Made anew each month, as Debian mends its packages.
 */
export function localBase(cache: string, root: string): string {
  const node = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
  const npm = dirname(dirname(realpathSync(run('sh', ['-c', 'command -v npm']).trim())));
  const version = (JSON.parse(readFileSync(join(npm, 'package.json'), 'utf8')) as { readonly version: string }).version;
  const month = new Date().toISOString().slice(0, 7);
  const key = createHash('sha256').update([RELEASE, PACKAGES, process.version, version, month].join()).digest('hex');
  const archive = join(cache, `base-${key.slice(0, 16)}.tar`);
  if (existsSync(archive)) return archive;
  process.stderr.write('making a base image by debootstrap, once a month on this machine\n');
  const folder = mkdtempSync(join(tmpdir(), 'articdbm-base-'));
  try {
    const tree = join(folder, 'root');
    run('debootstrap', ['--variant=minbase', `--include=${PACKAGES}`, RELEASE, tree]);
    rmSync(join(tree, 'var/cache/apt/archives'), { recursive: true, force: true });
    addNode(tree, node, npm);
    writeArchive(folder, tree, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return archive;
}

function addNode(tree: string, node: string, npm: string): void {
  const prefix = join(tree, 'usr/local');
  cpSync(node, join(prefix, 'bin/node'));
  cpSync(npm, join(prefix, 'lib/node_modules/npm'), { recursive: true, dereference: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(prefix, 'bin/npm'));
  // This machine's registry, and what it trusts, for the build alone: beside the base's own certificates, not among them.
  const setting = (name: string): string => run('npm', ['config', 'get', name]).trim();
  const lines = [`registry=${setting('registry')}`];
  const authorities = setting('cafile');
  if (existsSync(authorities)) {
    cpSync(authorities, join(prefix, 'etc/npm-authorities.crt'));
    lines.push('cafile=/usr/local/etc/npm-authorities.crt');
  }
  mkdirSync(join(prefix, 'etc'), { recursive: true });
  writeFileSync(join(prefix, 'etc/npmrc'), `${lines.join('\n')}\n`);
}

/** One layer, as an OCI archive: what `buildah pull oci-archive:` takes. */
function writeArchive(folder: string, tree: string, archive: string): void {
  const store = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  const buildah = (...args: string[]): string => run('unshare', ['-m', 'buildah', ...store, ...args]).trim();
  const container = buildah('from', 'scratch');
  buildah('add', '-q', container, tree, '/');
  buildah('config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', '--cmd', 'bash', container);
  const image = buildah('commit', '-q', container);
  buildah('push', '-q', image, `oci-archive:${archive}.part`);
  run('mv', [`${archive}.part`, archive]);
}
