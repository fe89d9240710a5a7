import { expect } from 'chai';
import { REQUEST, podCases } from '../../test/injection/pod-cases.ts';
import type { Pod } from './inject-pod.ts';
import { inject } from './inject.ts';
import { validatePod, type PodReview } from './validate-pod.ts';

const REVIEW: PodReview = { ...REQUEST, resource: 'pods' };
const EPHEMERAL: PodReview = { ...REQUEST, resource: 'pods/ephemeralcontainers' };

function injected(name: string): Pod {
  const given = podCases().find((one) => one.name === name);
  const injection = inject(given?.pod, REQUEST);
  if (injection.kind !== 'patch') throw new Error(name);
  return injection.pod;
}

const withSpec = (pod: Pod, changes: object): unknown => ({ ...pod, spec: { ...pod.spec, ...changes } });

describe('validatePod', () => {
  for (const { name, pod, request } of podCases()) {
    const injection = inject(pod, request);
    if (injection.kind !== 'patch') continue;

    it(`allows ${name}.yaml as the injector leaves it`, () => {
      expect(validatePod(injection.pod, { ...request, resource: 'pods' })).to.deep.equal({
        allowed: true,
        warnings: [],
      });
    });

    it(`refuses ${name}.yaml as it came: something has kept the injector away`, () => {
      const verdict = validatePod(pod, { ...request, resource: 'pods' });
      expect(verdict).to.include({ allowed: false, reason: 'NotInjected' });
      expect(verdict.message).to.contain('/spec/volumes');
    });
  }

  it('allows what does not ask', () => {
    expect(validatePod({ metadata: {}, spec: { containers: [] } }, REVIEW).allowed).to.equal(true);
  });

  const plain = injected('plain');
  for (const [situation, changes, reason] of [
    ['has taken the sidecar out', { initContainers: [] }, 'NotInjected'],
    ['has taken the volumes out', { volumes: [] }, 'NotInjected'],
    [
      'runs another program in the sidecar',
      { initContainers: [{ ...plain.spec.initContainers?.[0], command: ['/evil'] }] },
      'ForgedSidecar',
    ],
    ['shares its processes', { shareProcessNamespace: true }, 'SharedProcesses'],
    [
      'adds a container that mounts the token',
      {
        containers: [
          ...plain.spec.containers,
          { name: 'x', volumeMounts: [{ name: 'articdbm-token', mountPath: '/t' }] },
        ],
      },
      'VolumeMounted',
    ],
    [
      'puts the state on disk',
      { volumes: [plain.spec.volumes?.[0], { name: 'articdbm-state', hostPath: { path: '/tmp' } }] },
      'VolumeTaken',
    ],
    [
      'adds a second token of our audience',
      {
        volumes: [
          ...(plain.spec.volumes ?? []),
          { name: 'x', projected: { sources: [{ serviceAccountToken: { audience: 'articdbm.io' } }] } },
        ],
      },
      'AudienceProjected',
    ],
  ] as const) {
    it(`refuses a pod when a later webhook ${situation}`, () => {
      const verdict = validatePod(withSpec(plain, changes), REVIEW);
      expect(verdict).to.include({ allowed: false, reason });
      expect(verdict.message).to.be.a('string').that.is.not.empty;
    });
  }

  it('refuses a changed mark of what was injected', () => {
    const annotations = { ...plain.metadata.annotations, 'articdbm.io/injected': 'shop/other=1' };
    const pod = { ...plain, metadata: { ...plain.metadata, annotations } };
    expect(validatePod(pod, REVIEW)).to.include({ allowed: false, reason: 'NotInjected' });
  });

  it('warns of a container that was added later and knows of no backend', () => {
    const pod = withSpec(plain, { containers: [...plain.spec.containers, { name: 'mesh', image: 'm:1' }] });
    const verdict = validatePod(pod, REVIEW);
    expect(verdict.allowed).to.equal(true);
    expect(verdict.warnings).to.have.length(1);
  });

  describe('of an ephemeral container', () => {
    const adding = (container: object): unknown =>
      withSpec(plain, { ephemeralContainers: [{ name: 'debug', image: 'd:1', ...container }] });

    it('allows one that looks at the application', () => {
      expect(validatePod(adding({ targetContainerName: 'app' }), EPHEMERAL)).to.deep.equal({
        allowed: true,
        warnings: [],
      });
    });

    for (const [situation, container, reason] of [
      ['mounts the token', { volumeMounts: [{ name: 'articdbm-token', mountPath: '/t' }] }, 'VolumeMounted'],
      ['mounts the state', { volumeMounts: [{ name: 'articdbm-state', mountPath: '/s' }] }, 'VolumeMounted'],
      ['targets the sidecar', { targetContainerName: 'articdbm-proxy' }, 'SidecarTargeted'],
      [
        'calls itself the sidecar',
        { name: 'articdbm-proxy', volumeMounts: [{ name: 'articdbm-token', mountPath: '/t' }] },
        'VolumeMounted',
      ],
    ] as const) {
      it(`refuses one that ${situation}`, () => {
        expect(validatePod(adding(container), EPHEMERAL)).to.include({ allowed: false, reason });
        expect(validatePod(adding(container), REVIEW)).to.include({ allowed: false, reason });
      });

      it(`refuses one that ${situation} when the label has been taken from the pod, or says no`, () => {
        for (const labels of [{}, { 'articdbm.io/inject': 'false' }]) {
          const pod = { ...(adding(container) as Pod), metadata: { ...plain.metadata, labels } };
          expect(validatePod(pod, EPHEMERAL)).to.include({ allowed: false, reason });
        }
      });
    }

    it('is nothing to us in a pod without a proxy', () => {
      const { initContainers: _, ...spec } = plain.spec;
      const debug = { name: 'debug', image: 'd:1', targetContainerName: 'articdbm-proxy' };
      expect(validatePod({ ...plain, spec: { ...spec, ephemeralContainers: [debug] } }, EPHEMERAL)).to.deep.equal({
        allowed: true,
        warnings: [],
      });
    });

    it('does not judge the sidecar of a pod that an older release made', () => {
      const [sidecar] = plain.spec.initContainers ?? [];
      const older = withSpec(plain, {
        initContainers: [{ ...sidecar, image: 'registry.example/articdbm/proxy:0.0.9' }],
      });
      expect(validatePod(older, EPHEMERAL).allowed).to.equal(true);
      expect(validatePod(older, REVIEW).allowed).to.equal(false);
    });

    it('refuses what is no pod', () => {
      expect(validatePod({}, EPHEMERAL)).to.include({ allowed: false, reason: 'NotAPod' });
    });
  });
});
