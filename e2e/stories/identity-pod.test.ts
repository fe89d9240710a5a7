import { expect } from 'chai';
import { currentKey, parseKeyRing, sealKey } from '#contract/snapshot/keys';
import type { KeyRing } from '#contract/snapshot/keys';
import { eventually } from '../harness/eventually.ts';
import { get, handMade, known } from '../harness/hand-made.ts';
import type { Kubectl, Manifest } from '../harness/kubectl.ts';
import { psql } from '../harness/psql.ts';
import { OPERATOR_NAMESPACE } from '../harness/release.ts';
import { account, backend, database, IMAGE, permission, pod, user } from '../harness/resources.ts';
import type { Database } from '../harness/resources.ts';
import { story } from '../harness/story.ts';

const HERE = 'story-within';
const THERE = 'story-within-db';
const SHOP = `${THERE}/shop`;
const reading = { tables: ['orders'], actions: ['read'] };

interface Pod {
  readonly metadata: Manifest & { readonly name: string; readonly uid: string };
  readonly spec: Manifest & {
    readonly containers: readonly Manifest[];
    readonly initContainers: readonly Manifest[];
    readonly volumes: readonly Manifest[];
  };
}
interface SecretData {
  readonly data?: Readonly<Record<string, string>>;
}

/** The application's own container, who may exec into it, and who may read and make things in its namespace. */
story('a container beside the proxy', [HERE, THERE], (scene) => {
  let server: Database;
  let here: Kubectl;
  let client: Pod;
  let image: string;
  const sh = (script: string): ReturnType<Kubectl['exec']> => here.exec('client', 'app', ['sh', '-c', script]);

  before('a pod with a sidecar', async function () {
    this.timeout(180_000);
    const { cluster, kubectl } = scene();
    here = kubectl;
    server = database(THERE);
    const what = await known(cluster);
    image = what.image;
    await cluster.kubectl.apply(
      ...server.objects,
      ...backend(THERE, 'shop', server, { consumers: [{ namespace: HERE, ceiling: [{ sql: reading }] }] }),
      account(HERE, 'app'),
      user(HERE, 'app', { serviceAccounts: ['app'] }),
      permission(HERE, 'orders', 'app', SHOP, reading),
      pod(HERE, 'client', { account: 'app', backends: SHOP }),
      handMade(what, { namespace: HERE, name: 'nobody', account: 'default' }),
    );
    await cluster.kubectl.in(THERE).ready(60, 'pod/database');
    await here.ready(120, 'pod/client', 'pod/nobody');
    client = await here.json<Pod>('get', 'pod', 'client');
    // A Service may take a moment to lead to a pod that is Ready.
    await eventually(30, async () =>
      expect((await psql(here, 'client', 'select count(*) from orders')).text).to.equal('3'),
    );
  });

  it('finds neither token nor state, nor the proxy among the processes', async () => {
    const found = await sh(
      'ls -R /run/articdbm; find / -xdev -name "bootstrap.json*" -o -xdev -path "*articdbm*" -type f',
    );
    expect(found.stdout).to.equal('');
    const { stdout } = await sh('cat /proc/[0-9]*/cmdline | tr "\\0" " "; ls -d /proc/[0-9]*');
    expect(stdout).not.to.match(/articdbm|node/);
    expect((await sh('cat /proc/1/root/run/articdbm/state/bootstrap.json')).status).not.to.equal(0);
    expect((await sh('cat /proc/mounts')).stdout).not.to.match(/\/run\/articdbm/);
  });

  it('learns from port 19090 that there is policy, and not what or whose it is', async () => {
    const from = await address();
    const ask = (path: string): Promise<string> => get(here, 'nobody', `http://${from}:19090${path}`);
    const metrics = await ask('/metrics');
    expect(metrics).to.match(/articdbm_proxy_policy_state\{state="fresh"\} 1/);
    expect(metrics).not.to.match(/orders|reading|shop_login|story-within\/app/);
    expect(metrics).not.to.contain(server.login);
    expect(await ask('/readyz')).to.equal('200 ok\n');
    for (const path of ['/', '/debug', '/v1/policy', '/metrics/../run/articdbm/state/bootstrap.json']) {
      expect(await ask(path), path).to.match(/^404 /);
    }
  });

  const address = (): Promise<string> => here.run(['get', 'pod', 'client', '-o', 'jsonpath={.status.podIP}']);

  const labelled = (name: string, change: Manifest, container: Manifest = {}): Manifest =>
    pod(HERE, name, { account: 'app', backends: SHOP, spec: change, container });
  const audience = { serviceAccountToken: { audience: 'articdbm.io', path: 'token' } };
  const beside = (mount: Manifest): Manifest[] => [{ name: 'app', image: IMAGE, volumeMounts: [mount] }];
  const forged = { name: 'articdbm-proxy', image: IMAGE, restartPolicy: 'Always', command: ['sleep', 'infinity'] };
  const refused: readonly [string, RegExp, () => Manifest][] = [
    [
      'a sidecar of its own under the name',
      /container articdbm-proxy/,
      () => labelled('forged', { initContainers: [forged] }),
    ],
    [
      "the token's volume mounted",
      /mounts articdbm-token/,
      () => labelled('mount', { containers: beside({ name: 'articdbm-token', mountPath: '/t' }) }),
    ],
    [
      "the state's volume mounted",
      /mounts articdbm-state/,
      () => labelled('state', { containers: beside({ name: 'articdbm-state', mountPath: '/t' }) }),
    ],
    [
      'our audience projected',
      /a token for articdbm\.io/,
      () => labelled('token', { volumes: [{ name: 'mine', projected: { sources: [audience] } }] }),
    ],
    ['processes shared', /shareProcessNamespace/, () => labelled('shared', { shareProcessNamespace: true })],
    ["the node's processes", /hostPID/, () => labelled('host', { hostPID: true })],
    ["the node's network", /hostNetwork/, () => labelled('network', { hostNetwork: true })],
    ['a copy of a pod that was injected, its proxy turned into a shell', /container articdbm-proxy/, () => copied()],
  ];
  for (const [title, reason, make] of refused) {
    it(`is not made with ${title}`, async () => {
      const { status, output } = await here.try(['create', '-f', '-'], { input: JSON.stringify(make()) });
      expect(status, output).not.to.equal(0);
      expect(output).to.match(reason);
    });
  }

  function copied(): Manifest {
    const { labels, annotations } = client.metadata;
    const [sidecar = {}] = client.spec.initContainers;
    const shell = { ...sidecar, image: IMAGE, args: [], command: ['sleep', 'infinity'], startupProbe: undefined };
    const spec = { ...client.spec, nodeName: undefined, initContainers: [shell] };
    return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'copy', namespace: HERE, labels, annotations }, spec };
  }

  const ephemeral = (name: string, more: Manifest): ReturnType<Kubectl['try']> => {
    const { metadata, spec } = client;
    const container = { name, image, command: ['/app/node', '-e', 'setInterval(() => {}, 1e6)'], ...more };
    const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...spec, ephemeralContainers: [container] } };
    const path = `/api/v1/namespaces/${HERE}/pods/client/ephemeralcontainers`;
    return here.try(['replace', '--raw', path, '-f', '-'], { input: JSON.stringify(body) });
  };
  const reaching: readonly [string, RegExp, Manifest][] = [
    [
      'targets the proxy',
      /targets articdbm-proxy/,
      { targetContainerName: 'articdbm-proxy', securityContext: { runAsUser: 65_532 } },
    ],
    ['mounts its state', /mounts articdbm-state/, { volumeMounts: [{ name: 'articdbm-state', mountPath: '/s' }] }],
    ['mounts its token', /mounts articdbm-token/, { volumeMounts: [{ name: 'articdbm-token', mountPath: '/t' }] }],
  ];
  for (const [title, reason, more] of reaching) {
    it(`is not added to the running pod when it ${title}`, async () => {
      client = await here.json<Pod>('get', 'pod', 'client');
      const { status, output } = await ephemeral('looker', more);
      expect(output).to.match(reason);
      expect(status).not.to.equal(0);
    });

    it(`nor when it ${title} and the label has been taken from the pod before`, async () => {
      await here.run(['label', 'pod', 'client', 'articdbm.io/inject-']);
      try {
        client = await here.json<Pod>('get', 'pod', 'client');
        const { status, output } = await ephemeral('looker-2', more);
        expect(output).to.match(reason);
        expect(status).not.to.equal(0);
      } finally {
        await here.run(['label', 'pod', 'client', 'articdbm.io/inject=true']);
      }
    });
  }

  it('has no key and no password of a database in its namespace: objects, events, logs, environments', async () => {
    const secrets = await secretsToFind();
    const kinds = 'all,secrets,configmaps,events,serviceaccounts,dbusers,dbpermissions,endpointslices';
    const texts = new Map([
      ['objects', await here.run(['get', kinds, '-o', 'yaml', '--show-managed-fields'])],
      ['the sidecar’s log', await here.run(['logs', 'client', '-c', 'articdbm-proxy'])],
      ['the application’s log', await here.run(['logs', 'client', '-c', 'app'])],
      ['environments', (await sh('env; cat /proc/[0-9]*/environ')).stdout],
      ['describe', await here.run(['describe', 'pod', 'client'])],
    ]);
    expect(texts.get('objects')).to.match(/articdbm-proxy/);
    expect(texts.get('environments')).to.match(/SHOP_URL=/);
    for (const [where, text] of texts) {
      const decoded = `${text}\n${text.replaceAll(/^\s+\S+: ([A-Za-z0-9+/=]{8,})$/gm, (_, word: string) => Buffer.from(word, 'base64').toString('latin1'))}`;
      for (const [name, value] of secrets) expect(decoded.includes(value), `${name} in ${where}`).to.equal(false);
    }
  });

  async function secretsToFind(): Promise<[string, string][]> {
    const operators = scene().cluster.kubectl.in(OPERATOR_NAMESPACE);
    const dataOf = async (name: string): Promise<Record<string, Buffer>> =>
      Object.fromEntries(
        Object.entries((await operators.json<SecretData>('get', 'secret', name)).data ?? {}).map(
          ([key, value]) => [key, Buffer.from(value, 'base64')] as const,
        ),
      );
    const keys = await dataOf('articdbm-keys');
    const tls = await dataOf('articdbm-tls');
    const passwords = await dataOf('articdbm-evaluation');
    const found: [string, Buffer][] = [
      ["the backend's password", Buffer.from(server.login)],
      ...derived(parseKeyRing(keys)),
      ...Object.entries(keys).filter(([name]) => name !== 'current'),
      ...Object.entries(tls).filter(([name]) => name.endsWith('.key')),
      ...Object.entries(passwords).filter(([name]) => name.endsWith('-password')),
    ];
    expect(found.length).to.be.greaterThan(7);
    return found.flatMap(([name, value]) => spellings(value).map((spelt): [string, string] => [name, spelt]));
  }

  const derived = (ring: KeyRing): [string, Buffer][] => [
    ['the seal of the scope', sealKey(currentKey(ring), `${HERE}/app`)],
  ];
});

/** As it is, its second line (of a PEM), and in the spellings that bytes are written in. */
function spellings(value: Buffer): string[] {
  const lines = value.toString('latin1').split('\n');
  if (lines.length > 2) return [lines[1] ?? ''];
  return [value.toString('latin1'), ...(['base64', 'base64url', 'hex'] as const).map((way) => value.toString(way))];
}
