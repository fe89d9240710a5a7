import { expect } from 'chai';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KEYS_SECRET, TLS_SECRET } from '#contract/names';
import type { KubeClient } from '#operator/kube/client';
import type { KubeObject } from '#operator/kube/resource';
import { SYSTEM_CLOCK } from '#operator/kube/system-clock';
import type { Leadership } from '#operator/runtime/election';
import { keepWebhookBundles } from '#operator/serving/webhook-bundles';
import { ownSecret } from '#operator/keys/own-secret';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';
import { createRestrictedNamespaces, kindNamed } from './cluster.ts';
import { CHART, NAMESPACE, requireHelm, type Helm, type Values } from './helm.ts';

const BEFORE: Values = {
  evaluation: { enabled: true },
  gateways: [{ name: 'orders-gateway', namespace: 'prod', backends: ['orders'] }],
};
const AFTER: Values = {
  evaluation: { enabled: true },
  operator: { replicas: 3, logLevel: 'debug' },
  webhooks: { pods: { timeoutSeconds: 7 }, resources: { failurePolicy: 'Fail' } },
  gateways: [{ name: 'orders-gateway', namespace: 'prod', backends: ['orders=15432'], replicas: 1 }],
};

const OPERATOR = `system:serviceaccount:${NAMESPACE}:articdbm-operator`;
const CONFIGURATIONS = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const;
const bundleOf = (server: ApiServer): string => Buffer.from(server.ca).toString('base64');

interface Configuration extends KubeObject {
  readonly webhooks: readonly {
    readonly name: string;
    readonly timeoutSeconds: number;
    readonly failurePolicy: string;
    readonly clientConfig: { readonly caBundle?: string };
  }[];
}

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

