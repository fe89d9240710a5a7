/**
 * The cluster that stories run in.
 * usage: node e2e/harness/main.ts up|images|down     up: a new one; images: those of the sources as they are now, into the one that is up
 */
import { endCluster, loadImages, theCluster } from './cluster.ts';
import { OPERATOR_NAMESPACE, isInstalled } from './release.ts';

async function up(): Promise<void> {
  if (process.env.CLUSTER !== 'existing') await endCluster();
  await theCluster();
}

async function images(): Promise<void> {
  const cluster = await theCluster();
  await loadImages(cluster.kubectl);
  if (!(await isInstalled(cluster))) return;
  const operator = cluster.kubectl.in(OPERATOR_NAMESPACE);
  await operator.run(['rollout', 'restart', 'deployment/articdbm-operator']);
  await operator.run(['rollout', 'status', 'deployment/articdbm-operator', '--timeout=2m'], { seconds: 130 });
}

const VERBS: Readonly<Record<string, () => Promise<void>>> = { up, images, down: endCluster };

const verb = VERBS[process.argv[2] ?? ''];
if (verb === undefined) {
  process.stderr.write('usage: node e2e/harness/main.ts up|images|down\n');
  process.exitCode = 2;
} else await verb();
