import { expect } from 'chai';
import { join } from 'node:path';
import { ROOT, theCluster } from '../harness/cluster.ts';
import type { Cluster } from '../harness/cluster.ts';
import { diagnose, diagnoseOperator } from '../harness/diagnosis.ts';
import { printsAs, stepsOf } from '../harness/document.ts';
import { attempt } from '../harness/program.ts';
import { uninstall } from '../harness/release.ts';
import { note } from '../harness/story.ts';

const DOCUMENT = 'docs/quick-start.md';

/** Each block of the document, as it stands there. What is not printed as shown, or fails where it shouldn't, ends the story. */
describe('quick start', function () {
  this.timeout(6 * 60_000);
  this.bail(true);
  let cluster: Cluster;
  const steps = stepsOf(join(ROOT, DOCUMENT));

  before('a cluster without the chart', async function () {
    this.timeout(30 * 60_000);
    cluster = await theCluster();
    await clear();
  });

  after('nothing is left', async () => {
    if (steps.length === 0 || this.tests.some((test) => !test.isPassed())) {
      note(await diagnose(cluster.kubectl, 'quick-start'));
      note(await diagnoseOperator(cluster.kubectl));
    }
    await clear();
  });

  async function clear(): Promise<void> {
    await cluster.kubectl.run(['delete', 'namespace', 'quick-start', '--ignore-not-found'], { seconds: 120 });
    await uninstall(cluster);
  }

  it('has something to run', () => {
    expect(steps.length).to.be.greaterThan(8);
  });

  for (const { line, heading, commands, prints } of steps) {
    it(`${DOCUMENT}:${line}: ${heading}`, async () => {
      // One stream, as in a terminal; `wait` and the like see one shell per block.
      const { status, output } = await attempt('bash', ['-c', `exec 2>&1\n${commands}`], {
        cwd: ROOT,
        env: cluster.env,
        seconds: 330,
      });
      const failure = /command terminated with exit code (\d+)\n$/.exec(prints ?? '');
      if (prints !== undefined && !printsAs(prints, output)) expect(output).to.equal(prints);
      // kubectl exec ends with what the program ended with
      expect(status, output).to.equal(failure === null ? 0 : Number(failure[1]));
    });
  }

  it('leaves nothing in the cluster', async () => {
    const left = await cluster.kubectl.run([
      'get',
      'namespaces,crds,clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations',
      '-o',
      'name',
    ]);
    expect(left).not.to.match(/articdbm|quick-start/);
  });
});