describe('helm, against a real API server', function () {
  this.timeout(120_000);
  let helm: Helm;
  let server: ApiServer;
  let client: KubeClient;
  /** With the operator's own rights, once the chart is there. */
  let operator: KubeClient;
  let flags: readonly string[];
  const folder = mkdtempSync(path.join(tmpdir(), 'articdbm-chart-'));

  const get = async <T extends KubeObject>(kind: string, name: string) => {
    const found = await client.get<T>(kindNamed(kind), { name, namespace: NAMESPACE });
    if (found === undefined) throw new Error(`${kind} ${name} is not there`);
    return found;
  };
  const dataOf = async (name: string) => (await get<SecretObject>('Secret', name)).data;
  const fill = async (name: string, value: string): Promise<void> => {
    const secret = ownSecret(operator, { namespace: NAMESPACE, name });
    const written = await secret.write({ value: Buffer.from(value) }, await secret.read());
    if (written === 'lost') throw new Error('somebody else wrote it');
  };
  const bundles = async (): Promise<readonly (string | undefined)[]> => {
    const found = await Promise.all(CONFIGURATIONS.map((kind) => get<Configuration>(kind, 'articdbm')));
    return found.flatMap(({ webhooks }) => webhooks.map(({ clientConfig }) => clientConfig.caBundle));
  };
  /** What the operator's leader does. */
  const trust = async (): Promise<void> => {
    const done = new AbortController();
    const leadership = { term: 1, signal: done.signal, leads: () => true, check: () => undefined } as Leadership;
    const certificates = { caBundle: () => server.ca, onChange: () => () => undefined };
    const onError = (error: unknown): void => done.abort(error);
    const options = { client: operator, certificates, clock: SYSTEM_CLOCK, random: Math.random, onError };
    const keeping = keepWebhookBundles(options, leadership);
    while (!done.signal.aborted && !(await bundles()).every((bundle) => bundle === bundleOf(server))) await sleep(20);
    done.signal.throwIfAborted();
    done.abort();
    await keeping;
  };
  const install = (command: 'install' | 'upgrade', values: Values, ...more: readonly string[]): string =>
    helm.run([command, 'articdbm', CHART, ...flags, ...more], values);

  before(async function () {
    helm = requireHelm(this);
    server = await requireApiServer(this, { users: [OPERATOR] });
    client = server.client();
    operator = server.client('direct', `${OPERATOR}-token`);
    await createRestrictedNamespaces(client);
    flags = ['--namespace', NAMESPACE, '--kubeconfig', server.kubeconfig()];
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await stopApiServers();
  });

  it('installs, and says for what it is a trial', () => {
    expect(install('install', BEFORE)).to.contain('FOR TRIALS ONLY').and.to.contain('gateways: [orders-gateway]');
  });

  /** Helm 4 applies on the server, Helm 3 (and Helm 4, if told to) merges three ways itself. */
  const ways = [[], ['--server-side=false'], ['--server-side=true']] as const;
  for (const way of ways) {
    it(`an upgrade takes no key, certificate, caBundle or password away ${way.join('')}`, async function () {
      if (way.length > 0 && helm.version.startsWith('v3')) return this.skip(); // it has but one way
      for (const name of [KEYS_SECRET, TLS_SECRET]) await fill(name, `of ${name} ${way.join('')}`);
      await trust();
      const passwords = await dataOf('articdbm-evaluation');
      const before = [await dataOf(KEYS_SECRET), await dataOf(TLS_SECRET)];
      expect(Object.keys(before[0] ?? {})).to.deep.equal(['value']);
      for (const values of [AFTER, BEFORE, AFTER]) {
        const more = helm.version.startsWith('v3') || way.length === 0 ? [] : [...way, '--force-conflicts=false'];
        install('upgrade', values, ...more);
        expect([await dataOf(KEYS_SECRET), await dataOf(TLS_SECRET)]).to.deep.equal(before);
        expect(await dataOf('articdbm-evaluation')).to.deep.equal(passwords);
        expect([...new Set(await bundles())]).to.deep.equal([bundleOf(server)]);
      }
      const { webhooks } = await get<Configuration>(CONFIGURATIONS[0], 'articdbm');
      expect(webhooks.map(({ timeoutSeconds }) => timeoutSeconds)).to.deep.equal([7]); // it did change something
      const { spec } = await get<KubeObject & { readonly spec: { readonly replicas: number } }>(
        'Deployment',
        'articdbm-operator',
      );
      expect(spec.replicas).to.equal(3);
    });
  }

  it('a rollback takes none away either', async () => {
    const before = [await dataOf(KEYS_SECRET), await dataOf(TLS_SECRET), await dataOf('articdbm-evaluation')];
    helm.run(['rollback', 'articdbm', '1', ...flags]);
    const after = [await dataOf(KEYS_SECRET), await dataOf(TLS_SECRET), await dataOf('articdbm-evaluation')];
    expect(after).to.deep.equal(before);
    const { webhooks } = await get<Configuration>(CONFIGURATIONS[0], 'articdbm');
    expect(webhooks[0]?.clientConfig.caBundle).to.equal(bundleOf(server));
    expect(webhooks[0]?.timeoutSeconds).to.equal(10);
  });

  it('a deleted Secret comes back, empty, with the next upgrade', async () => {
    await client.delete(kindNamed('Secret'), { name: TLS_SECRET, namespace: NAMESPACE });
    install('upgrade', AFTER);
    expect(await dataOf(TLS_SECRET)).to.equal(undefined);
  });

  it('CRDs are upgraded with the chart', async () => {
    const next = path.join(folder, 'articdbm');
    cpSync(CHART, next, { recursive: true });
    const file = path.join(next, 'files/crds/dbusers.yaml');
    const text = readFileSync(file, 'utf8');
    const changed = text.replace('categories: [articdbm]', 'categories: [articdbm, everything]');
    expect(changed).not.to.equal(text);
    writeFileSync(file, changed);
    helm.run(['upgrade', 'articdbm', next, ...flags], AFTER);
    const crd = await get<
      KubeObject & { readonly spec: { readonly names: { readonly categories: readonly string[] } } }
    >('CustomResourceDefinition', 'dbusers.articdbm.io');
    expect(crd.spec.names.categories).to.deep.equal(['articdbm', 'everything']);
  });

  it('a webhook that a later chart has no more goes, though the operator has written to it', async () => {
    await trust();
    const next = path.join(folder, 'fewer');
    cpSync(CHART, next, { recursive: true });
    const file = path.join(next, 'templates/webhooks.yaml');
    const text = readFileSync(file, 'utf8');
    const changed = text.replace('name: resources.articdbm.io', 'name: renamed.articdbm.io');
    expect(changed).not.to.equal(text);
    writeFileSync(file, changed);
    helm.run(['upgrade', 'articdbm', next, ...flags], AFTER);
    const { webhooks } = await get<Configuration>('ValidatingWebhookConfiguration', 'articdbm');
    expect(webhooks.map(({ name }) => name)).to.deep.equal([
      'pods.articdbm.io',
      'debugging.articdbm.io',
      'renamed.articdbm.io',
    ]);
  });

  it('what is uninstalled leaves resources, keys and certificates, and finds them again', async () => {
    const keys = await dataOf(KEYS_SECRET);
    expect(keys).not.to.equal(undefined);
    const crd = await get('CustomResourceDefinition', 'dbusers.articdbm.io');
    helm.run(['uninstall', 'articdbm', ...flags]);
    expect(await client.get(kindNamed('Deployment'), { name: 'articdbm-operator', namespace: NAMESPACE })).to.equal(
      undefined,
    );
    for (const kind of CONFIGURATIONS)
      expect(await client.get(kindNamed(kind), { name: 'articdbm' })).to.equal(undefined);
    install('install', BEFORE);
    expect(await dataOf(KEYS_SECRET)).to.deep.equal(keys);
    const again = await get('CustomResourceDefinition', 'dbusers.articdbm.io');
    expect(again.metadata.uid).to.equal(crd.metadata.uid);
  });
});
