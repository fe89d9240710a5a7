import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run, scratch } from './builder.ts';

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
  const settings = npmSettings();
  const month = new Date().toISOString().slice(0, 7);
  const parts = [RELEASE, PACKAGES, process.version, version, settings.registry, settings.authorities, month];
  const key = createHash('sha256').update(parts.join('\0')).digest('hex');
  const archive = join(cache, `base-${key.slice(0, 16)}.tar`);
  if (existsSync(archive)) return archive;
  process.stderr.write('making a base image by debootstrap, once a month on this machine\n');
  const folder = scratch(cache);
  try {
    const tree = join(folder, 'root');
    // Its mounts end with it, even when it is killed.
    run('unshare', ['-m', 'debootstrap', '--variant=minbase', `--include=${PACKAGES}`, RELEASE, tree]);
    rmSync(join(tree, 'var/cache/apt/archives'), { recursive: true, force: true });
    // As public bases do it: a package that is installed starts no service.
    writeFileSync(join(tree, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    addNode(tree, node, npm, settings);
    writeArchive(folder, tree, archive);
    for (const former of globSync(join(cache, 'base-*.tar'))) if (former !== archive) rmSync(former);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return archive;
}

interface NpmSettings {
  readonly registry: string;
  /** Certificates that this machine's Node trusts besides its own, or an empty text. */
  readonly authorities: string;
}

function npmSettings(): NpmSettings {
  const setting = (name: string): string => run('npm', ['config', 'get', name]).trim();
  const files = [setting('cafile'), process.env.NODE_EXTRA_CA_CERTS, process.env.SSL_CERT_FILE];
  const file = files.find((name) => name !== undefined && existsSync(name));
  return { registry: setting('registry'), authorities: file === undefined ? '' : readFileSync(file, 'utf8') };
}

/** What this machine trusts is for the build alone: it lies beside the base's own certificates, not among them. */
function addNode(tree: string, node: string, npm: string, { registry, authorities }: NpmSettings): void {
  const prefix = join(tree, 'usr/local');
  cpSync(node, join(prefix, 'bin/node'));
  cpSync(npm, join(prefix, 'lib/node_modules/npm'), { recursive: true, dereference: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(prefix, 'bin/npm'));
  mkdirSync(join(prefix, 'etc'), { recursive: true });
  writeFileSync(join(prefix, 'etc/npm-authorities.crt'), authorities);
  const cafile = authorities === '' ? '' : 'cafile=/usr/local/etc/npm-authorities.crt\n';
  writeFileSync(join(prefix, 'etc/npmrc'), `registry=${registry}\n${cafile}`);
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
