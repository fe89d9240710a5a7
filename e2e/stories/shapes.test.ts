import { expect } from 'chai';
import type { Manifest } from '../harness/kubectl.ts';
import { psql } from '../harness/psql.ts';
import { account, backend, database, permission, pod, resourcesReady, user } from '../harness/resources.ts';
import { story } from '../harness/story.ts';

const HERE = 'story-shapes';
const STRICT = 'story-shapes-strict';

const RESTRICTED = {
  runAsNonRoot: true,
  runAsUser: 999,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

/** By what kubelet does to the token's file: root's (0644), the one user's of all (0600), the group's (0640). */
const SHAPES: readonly (readonly [string, string, Manifest, Manifest])[] = [
  ['no security context', HERE, {}, {}],
  ['one runAsUser for all containers', HERE, { runAsUser: 65_532 }, {}],
  ['an fsGroup', HERE, { runAsUser: 999, fsGroup: 2000 }, {}],
  ['what the level restricted asks for', STRICT, {}, RESTRICTED],
];

story("the proxy's token", [HERE, STRICT], (scene) => {
  before('a database, and pods of each shape', async function () {
    this.timeout(150_000);
    const { cluster } = scene();
    const { kubectl } = cluster;
    await kubectl.run(['label', 'namespace', STRICT, 'pod-security.kubernetes.io/enforce=restricted']);
    const server = database(HERE);
    const consumers = [{ namespace: STRICT, ceiling: [{ sql: { tables: ['*'], actions: ['read'] } }] }];
    await kubectl.apply(...server.objects, ...backend(HERE, 'shop', server, { consumers }));
    for (const namespace of [HERE, STRICT]) {
      await kubectl.apply(
        account(namespace, 'reporting'),
        user(namespace, 'reporting', { username: namespace, serviceAccounts: ['reporting'] }),
        permission(namespace, 'orders', 'reporting', `${HERE}/shop`, { tables: ['orders'], actions: ['read'] }),
      );
      await resourcesReady(kubectl.in(namespace));
    }
    await kubectl.in(HERE).ready(60, 'pod/database');
    const pods = SHAPES.map(([, namespace, securityContext, own], index) =>
      pod(namespace, `shape-${index}`, {
        ...{ account: 'reporting', backends: `${HERE}/shop` },
        container: { securityContext: own },
        spec: { securityContext },
      }),
    );
    await kubectl.apply(...pods);
  });

  SHAPES.forEach(([what, namespace], index) => {
    it(`is read by user 65532 in a pod with ${what}`, async () => {
      const kubectl = scene().cluster.kubectl.in(namespace);
      await kubectl.ready(60, `pod/shape-${index}`);
      const { stdout } = await kubectl.exec(`shape-${index}`, 'articdbm-proxy', [
        '/app/node',
        '-p',
        'process.getuid()',
      ]);
      expect(stdout).to.equal('65532\n');
      expect((await psql(kubectl, `shape-${index}`, 'select count(*) from orders')).text).to.equal('3');
    });

    it(`is out of the application's reach there (${what})`, async () => {
      const kubectl = scene().cluster.kubectl.in(namespace);
      const look = ['sh', '-c', 'ls -R /run/articdbm /var/run/secrets 2>&1; grep -c " /run/articdbm" /proc/mounts'];
      const { stdout } = await kubectl.exec(`shape-${index}`, 'app', look);
      expect(stdout).to.match(/No such file[^]*\n0\n$/);
      expect(stdout).not.to.match(/token/);
    });
  });
});
