import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '#operator/kube/resource';
import { skipUnless } from '#test/harness/skip';

export const ROOT = path.join(import.meta.dirname, '../../..');
export const CHART = path.join(ROOT, 'charts/articdbm');
export const NAMESPACE = 'articdbm-system';

/** Without a version of its own, a helm that was built from its module takes an old cluster for granted. */
const TEMPLATE = ['--namespace', NAMESPACE, '--kube-version', 'v1.36.3'] as const;

export type Values = Readonly<Record<string, unknown>>;

/** Where store and Redis come from; nothing is rendered without. */
export const URLS: Values = {
  store: { urlSecret: { name: 'store' } },
  redis: { operatorUrlSecret: { name: 'redis-operator' }, proxyUrlSecret: { name: 'redis-proxies' } },
};

export interface Manifest extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec?: unknown;
}

export interface Helm {
  /** `v4.3` or `v3.22`. */
  readonly version: string;
  /** What it renders. Throws with what helm says. */
  render(values: Values, options?: RenderOptions): readonly Manifest[];
  /** What helm says when it refuses; throws when it doesn't. */
  refusal(values: Values): string;
  /** Any command, with the values on its standard input (`-f -`). Throws with what helm says. */
  run(args: readonly string[], values?: Values): string;
}

export interface RenderOptions {
  readonly chart?: string;
  readonly release?: string;
}

const BUILD = path.join(ROOT, 'e2e/cluster/build.sh');
const BUILD_MS = 30 * 60_000;
const RUN_MS = 120_000;

const folders = new Set<string>();
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * For `before` hooks: $HELM, else what e2e/cluster/build.sh has compiled or compiles now (minutes, once on a machine).
 * Skips the suite by name where there is neither and no Go, fails there where CI=true.
 */
export function requireHelm(context: Mocha.Context): Helm {
  const given = process.env.HELM;
  if (given !== undefined) return new Program(given);
  skipUnless(context, spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0, 'HELM, or go to build helm');
  context.timeout(BUILD_MS);
  const built = spawnSync(BUILD, ['helm'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: BUILD_MS,
  });
  if (built.status !== 0) throw new Error('e2e/cluster/build.sh helm failed');
  return new Program(built.stdout.trim());
}

class Program implements Helm {
  readonly version: string;
  readonly #binary: string;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'articdbm-helm-'));

  constructor(binary: string) {
    this.#binary = binary;
    folders.add(this.#folder);
    this.version = this.run(['version', '--short']).trim();
  }

  render(values: Values, { chart = CHART, release = 'articdbm' }: RenderOptions = {}): readonly Manifest[] {
    return manifestsOf(this.run(['template', release, chart, ...TEMPLATE], values));
  }

  refusal(values: Values): string {
    const { status, stderr } = this.#spawn(['template', 'articdbm', CHART, ...TEMPLATE], values);
    if (status === 0) throw new Error('helm took it');
    return stderr;
  }

  run(args: readonly string[], values?: Values): string {
    const { status, stdout, stderr } = this.#spawn(args, values);
    if (status !== 0) throw new Error(`helm ${args.slice(0, 2).join(' ')}: ${stderr}`);
    return stdout;
  }

  #spawn(args: readonly string[], values?: Values) {
    const home = { HOME: this.#folder, HELM_CACHE_HOME: this.#folder, HELM_CONFIG_HOME: this.#folder };
    const input = values === undefined ? {} : { input: JSON.stringify(values) };
    const result = spawnSync(this.#binary, values === undefined ? args : [...args, '--values', '-'], {
      encoding: 'utf8',
      timeout: RUN_MS,
      maxBuffer: 32 * 2 ** 20,
      env: { PATH: process.env.PATH, ...home, HELM_DATA_HOME: this.#folder },
      ...input,
    });
    if (result.error !== undefined) throw result.error;
    return result;
  }
}

export function manifestsOf(text: string): readonly Manifest[] {
  const documents = parseAllDocuments(text, { merge: true });
  if (!Array.isArray(documents)) return [];
  const all = documents.map((document) => {
    if (document.errors.length > 0) throw document.errors[0] ?? new Error('no YAML');
    return document.toJS() as Manifest | null;
  });
  return all.filter((manifest) => manifest !== null);
}

/** The one of that kind and name. */
export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${kind} ${name}: there are ${String(found.length)}`);
  return first;
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly containers: readonly Container[];
    readonly volumes?: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[];
  };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface Deployment extends Manifest {
  readonly spec: { readonly replicas: number; readonly template: PodTemplate };
}

export const deploymentsOf = (manifests: readonly Manifest[]): readonly Deployment[] =>
  manifests.filter((manifest): manifest is Deployment => manifest.kind === 'Deployment');

/** A Secret's keys as text. */
export function secretText(secret: Manifest): Readonly<Record<string, string>> {
  return (secret as Manifest & { readonly stringData?: Readonly<Record<string, string>> }).stringData ?? {};
}
