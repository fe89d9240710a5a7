import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { skipUnless } from '#test/harness/skip';

export interface ApiServerBinaries {
  readonly etcd: string;
  readonly apiServer: string;
  /** Where it has been built or given; nothing here waits for it. */
  readonly controllerManager: string | undefined;
}

const BUILD = path.join(import.meta.dirname, '../../../e2e/cluster/build.sh');
const BUILD_MS = 30 * 60_000;

/**
 * $KUBEBUILDER_ASSETS, else what e2e/cluster/build.sh has compiled or compiles now (minutes, once on a machine). Skips the
 * suite by name where there is neither and no Go, fails there where CI=true.
 */
export function requireApiServerBinaries(context: Mocha.Context): ApiServerBinaries {
  const assets = process.env.KUBEBUILDER_ASSETS;
  const folder = assets ?? build('where');
  const there = binariesIn(folder);
  if (there !== undefined) return there;
  if (assets !== undefined) throw new Error('KUBEBUILDER_ASSETS is set, and etcd and kube-apiserver are not in it');
  skipUnless(context, hasGo(), 'KUBEBUILDER_ASSETS, or go to build etcd and kube-apiserver');
  context.timeout(BUILD_MS);
  console.log('      building etcd and kube-apiserver, once on this machine: about 5 minutes');
  const built = binariesIn(build('api'));
  if (built === undefined) throw new Error('e2e/cluster/build.sh left no etcd and kube-apiserver');
  return built;
}

function binariesIn(folder: string): ApiServerBinaries | undefined {
  const etcd = path.join(folder, 'etcd');
  const apiServer = path.join(folder, 'kube-apiserver');
  if (!isExecutable(etcd) || !isExecutable(apiServer)) return undefined;
  const manager = path.join(folder, 'kube-controller-manager');
  return { etcd, apiServer, controllerManager: isExecutable(manager) ? manager : undefined };
}

function build(what: 'api' | 'where'): string {
  const result = spawnSync(BUILD, [what], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: BUILD_MS,
  });
  if (result.status !== 0) throw new Error(`e2e/cluster/build.sh ${what} failed`);
  return result.stdout.trim();
}

const hasGo = (): boolean => spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== undefined) return false;
    throw error;
  }
}
