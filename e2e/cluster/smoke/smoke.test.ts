import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kubectl, eventually, script } from './cluster.ts';
import { webhook } from './webhook.ts';

const root = join(import.meta.dirname, '../../..');
const APP = 'localhost/app:1';
const PROXY = 'localhost/articdbm-proxy:dev';
const OPERATOR = 'localhost/articdbm-operator:dev';
const NAME = 'smoke';
/** What the whole machine shares, or a node's programs would make by themselves, and a node must leave as it was. */
const SETTINGS = ['vm/overcommit_memory', 'kernel/panic', 'kernel/panic_on_oops', 'net/ipv4/ip_forward'];
const FOLDERS = [
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/var/log/pods',
  '/run/containerd',
  '/run/netns',
  '/usr/libexec/kubernetes',
];

function machine(): object {
  const settings = SETTINGS.map((name) => readFileSync(`/proc/sys/${name}`, 'utf8').trim());
  const rules = spawnSync('iptables-save', { encoding: 'utf8' }).stdout.replace(/\[\d+:\d+\]|^#.*/gm, '');
  return { settings, rules, folders: FOLDERS.filter((folder) => existsSync(folder)) };
}

const pod = (name: string, spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec,
});
const shell = (name: string, text: string, more: object = {}): object => ({
  name,
  image: APP,
  imagePullPolicy: 'Never',
  command: ['sh', '-c', text],
  ...more,
});
/** Until TERM: what is pid 1 has to hear it, or the pod's end takes the whole grace period. */
const WAIT = 'trap "exit 0" TERM; while :; do sleep 1; done';

