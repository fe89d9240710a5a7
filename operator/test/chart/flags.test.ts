import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OPERATOR, operatorOptions } from '#cli/operator/command';
import { clusterOptions } from '#proxy/cluster/options';
import { parseFlags } from '#proxy/flags';
import { PROXY } from '#proxy/proxy-command';
import { serveOptions } from '#proxy/serve-flags';
import { deploymentsOf, find, NAMESPACE, requireHelm, type Deployment, type Helm } from './helm.ts';
import { RIGHT } from './values.ts';

/** As the injector adds them to a gateway's container. */
const INJECTED = {
  ARTICDBM_OPERATOR: 'https://articdbm.articdbm-system.svc:8443',
  ARTICDBM_OPERATOR_CA: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
};

/** What pods are given unless values say otherwise: the same by the chart's defaults as by the flags'. */
const SIDECAR = operatorOptions(
  parseFlags(
    OPERATOR,
    [
      '--store-url=postgres://x/y',
      '--redis-url=redis://x',
      '--proxy-redis-url=redis://x',
      '--proxy-image=articdbm/proxy:0.1.0',
    ],
    {},
  ),
).sidecar;
const SIDECARS: Readonly<Record<string, Partial<typeof SIDECAR>>> = {
  'everything else': {
    image: 'registry.example.com:5000/a/proxy:x',
    imagePullPolicy: 'Never',
    logLevel: 'debug',
    refuseAfter: '90m',
    resources: {
      requests: { cpu: '1', memory: '2.68435456e+08' },
      limits: { cpu: '1.5', memory: '1Gi', 'ephemeral-storage': '64Mi' },
    },
  },
  'sidecars without limits': { resources: { requests: { cpu: '10m', memory: '96Mi' }, limits: {} } },
};

describe('the flags that the chart writes', function () {
  this.timeout(60_000);
  let helm: Helm;
  before(function () {
    helm = requireHelm(this);
  });

  const valuesOf = (name: string) => RIGHT.find(([what]) => what === name)?.[1] ?? {};
  const argsOf = (deployment: Deployment): readonly string[] => deployment.spec.template.spec.containers[0]?.args ?? [];
  const without = (args: readonly string[], ...names: readonly string[]): readonly string[] =>
    args.filter((arg) => !names.some((name) => arg.startsWith(`--${name}`)));

  it('are those of a gateway, which takes them', () => {
    const gateways = deploymentsOf(helm.render(valuesOf('gateways'))).filter(
      ({ metadata }) => metadata.name !== 'articdbm-operator',
    );
    expect(gateways.length).to.equal(3);
    for (const gateway of gateways) {
      const [command, ...args] = argsOf(gateway);
      expect(command).to.equal('proxy');
      // The files are in the container only.
      const flags = parseFlags(PROXY, without(args, 'tls-', 'require-tls'), INJECTED);
      expect(clusterOptions(flags).mode).to.equal('gateway');
      expect(serveOptions(flags).drain).to.equal(45_000);
      for (const name of args.filter((arg) => arg.startsWith('--tls-') || arg === '--require-tls')) {
        expect(PROXY.flags.map((flag) => `--${flag.name}`)).to.include(name.split('=')[0]);
      }
    }
    const all = gateways.find(({ metadata }) => metadata.name === 'all');
    const args = all === undefined ? [] : without(argsOf(all).slice(1), 'tls-', 'require-tls');
    const { listeners } = clusterOptions(parseFlags(PROXY, args, INJECTED));
    expect(listeners).to.deep.include({ backend: 'prod/billing', host: '*', port: 15_433 });
  });

  it('are those of the operator, which takes them', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'articdbm-flags-'));
    const urls = { store: 'postgres://a:b@store/x', redis: 'redis://a:b@redis', 'proxy-redis': 'redis://c:d@redis' };
    for (const [name, url] of Object.entries(urls)) {
      mkdirSync(path.join(folder, name));
      writeFileSync(path.join(folder, name, 'url'), url);
    }
    try {
      for (const [what, values] of RIGHT) {
        const operator = find(helm.render(values), 'Deployment', 'articdbm-operator') as Deployment;
        const [command, ...args] = argsOf(operator);
        expect(command, what).to.equal('operator');
        const here = args.map((arg) => arg.replace('/run/articdbm', folder));
        const options = operatorOptions(parseFlags(OPERATOR, here, {}));
        expect(options.watchNamespaces, what).to.deep.equal(values.watchNamespaces ?? []);
        expect(options.serviceHost, what).to.equal(`articdbm.${NAMESPACE}.svc`);
        expect([options.listen.port, options.admin.port], what).to.deep.equal([8443, 9090]);
        expect(options.sidecar, what).to.deep.equal({ ...SIDECAR, ...SIDECARS[what] });
        // kubelet waits for 30 s.
        expect(options.stopWithin, what).to.be.lessThan(30_000);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
