import { expect } from 'chai';
import fc from 'fast-check';
import { CONFIG, REQUEST, applyPatch } from '../../test/injection/pod-cases.ts';
import { patchOf } from './inject-patch.ts';
import type { Container, Pod } from './inject-pod.ts';
import { INJECT_REASONS } from './inject-refusal.ts';
import { inject } from './inject.ts';
import { validatePod } from './validate-pod.ts';

/** Mostly in order, now and then one of everything that is not. */
const seldom = <T, U>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<U>): fc.Arbitrary<T | U> =>
  fc.oneof({ arbitrary: usual, weight: 20 }, { arbitrary: other, weight: 1 });
const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

const env = fc.oneof(
  fc.record({ name: fc.stringMatching(/^[A-Z_]{1,8}$/), value: fc.string() }),
  fc.record({ name: fc.constant('NODE'), valueFrom: fc.constant({ fieldRef: { fieldPath: 'spec.nodeName' } }) }),
  fc.constantFrom(
    { name: 'ORDERS_HOST', value: '127.0.0.1' },
    { name: 'ORDERS_PORT', value: '15432' },
    { name: 'ORDERS_URL', value: 'postgresql://elsewhere' },
  ),
);
const mounted = seldom(name, fc.constantFrom('articdbm-token', 'articdbm-state'));
const container = fc.record(
  {
    name: seldom(name, fc.constantFrom('articdbm-proxy')),
    image: name,
    env: fc.array(env, { maxLength: 4 }),
    ports: fc.array(
      fc.record({ containerPort: seldom(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(15_432, 19_090)) }),
      { maxLength: 2 },
    ),
    volumeMounts: fc.array(fc.record({ name: mounted, mountPath: fc.string() }), { maxLength: 2 }),
    securityContext: fc.dictionary(name, fc.boolean(), { maxKeys: 2 }),
    readinessProbe: fc.constant({ tcpSocket: { port: 1 } }),
    restartPolicy: fc.constant('Always'),
  },
  { requiredKeys: ['name'] },
);
const containers = (minLength: number): fc.Arbitrary<unknown[]> =>
  fc.uniqueArray(container, { minLength, maxLength: 3, selector: (one) => one.name });
const backends = fc
  .array(seldom(fc.constantFrom('orders', 'crm', 'prod/x=15440', 'a-b', '9', 'y=15432'), fc.string()), { maxLength: 4 })
  .map((items) => items.join(','));
const pods = fc
  .record({
    metadata: fc.record(
      {
        labels: fc.constant({ app: 'x' }).chain((labels) =>
          seldom(fc.constant('true'), fc.constantFrom('gateway', 'false')).map((value) => ({
            ...labels,
            'articdbm.io/inject': value,
          })),
        ),
        annotations: seldom(
          backends.map((text) => ({ other: 'x', 'articdbm.io/postgresql': text })),
          fc.dictionary(fc.constantFrom('articdbm.io/redis', 'articdbm.io/injected', 'x'), fc.string()),
        ),
      },
      { requiredKeys: ['labels'] },
    ),
    spec: fc.record(
      {
        containers: containers(1),
        initContainers: maybe(containers(0)),
        volumes: maybe(
          fc.uniqueArray(fc.record({ name: mounted, emptyDir: fc.constant({}) }), {
            maxLength: 3,
            selector: (one) => one.name,
          }),
        ),
        hostNetwork: seldom(fc.constant(false), fc.constant(true)),
        securityContext: fc.constant({ runAsUser: 1000 }),
        serviceAccountName: name,
      },
      { requiredKeys: ['containers'] },
    ),
  })
  // As the API server sends them: what is undefined is absent.
  .map((pod) => JSON.parse(JSON.stringify(pod)) as Pod);

const withoutEnv = ({ env: _, ...rest }: Container): unknown => rest;

/** All but the proxy, its volumes, its mark and env before the containers' own. */
function expectOthersAlone(given: Pod, pod: Pod): void {
  const { containers, initContainers, volumes, ...rest } = pod.spec;
  const { containers: hadContainers, initContainers: hadInits, volumes: hadVolumes, ...hadRest } = given.spec;
  expect(rest).to.deep.equal(hadRest);
  expect(volumes?.slice(0, -2)).to.deep.equal(hadVolumes ?? []);
  if (given.metadata.labels?.['articdbm.io/inject'] === 'gateway') return;
  const had = [...(hadInits ?? []), ...hadContainers];
  const has = [...(initContainers ?? []).slice(1), ...containers];
  expect(has.map(withoutEnv)).to.deep.equal(had.map(withoutEnv));
  for (const [index, { env: own }] of had.entries()) {
    if (own === null || own === undefined) continue;
    expect(has[index]?.env?.slice(-own.length || Infinity)).to.deep.equal(own);
  }
}

describe('inject, over random pods', function () {
  this.timeout(60_000);

  it('patches as it says, once, and leaves all that was there as it was but for env', () => {
    let patched = 0;
    fc.assert(
      fc.property(pods, (given) => {
        const before = structuredClone(given);
        const injection = inject(given, REQUEST);
        expect(given).to.deep.equal(before);
        if (injection.kind !== 'patch') return;
        patched++;
        const { pod, patch } = injection;
        expect(applyPatch(given, patch)).to.deep.equal(pod);
        expect(inject(pod, REQUEST)).to.deep.equal({ kind: 'none' });
        expect(validatePod(pod, { ...REQUEST, resource: 'pods' }).allowed).to.equal(true);
        expectOthersAlone(given, pod);
      }),
      { numRuns: 2_000 },
    );
    // Else the property would hold of nothing.
    expect(patched).to.be.greaterThan(300);
  });

  it('refuses in words, and for a reason that is listed', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(pods, (random) => {
        const injection = inject(random, REQUEST);
        if (injection.kind !== 'refused') return;
        seen.add(injection.reason);
        expect(INJECT_REASONS).to.include(injection.reason);
        expect(injection.message).to.match(/^[^\p{C}]{20,700}$/u);
      }),
      { numRuns: 2_000 },
    );
    expect(seen.size).to.be.greaterThan(6);
  });

  it('answers whatever it is given', () => {
    const junk = fc.oneof(
      fc.anything(),
      fc.record({ metadata: fc.anything(), spec: fc.anything() }),
      fc.record({
        metadata: fc.record({
          labels: fc.constant({ 'articdbm.io/inject': 'true' }),
          annotations: fc.dictionary(fc.string(), fc.string()),
        }),
        spec: fc.record({
          containers: fc.array(fc.record({ name: fc.string(), env: fc.anything(), kind: fc.constant('refused') })),
        }),
      }),
    );
    fc.assert(
      fc.property(junk, (value) => {
        expect(['none', 'patch', 'refused']).to.include(inject(value, REQUEST).kind);
        expect(validatePod(value, { ...REQUEST, resource: 'pods/ephemeralcontainers' }).allowed).to.be.a('boolean');
      }),
      { numRuns: 2_000 },
    );
  });

  it('makes one JSON value of any other by its patch', () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(json, json, (old, next) => {
        expect(applyPatch(old, patchOf(old, next))).to.deep.equal(next);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives a field of a pod no way to pass for a refusal', () => {
    const pod = {
      metadata: { labels: { 'articdbm.io/inject': 'true' }, annotations: { 'articdbm.io/postgresql': 'orders' } },
      spec: { containers: [{ name: 'app', kind: 'refused', reason: 'X', message: 'Y' }] },
    };
    expect(inject(pod, { namespace: 'shop', config: CONFIG }).kind).to.equal('patch');
  });
});
