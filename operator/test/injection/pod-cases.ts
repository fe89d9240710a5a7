import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { InjectConfig, InjectRequest } from '#operator/serving/inject-config';
import type { PatchOperation } from '#operator/serving/inject-patch';

export const TESTDATA = join(import.meta.dirname, '../../src/serving/testdata');

/** A pod of testdata/inject. */
export interface PodCase {
  readonly name: string;
  readonly pod: Readonly<Record<string, unknown>>;
  readonly request: InjectRequest;
  /** Pod Security admits it at the level restricted. */
  readonly restricted: boolean;
}

export const CONFIG: InjectConfig = {
  image: 'registry.example/articdbm/proxy:0.1.0',
  imagePullPolicy: 'IfNotPresent',
  operatorUrl: 'https://articdbm.articdbm-system.svc:8443',
  caBundle: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  resources: { requests: { cpu: '10m', memory: '96Mi' }, limits: { memory: '256Mi' } },
  logLevel: 'info',
  refuseAfter: '24h',
};

export const REQUEST: InjectRequest = { namespace: 'shop', config: CONFIG };

export function podCases(): readonly PodCase[] {
  return readdirSync(join(TESTDATA, 'inject'))
    .filter((file) => !file.endsWith('.golden.yaml'))
    .map((file) => {
      const source = parse(readFileSync(join(TESTDATA, 'inject', file), 'utf8')) as {
        readonly pod: Readonly<Record<string, unknown>>;
        readonly config?: Partial<InjectConfig>;
        readonly restricted?: boolean;
      };
      const request = { namespace: 'shop', config: { ...CONFIG, ...source.config } };
      return { name: file.replace('.yaml', ''), pod: source.pod, request, restricted: source.restricted === true };
    });
}

/** RFC 6902, as the API server does it, for `add`, `replace` and `remove`. Throws where an operation has no place. */
export function applyPatch(document: unknown, patch: readonly PatchOperation[]): unknown {
  const result = structuredClone({ document }) as Record<string, unknown>;
  for (const { op, path, value } of patch) {
    const steps = `/document${path}`.split('/').slice(1);
    const names = steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = names.pop() ?? '';
    const parent = names.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], result);
    change(parent, last, op, structuredClone(value));
  }
  return result.document;
}

function change(parent: unknown, name: string, op: PatchOperation['op'], value: unknown): void {
  if (typeof parent !== 'object' || parent === null) throw new Error('the parent is not there');
  const isThere = Object.hasOwn(parent, name);
  if (op !== 'add' && !isThere) throw new Error(`nothing to ${op}`);
  if (Array.isArray(parent)) {
    if (Number(name) > parent.length) throw new Error('beyond the end of the list');
    if (op === 'replace') parent[Number(name)] = value;
    else if (op === 'add') parent.splice(Number(name), 0, value);
    else parent.splice(Number(name), 1);
    return;
  }
  if (op === 'remove') Reflect.deleteProperty(parent, name);
  else Object.defineProperty(parent, name, { value, enumerable: true, configurable: true, writable: true });
}
