import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import {
  INJECT_LABEL,
  KEYS_SECRET,
  OPERATOR_LEASE,
  OPERATOR_SERVICE,
  PROXY_ADMIN_PORT,
  PROXY_CONTAINER,
  TLS_SECRET,
} from '#contract/names';
import {
  deploymentsOf,
  find,
  NAMESPACE,
  requireHelm,
  ROOT,
  secretText,
  URLS,
  type Deployment,
  type Helm,
  type Manifest,
} from './helm.ts';
import { RIGHT, WRONG } from './values.ts';

interface Webhook {
  readonly clientConfig: {
    readonly caBundle?: string;
    readonly service: { readonly name: string; readonly port: number; readonly path: string };
  };
  readonly rules: readonly { readonly resources: readonly string[] }[];
  readonly matchConditions?: readonly { readonly expression: string }[];
  readonly objectSelector?: unknown;
  readonly namespaceSelector?: unknown;
  readonly failurePolicy: string;
}
type Configuration = Manifest & { readonly webhooks: readonly Webhook[] };

const webhooksOf = (manifests: readonly Manifest[]): readonly Webhook[] =>
  manifests
    .filter(({ kind }) => kind.endsWith('WebhookConfiguration'))
    .flatMap((manifest) => (manifest as Configuration).webhooks);

