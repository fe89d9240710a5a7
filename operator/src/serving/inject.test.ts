import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { INJECT_REASONS } from './inject-refusal.ts';
import { CONFIG, REQUEST, TESTDATA, applyPatch, podCases } from '../../test/injection/pod-cases.ts';
import { inject, type Injection } from './inject.ts';

/** Compares with a golden file; REFRESH=1 writes it anew. */
function expectGolden(file: string, value: unknown): void {
  const path = join(TESTDATA, file);
  const text = stringify(JSON.parse(JSON.stringify(value)), { lineWidth: 0, aliasDuplicateObjects: false });
  if (process.env.REFRESH === '1') writeFileSync(path, text);
  expect(text).to.equal(readFileSync(path, 'utf8'));
}

function patched(value: unknown, request = REQUEST): Extract<Injection, { kind: 'patch' }> {
  const injection = inject(value, request);
  if (injection.kind !== 'patch') throw new Error(`${injection.kind}: ${JSON.stringify(injection)}`);
  return injection;
}

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('inject', () => {
  for (const { name, pod, request } of podCases()) {
    const before = structuredClone(pod);
    const injection = inject(pod, request);

    it(`makes of ${name}.yaml what ${name}.golden.yaml says (REFRESH=1 writes it anew)`, () => {
      expectGolden(`inject/${name}.golden.yaml`, injection);
      expect(pod).to.deep.equal(before);
    });

    it(`finds nothing to refuse in ${name}.yaml`, () => {
      expect(injection.kind).to.equal(name === 'unlabelled' ? 'none' : 'patch');
    });
    if (injection.kind !== 'patch') continue;

    it(`makes the same pod of ${name}.yaml by its patch`, () => {
      expect(applyPatch(pod, injection.patch)).to.deep.equal(injection.pod);
    });

    it(`adds nothing to ${name}.yaml the second time`, () => {
      expect(inject(injection.pod, request)).to.deep.equal({ kind: 'none' });
    });

    it(`takes nothing away from ${name}.yaml`, () => {
      expect(injection.patch.filter(({ op }) => op !== 'add')).to.deep.equal([]);
    });
  }

  for (const [situation, changes] of [
    ['far more containers than a node runs', { containers: many(60_000, (index) => ({ name: `c${index}` })) }],
    ['containers that are none', { containers: many(800_000, () => 1) }],
    ['variables that are none', { containers: [{ name: 'app', env: many(800_000, () => 1) }] }],
  ] as const) {
    it(`refuses ${situation}, which anybody may post, and keeps nobody waiting by it`, () => {
      const annotations = { 'articdbm.io/postgresql': many(64, (index) => `b${index}`).join() };
      const metadata = { labels: { 'articdbm.io/inject': 'true' }, annotations };
      const began = performance.now();
      expect(inject({ metadata, spec: changes }, REQUEST)).to.include({ kind: 'refused', reason: 'NotAPod' });
      expect(performance.now() - began, 'milliseconds').to.be.below(2_000);
    });
  }

  it('tells 256 containers of 64 backends, and no more', () => {
    const podOf = (count: number): unknown => ({
      metadata: {
        labels: { 'articdbm.io/inject': 'true' },
        annotations: { 'articdbm.io/postgresql': many(64, (index) => `b${index}`).join() },
      },
      spec: { containers: many(count, (index) => ({ name: `c${index}` })) },
    });
    const { pod } = patched(podOf(256));
    expect(inject(podOf(257), REQUEST)).to.include({ kind: 'refused', reason: 'NotAPod' });
    expect(pod.spec.containers.at(-1)?.env).to.have.length(3 * 64);
  });

  it('refuses each of inject-refused.yaml for the reason in its golden file', () => {
    const text = readFileSync(join(TESTDATA, 'inject-refused.yaml'), 'utf8');
    const cases = parseAllDocuments(text).map((document) => document.toJS() as { case: string; pod: unknown });
    const refused = cases.map(({ case: situation, pod }) => {
      const injection = inject(pod, REQUEST);
      if (injection.kind !== 'refused') throw new Error(`${situation}: ${injection.kind}`);
      return { case: situation, reason: injection.reason, message: injection.message };
    });
    expectGolden('inject-refused.golden.yaml', refused);
    const elsewhere = new Set(['SidecarTargeted', 'NotInjected']);
    const missing = INJECT_REASONS.filter(
      (reason) => !elsewhere.has(reason) && !refused.some((one) => one.reason === reason),
    );
    expect(missing).to.deep.equal([]);
  });

  it('says in no refusal what no terminal should see', () => {
    for (const { message } of refusals()) expect(message).to.match(/^[^\p{C}]+$/u);
  });

  describe('called again after other webhooks', () => {
    const done = patched(plainPod()).pod;
    const [sidecar] = done.spec.initContainers ?? [];
    const mounts = sidecar?.volumeMounts ?? [];
    const withSidecar = (changes: object): unknown => ({
      ...done,
      spec: { ...done.spec, initContainers: [{ ...sidecar, ...changes }] },
    });

    it('tells a container that was added meanwhile where the backends are', () => {
      const more = {
        ...done,
        spec: { ...done.spec, containers: [...done.spec.containers, { name: 'mesh', image: 'm:1' }] },
      };
      const { patch } = patched(more);
      expect(patch.map(({ op, path }) => `${op} ${path}`)).to.deep.equal(['add /spec/containers/1/env']);
    });

    it('keeps its place when another has put itself first', () => {
      const [app] = done.spec.containers;
      const mesh = { ...app, name: 'mesh' };
      const inits = [mesh, ...(done.spec.initContainers ?? [])];
      expect(inject({ ...done, spec: { ...done.spec, initContainers: inits } }, REQUEST).kind).to.equal('none');
    });

    for (const [situation, changes] of [
      ['a mirror of the registry', { image: 'mirror.local:5000/cache/articdbm/proxy:0.1.0' }],
      ['a digest behind the tag', { image: `${CONFIG.image}@sha256:${'a'.repeat(64)}` }],
      ['resources of a LimitRange', { resources: { limits: { cpu: '1', memory: '1Gi' } } }],
      [
        "the API's token and a cloud's",
        {
          env: [{ name: 'AWS_ROLE_ARN', value: 'arn' }],
          volumeMounts: [
            ...mounts,
            { name: 'kube-api-access-x', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
          ],
        },
      ],
    ] as const) {
      it(`leaves ${situation} alone`, () => {
        expect(inject(withSidecar(changes), REQUEST).kind).to.equal('none');
      });
    }

    for (const [field, changes] of [
      ['image', { image: 'evil.example/articdbm/proxy:0.1.1' }],
      ['image', { image: 'evil.example/other@sha256:aa' }],
      ['image', { image: undefined }],
      ['command', { command: ['/bin/sh'] }],
      ['args', { args: [] }],
      ['env', { env: [{ name: 'NODE_OPTIONS', value: '--require=/evil.js' }] }],
      ['env', { env: [{ name: 'ARTICDBM_OPERATOR', value: 'https://evil.example' }] }],
      ['env', { env: [{ name: 'LD_PRELOAD', value: '/evil.so' }] }],
      ['envFrom', { envFrom: [{ secretRef: { name: 'evil' } }] }],
      ['volumeMounts', { volumeMounts: [] }],
      ['volumeMounts', { volumeMounts: [...mounts, { name: 'x', mountPath: '/app', readOnly: true }] }],
      ['volumeMounts', { volumeMounts: [...mounts, { name: 'x', mountPath: '/var/run/secrets/x' }] }],
      [
        'volumeMounts',
        {
          volumeMounts: [...mounts, { name: 'x', mountPath: '/var/run/secrets/../../../app', readOnly: true }],
        },
      ],
      ['volumeMounts', { volumeMounts: [...mounts, mounts[0]] }],
      ['securityContext', { securityContext: { ...(sidecar?.securityContext as object), runAsUser: 0 } }],
      ['securityContext', { securityContext: undefined }],
      ['restartPolicy', { restartPolicy: undefined }],
      ['startupProbe', { startupProbe: undefined }],
      ['lifecycle', { lifecycle: { postStart: { exec: { command: ['evil'] } } } }],
      ['stdin', { stdin: true }],
    ] as const) {
      it(`refuses a sidecar with another ${field}: ${JSON.stringify(changes).slice(0, 70)}`, () => {
        const injection = inject(withSidecar(changes), REQUEST);
        expect(injection).to.include({ kind: 'refused', reason: 'ForgedSidecar' });
        expect(injection.kind === 'refused' && injection.message).to.contain(`(${field})`);
      });
    }

    it("refuses a second container of the sidecar's name", () => {
      const two = { ...done, spec: { ...done.spec, containers: [...done.spec.containers, sidecar] } };
      expect(inject(two, REQUEST)).to.include({ reason: 'ForgedSidecar' });
    });

    it('refuses a copy of a pod whose annotation asks for something else by now', () => {
      const annotations = { 'articdbm.io/postgresql': 'orders=15999' };
      expect(inject({ ...done, metadata: { ...done.metadata, annotations } }, REQUEST)).to.include({
        reason: 'ForgedSidecar',
      });
    });
  });
});

function plainPod(): unknown {
  return podCases().find(({ name }) => name === 'plain')?.pod;
}

function refusals(): readonly { readonly message: string }[] {
  const text = readFileSync(join(TESTDATA, 'inject-refused.yaml'), 'utf8');
  return parseAllDocuments(text).flatMap((document) => {
    const injection = inject((document.toJS() as { pod: unknown }).pod, REQUEST);
    return injection.kind === 'refused' ? [injection] : [];
  });
}
