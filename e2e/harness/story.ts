import { theCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { diagnose, diagnoseOperator } from './diagnosis.ts';
import type { Kubectl } from './kubectl.ts';
import { install } from './release.ts';

/** What a story has, once its hooks have run. */
export interface Scene {
  readonly cluster: Cluster;
  /** Of the story's first namespace. */
  readonly kubectl: Kubectl;
  readonly namespace: string;
}

/**
 * A story: a mocha suite with namespaces of its own on the cluster with the chart, which are deleted afterwards. When a case
 * failed, what is in them is printed first. `scene()` is for cases and hooks; `atEnd` takes what is to be ended before the
 * namespaces go.
 */
export function story(
  title: string,
  namespaces: readonly string[],
  body: (scene: () => Scene, atEnd: (end: () => Promise<void>) => void) => void,
): void {
  describe(title, function () {
    this.timeout(120_000);
    let found: Scene | undefined;
    const scene = (): Scene => {
      if (found === undefined) throw new Error('the story has not begun');
      return found;
    };

    before('a cluster with the chart', async function () {
      this.timeout(30 * 60_000); // programs and images may have to be built
      const cluster = await theCluster();
      await install(cluster);
      await remove(cluster.kubectl, namespaces);
      for (const name of namespaces) await cluster.kubectl.run(['create', 'namespace', name]);
      const [namespace = 'default'] = namespaces;
      found = { cluster, namespace, kubectl: cluster.kubectl.in(namespace) };
    });

    const ends: (() => Promise<void>)[] = [];
    body(scene, (end) => ends.push(end));

    after('tidy up', async function () {
      this.timeout(180_000);
      if (found === undefined) return;
      const { kubectl } = found.cluster;
      const suite = this.test?.parent;
      if (suite?.tests.every((test) => test.isPassed() || test.isPending()) !== true) {
        for (const namespace of namespaces) note(await diagnose(kubectl, namespace));
        note(await diagnoseOperator(kubectl));
      }
      try {
        for (const end of ends) await end();
      } finally {
        // The next story need not wait for it: its namespaces are others.
        await kubectl.run(['delete', 'namespace', '--wait=false', ...namespaces]);
      }
    });
  });
}

async function remove(kubectl: Kubectl, namespaces: readonly string[]): Promise<void> {
  await kubectl.run(['delete', 'namespace', '--ignore-not-found', ...namespaces], { seconds: 150 });
}

/** Says something beside the names of cases. */
export function note(text: string): void {
  process.stdout.write(`${text.replaceAll(/^/gm, '      ')}\n`);
}
