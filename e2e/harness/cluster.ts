import { join } from 'node:path';
import { Kubectl } from './kubectl.ts';
import { run } from './program.ts';

export const ROOT = join(import.meta.dirname, '../..');
/** Of the cluster that stories run in, unless NAME says otherwise. */
const NAME = process.env.NAME ?? 'stories';

export interface Cluster {
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  /** Programs by their plain names, for what is run as documents print it. */
  readonly env: NodeJS.ProcessEnv;
}

const script = (file: string, seconds: number, ...args: readonly string[]): Promise<string> =>
  run(join(ROOT, file), args, { env: { ...process.env, NAME }, seconds });

let cluster: Promise<Cluster> | undefined;

/** The cluster that is up; else brings it up, with the images. It stays up for the next story: `endCluster` ends it. */
export function theCluster(): Promise<Cluster> {
  cluster ??= findOrBringUp();
  return cluster;
}

async function findOrBringUp(): Promise<Cluster> {
  const up = await script('e2e/cluster/up.sh', 20 * 60);
  const kubeconfig = up.trim().split('\n').at(-1) ?? '';
  const program = (await script('e2e/cluster/kubectl.sh', 20 * 60)).trim();
  const helm = (await script('e2e/cluster/build.sh', 20 * 60, 'helm')).trim();
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    PATH: [join(program, '..'), join(helm, '..'), process.env.PATH].join(':'),
  };
  const kubectl = new Kubectl(program, env);
  // What is loaded stays loaded: a run in which nothing but a story changed need not look at every source again.
  const loaded = await kubectl.try(['get', 'nodes', '-l', 'articdbm.io/images=loaded', '-o', 'name']);
  if (loaded.stdout === '' && process.env.CLUSTER !== 'existing') await loadImages(kubectl);
  return { kubeconfig, kubectl, env };
}

/** Builds the images as the sources are now and puts them into the cluster; pods that run keep what they have. */
export async function loadImages(kubectl: Kubectl): Promise<void> {
  await script('e2e/harness/images.sh', 20 * 60);
  await kubectl.run(['label', 'nodes', '--all', '--overwrite', 'articdbm.io/images=loaded']);
}

export async function endCluster(): Promise<void> {
  await script('e2e/cluster/down.sh', 120);
}