describe('the chart, rendered', function () {
  this.timeout(60_000);
  let helm: Helm;
  let manifests: readonly Manifest[];
  before(function () {
    helm = requireHelm(this);
    manifests = helm.render(URLS);
  });

  it('helm lint has nothing against it', () => {
    const said = helm.run(['lint', '--strict', path.join(ROOT, 'charts/articdbm')], URLS);
    expect(said).to.contain('1 chart(s) linted, 0 chart(s) failed');
  });

  for (const [what, values, ...words] of WRONG) {
    it(`${what} is refused with what to do`, () => {
      const said = helm.refusal(values);
      for (const word of words) expect(said).to.contain(word);
    });
  }

  it('no object is there twice', () => {
    for (const [what, values] of RIGHT) {
      const names = helm
        .render(values)
        .map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
      expect(names, what).to.deep.equal([...new Set(names)]);
    }
  });

  it('names are those on which operator and proxies agree', () => {
    const service = find(manifests, 'Service', OPERATOR_SERVICE);
    expect(service.spec).to.deep.include({ ports: [{ name: 'https', port: 8443, targetPort: 'https' }] });
    for (const name of [KEYS_SECRET, TLS_SECRET]) expect(find(manifests, 'Secret', name)).not.to.have.property('data');
    const rules = JSON.stringify(find(manifests, 'Role', 'articdbm-operator'));
    for (const name of [KEYS_SECRET, TLS_SECRET, OPERATOR_LEASE]) expect(rules).to.contain(`"${name}"`);
    const gateways = helm.render({ ...URLS, gateways: [{ name: 'g', namespace: 'prod', backends: ['orders'] }] });
    const { template } = (find(gateways, 'Deployment', 'g') as Deployment).spec;
    expect(template.metadata.labels[INJECT_LABEL]).to.equal('gateway');
    expect(template.spec.containers.map(({ name }) => name)).to.deep.equal([PROXY_CONTAINER]);
    expect(template.spec.containers[0]?.args).to.include(`--admin=*:${String(PROXY_ADMIN_PORT)}`);
  });

  it('each CRD is there as in crds/, and stays when the chart goes', () => {
    const files = globSync(path.join(ROOT, 'crds/*.yaml'));
    expect(files.length).to.equal(3);
    for (const file of files) {
      const crd = parse(readFileSync(file, 'utf8'), { merge: true }) as Manifest;
      const rendered = find(manifests, 'CustomResourceDefinition', crd.metadata.name);
      expect(rendered.spec).to.deep.equal(crd.spec);
      expect(rendered.metadata.annotations).to.deep.equal({ 'helm.sh/resource-policy': 'keep' });
    }
    const without = helm.render({ ...URLS, crds: { install: false } });
    expect(without.filter(({ kind }) => kind === 'CustomResourceDefinition')).to.deep.equal([]);
  });

  it('no password is in an argument, a variable, or anything but its Secret', () => {
    const trial = helm.render({ evaluation: { enabled: true } });
    const secret = find(trial, 'Secret', 'articdbm-evaluation');
    const passwords = Object.entries(secretText(secret)).filter(([key]) => key.endsWith('-password'));
    expect(passwords.length).to.equal(3);
    const rest = JSON.stringify(trial.filter((manifest) => manifest !== secret));
    for (const [key, password] of passwords) {
      expect(password.length, key).to.equal(32);
      expect(rest, key).not.to.contain(password);
    }
    expect(new Set(passwords.map(([, password]) => password)).size).to.equal(3);
  });

  it('a URL reaches the operator as a mounted file of the Secret that is named, and as nothing else', () => {
    const { spec } = (find(manifests, 'Deployment', 'articdbm-operator') as Deployment).spec.template;
    const [container] = spec.containers;
    const secrets = spec.volumes?.map(({ secret }) => secret?.secretName);
    expect(secrets).to.deep.equal(['store', 'redis-operator', 'redis-proxies']);
    expect(container?.env).to.equal(undefined);
    for (const { name, mountPath } of container?.volumeMounts ?? []) {
      expect(container?.args, name).to.include(`--${name}-file=${mountPath}/url`);
    }
  });

  it('pods that ask for nothing never come to a webhook, and those that do are never let through without it', () => {
    const forPods = webhooksOf(manifests).filter(({ rules }) =>
      rules.some(({ resources }) => resources.includes('pods')),
    );
    expect(forPods.map(({ clientConfig }) => clientConfig.service.path)).to.deep.equal(['/mutate', '/validate']);
    for (const { failurePolicy, objectSelector } of forPods) {
      expect(failurePolicy).to.equal('Fail');
      expect(objectSelector).to.deep.equal({
        matchExpressions: [
          { key: INJECT_LABEL, operator: 'Exists' },
          { key: INJECT_LABEL, operator: 'NotIn', values: ['false'] },
        ],
      });
    }
  });

  it('what is added to a running pod is judged by its containers, for its label can be taken away', () => {
    const [debugging, ...rest] = webhooksOf(manifests).filter(({ rules }) =>
      rules.some(({ resources }) => resources.includes('pods/ephemeralcontainers')),
    );
    expect(rest).to.deep.equal([]);
    expect(debugging?.failurePolicy).to.equal('Fail');
    expect(debugging).not.to.have.property('objectSelector');
    expect(debugging?.matchConditions?.map(({ expression }) => expression).join()).to.include(PROXY_CONTAINER);
  });

  it('no webhook has a caBundle that an upgrade would bring back', () => {
    const all = webhooksOf(manifests);
    expect(all.length).to.be.greaterThan(1);
    for (const { clientConfig } of all) {
      expect(clientConfig).to.not.have.property('caBundle');
      expect(clientConfig.service).to.deep.include({ name: OPERATOR_SERVICE, namespace: NAMESPACE, port: 8443 });
    }
  });

  it('with watchNamespaces nothing but tokens and webhooks is cluster-wide, and other namespaces are not called about', () => {
    const some = helm.render({ ...URLS, watchNamespaces: ['shop', 'prod'] });
    const bound = some.filter(({ kind }) => kind === 'ClusterRoleBinding').map(({ metadata }) => metadata.name);
    expect(bound).to.deep.equal(['articdbm-operator']);
    const roles = some.filter(({ metadata }) => metadata.name === 'articdbm-operator-watched');
    expect(roles.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}`).sort()).to.deep.equal([
      'Role prod',
      'Role shop',
      'RoleBinding prod',
      'RoleBinding shop',
    ]);
    const selector = {
      matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['shop', 'prod'] }],
    };
    for (const { namespaceSelector } of webhooksOf(some)) expect(namespaceSelector).to.deep.equal(selector);
    const { args } =
      (find(some, 'Deployment', 'articdbm-operator') as Deployment).spec.template.spec.containers[0] ?? {};
    expect(args).to.include.members(['--watch-namespaces=shop', '--watch-namespaces=prod']);
  });

  it('a gateway listens for what it was told, and says it in its Service', () => {
    const values = RIGHT.find(([what]) => what === 'gateways')?.[1] ?? {};
    const gateways = helm.render(values);
    const all = deploymentsOf(gateways).find(({ metadata }) => metadata.name === 'all');
    const [container] = all?.spec.template.spec.containers ?? [];
    expect(all?.spec.replicas).to.equal(3);
    expect(container?.args).to.include.members([
      '--mode=gateway',
      '--listen=prod/orders=*:15432',
      '--listen=prod/billing=*:15433',
      '--listen=prod/a.b-c=*:15434',
      '--tls-cert=/run/articdbm/tls/tls.crt',
      '--require-tls',
    ]);
    const ports = (find(gateways, 'Service', 'all').spec as { readonly ports: readonly { readonly port: number }[] })
      .ports;
    expect(ports.map(({ port }) => port)).to.deep.equal([15432, 15433, 15434]);
    const resources = (container as unknown as { readonly resources: unknown }).resources;
    expect(resources).to.deep.equal({ requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '2Gi' } });
  });

  it('a gateway’s heap grows with its memory limit, and Node takes the flag', () => {
    const of = (resources: unknown) => {
      const gateways = [{ name: 'g', namespace: 'prod', backends: ['orders'], resources }];
      return (find(helm.render({ ...URLS, gateways }), 'Deployment', 'g') as Deployment).spec.template.spec
        .containers[0];
    };
    const [option] = of({ limits: { memory: '1Gi' } })?.env ?? [];
    expect(option?.name).to.equal('NODE_OPTIONS');
    const heap = (flag = ''): number => {
      const print = 'process.stdout.write(String(v8.getHeapStatistics().heap_size_limit))';
      const { stdout, stderr } = spawnSync(process.execPath, ['-e', print], {
        encoding: 'utf8',
        env: { NODE_OPTIONS: flag },
      });
      expect(stderr).to.equal('');
      return Number(stdout);
    };
    // Here of the machine's memory, or of what this process is limited to.
    const whole = process.constrainedMemory() < totalmem() ? process.constrainedMemory() : totalmem();
    expect(heap(option?.value) / whole).to.be.closeTo(0.5, 0.1);
    // Without a limit it would be half of the node: the image's own bound stays.
    const unbound = helm.render({
      ...URLS,
      gatewayDefaults: { resources: { limits: null } },
      gateways: [{ name: 'g', namespace: 'prod', backends: ['orders'] }],
    });
    expect((find(unbound, 'Deployment', 'g') as Deployment).spec.template.spec.containers[0]?.env).to.equal(undefined);
  });

  it('what one gateway is given is not left to the next', () => {
    const values = RIGHT.find(([what]) => what === 'gateways')?.[1] ?? {};
    const shop = deploymentsOf(helm.render(values)).find(({ metadata }) => metadata.namespace === 'shop');
    const [container] = shop?.spec.template.spec.containers ?? [];
    expect(container).to.deep.include({
      resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '1Gi' } },
    });
    expect(container?.args).to.include.members(['--listen=shop/orders=*:5432', '--log-level=info']);
    expect(container?.args).not.to.include('--require-tls');
  });
});