describe('a cluster', () => {
  let kubectl: Kubectl;
  let untouched: object;

  before(function () {
    this.timeout(20 * 60_000); // the programs may have to be compiled, and the images built
    script(NAME, 'down.sh');
    untouched = machine();
    const up = script(NAME, 'up.sh');
    expect(up.status, up.stderr).to.equal(0);
    kubectl = new Kubectl(up.stdout.trim().split('\n').at(-1) ?? '');
    const images = spawnSync(join(root, 'tools/images/images.sh'), ['--load', 'app', 'proxy', 'operator'], {
      encoding: 'utf8',
      env: { ...process.env, NAME },
    });
    expect(images.status, images.stderr).to.equal(0);
  });

  after(function () {
    this.timeout(60_000);
    script(NAME, 'down.sh');
  });

  it('has a node that is Ready', () => {
    const conditions = kubectl.run([
      'get',
      'nodes',
      '-o',
      'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}',
    ]);
    expect(conditions).to.equal('True');
  });

  it('runs a pod, and gives its log, and an exit code through exec', async () => {
    kubectl.apply(pod('plain', { containers: [shell('main', `echo hello from $HOSTNAME; ${WAIT}`)] }));
    kubectl.run(['wait', '--for=condition=Ready', 'pod/plain', '--timeout=30s']);
    expect(await eventually(5, () => kubectl.run(['logs', 'plain']))).to.equal('hello from plain\n');
    expect(kubectl.try(['exec', 'plain', '--', 'sh', '-c', 'exit 7']).status).to.equal(7);
  });

  it('brings a pod to a Service by its name', async () => {
    const service = { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] };
    kubectl.apply(
      pod('web', {
        containers: [shell('main', 'mkdir /tmp/w; echo found >/tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w')],
      }),
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: service },
    );
    kubectl.run(['wait', '--for=condition=Ready', 'pod/web', '--timeout=30s']);
    const found = await eventually(10, () =>
      kubectl.run(['exec', 'plain', '--', 'sh', '-c', 'wget -qO- http://web.default/']),
    );
    expect(found).to.equal('found\n');
  });

  it("lets the API server reach a webhook's Service", async () => {
    const hook = webhook(PROXY, 'hooked');
    kubectl.apply(...hook.server);
    kubectl.run(['create', 'namespace', 'hooked']);
    kubectl.run(['wait', '--for=condition=Ready', 'pod/hook', '--timeout=30s']);
    kubectl.apply(hook.configuration);
    // With failurePolicy Fail what is made was seen by the webhook, once the API server knows of it.
    await eventually(10, () => {
      kubectl.try(['-n', 'hooked', 'delete', 'configmap', 'made', '--ignore-not-found']);
      kubectl.run(['-n', 'hooked', 'create', 'configmap', 'made']);
      const seen = kubectl.run(['-n', 'hooked', 'get', 'configmap', 'made', '-o', 'jsonpath={.metadata.labels.seen}']);
      expect(seen).to.equal('yes');
    });
  });

  it('starts a native sidecar before the container that needs it', () => {
    const sidecar = shell(
      'sidecar',
      'mkdir /tmp/w; echo aside >/tmp/w/index.html; sleep 1; exec httpd -f -p 127.0.0.1:9000 -h /tmp/w',
      {
        restartPolicy: 'Always',
        startupProbe: {
          exec: { command: ['wget', '-qO-', 'http://127.0.0.1:9000/'] },
          periodSeconds: 1,
          failureThreshold: 20,
        },
      },
    );
    const main = shell('main', 'wget -qO- http://127.0.0.1:9000/');
    kubectl.apply(
      pod('sided', {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 2,
        initContainers: [sidecar],
        containers: [main],
      }),
    );
    kubectl.run(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/sided', '--timeout=40s']);
    expect(kubectl.run(['logs', 'sided', '-c', 'main'])).to.equal('aside\n');
  });

  it('gives a pod a token for an audience, which the API server knows', () => {
    const source = { serviceAccountToken: { audience: 'articdbm', expirationSeconds: 600, path: 'token' } };
    const main = shell('main', WAIT, { volumeMounts: [{ name: 'token', mountPath: '/token' }] });
    kubectl.apply(
      pod('tokened', { containers: [main], volumes: [{ name: 'token', projected: { sources: [source] } }] }),
    );
    kubectl.run(['wait', '--for=condition=Ready', 'pod/tokened', '--timeout=30s']);
    const token = kubectl.run(['exec', 'tokened', '--', 'cat', '/token/token']);
    const review = (audience: string): string =>
      kubectl.run(
        ['create', '-f', '-', '-o', 'jsonpath={.status.authenticated} {.status.user.username}'],
        JSON.stringify({
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          metadata: { name: 'any' },
          spec: { token, audiences: [audience] },
        }),
      );
    expect(review('articdbm')).to.equal('true system:serviceaccount:default:default');
    expect(review('another')).not.to.match(/^true/);
  });

  for (const [image, command] of [
    [PROXY, 'proxy'],
    [OPERATOR, 'operator'],
  ] as const) {
    it(`runs the image of ${command} where Pod Security is restricted and the root read-only`, () => {
      const name = `help-${command}`;
      const container = {
        name: 'main',
        image,
        imagePullPolicy: 'Never',
        args: [command, '--help'],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      };
      const securityContext = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
      const namespace = `restricted-${command}`;
      const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
      kubectl.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
      const spec = {
        restartPolicy: 'Never',
        securityContext,
        containers: [container],
        automountServiceAccountToken: false,
      };
      kubectl.run(['-n', namespace, 'apply', '-f', '-'], JSON.stringify(pod(name, spec)));
      kubectl.run([
        '-n',
        namespace,
        'wait',
        '--for=jsonpath={.status.phase}=Succeeded',
        `pod/${name}`,
        '--timeout=30s',
      ]);
      expect(kubectl.run(['-n', namespace, 'logs', name])).to.match(new RegExp(`^usage: articdbm ${command} `));
    });
  }

  it('that is up is left as it is by another up', () => {
    const uid = (): string => kubectl.run(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}']);
    const known = uid();
    const again = script(NAME, 'up.sh');
    expect(again.status, again.stderr).to.equal(0);
    expect(again.stderr).to.contain('is up already');
    expect(uid()).to.equal(known);
  });

  it('leaves nothing when it is ended', function () {
    this.timeout(60_000);
    const down = script(NAME, 'down.sh');
    expect(down.status, down.stderr).to.equal(0);
    expect(machine()).to.deep.equal(untouched);
  });
});

describe('a cluster whose start was killed', () => {
  afterEach(function () {
    this.timeout(60_000);
    script('smokek', 'down.sh');
  });

  for (const milliseconds of [700, 2500]) {
    it(`after ${String(milliseconds)} ms is cleared away by the next start`, async function () {
      this.timeout(120_000);
      const env = { ...process.env, NAME: 'smokek' };
      const first = spawn(join(import.meta.dirname, '../up.sh'), { env, stdio: 'ignore', detached: true });
      await sleep(milliseconds);
      const ended = once(first, 'exit');
      if (first.pid !== undefined) process.kill(-first.pid, 'SIGKILL'); // the group that `detached` made: up.sh and its children
      await ended;
      const second = script('smokek', 'up.sh');
      expect(second.status, second.stderr).to.equal(0);
      const nodes = new Kubectl(second.stdout.trim()).run(['get', 'nodes', '-o', 'name']);
      expect(nodes).to.equal('node/n1\n');
    });
  }
});
