import { INJECTED_ANNOTATION, INJECT_LABEL, PROXY_CONTAINER } from '#contract/names';
import { envOf, idOf, refuseAnnotations, refusePorts, wantedBackends, type WantedBackend } from './inject-backends.ts';
import type { InjectConfig, InjectRequest } from './inject-config.ts';
import { withEnv, withGateway, withVolumes } from './inject-containers.ts';
import { patchOf, type PatchOperation } from './inject-patch.ts';
import { parsePod, type Container, type Pod } from './inject-pod.ts';
import { refusePod } from './inject-unfit-pods.ts';
import { Refusal, notAPod, refuse, shown } from './inject-refusal.ts';
import { isGuaranteed, keepsClass, resourcesFor } from './inject-resources.ts';
import { strayFieldOf } from './inject-same.ts';
import { sidecarOf } from './inject-sidecar.ts';

export type Injection =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'patch';
      readonly pod: Pod;
      readonly patch: readonly PatchOperation[];
      /** For the person who applies it. */
      readonly warnings: readonly string[];
    }
  | Refusal;

/**
 * Puts the proxy into a pod that asks for it by its label. Total and without look-ups: the same pod and configuration give
 * the same answer before and after the resources exist, and a pod that has all of it gives `none`. `value`: the pod of an
 * AdmissionReview; it is left alone.
 */
export function inject(value: unknown, request: InjectRequest): Injection {
  const pod = parsePod(value);
  if (pod === undefined) return notAPod();
  const asked = pod.metadata.labels?.[INJECT_LABEL];
  if (asked === undefined) return { kind: 'none' };
  if (asked !== 'true' && asked !== 'gateway') {
    const what = `the label ${INJECT_LABEL} is ${shown(asked)}, which means nothing`;
    return refuse('UnknownInjectValue', `${what}: write "true" for a sidecar, or remove it`);
  }
  const refusal = refuseAnnotations(pod) ?? refusePod(pod);
  if (refusal !== undefined) return refusal;
  const next = asked === 'gateway' ? gatewayPod(pod, request.config) : sidecarPod(pod, request);
  if (next instanceof Refusal) return next;
  const patch = patchOf(pod, next);
  if (patch.length === 0) return { kind: 'none' };
  return { kind: 'patch', pod: next, patch, warnings: warningsOf(pod, asked, request.config) };
}

function sidecarPod(pod: Pod, { namespace, config }: InjectRequest): Pod | Refusal {
  const wanted = wantedBackends(pod, namespace);
  if (wanted instanceof Refusal) return wanted;
  const clash = refusePorts(pod, wanted, PROXY_CONTAINER);
  if (clash !== undefined) return clash;

  const initContainers = withSidecar(pod, sidecarOf(wanted, config, resourcesFor(pod, config)));
  if (initContainers instanceof Refusal) return initContainers;
  const env = envOf(wanted);
  const told = withEnv([...initContainers, ...pod.spec.containers], env);
  if (told instanceof Refusal) return told;
  return {
    ...marked(pod, markOf(wanted)),
    spec: {
      ...withVolumes(pod.spec),
      initContainers: told.slice(0, initContainers.length),
      containers: told.slice(initContainers.length),
    },
  };
}

/** First, so that the pod's own init containers have it too. One that is there already stays where it is. */
function withSidecar({ spec }: Pod, sidecar: Container): readonly Container[] | Refusal {
  const inits = spec.initContainers ?? [];
  const found = inits.find(({ name }) => name === PROXY_CONTAINER);
  const elsewhere = spec.containers.some(({ name }) => name === PROXY_CONTAINER);
  if (found === undefined && !elsewhere) return [sidecar, ...inits];
  const stray = found === undefined || elsewhere ? 'place' : strayFieldOf(sidecar, found);
  if (stray === undefined) return inits;
  const what = `the pod has a container ${PROXY_CONTAINER} that is not the injector's (${stray})`;
  return refuse('ForgedSidecar', `${what}: remove it, and the injector adds its own`);
}

function gatewayPod(pod: Pod, config: InjectConfig): Pod | Refusal {
  const container = pod.spec.containers.find(({ name }) => name === PROXY_CONTAINER);
  if (container === undefined || pod.spec.initContainers?.some(({ name }) => name === PROXY_CONTAINER) === true) {
    const todo = `name its proxy's container ${PROXY_CONTAINER}, or write ${INJECT_LABEL}: "true" for a sidecar`;
    return refuse('GatewayContainerMissing', `the pod is labelled as a gateway's, and has no such container: ${todo}`);
  }
  const completed = withGateway(container, config);
  if (completed instanceof Refusal) return completed;
  const containers = pod.spec.containers.map((one) => (one === container ? completed : one));
  return { ...marked(pod, 'gateway'), spec: { ...withVolumes(pod.spec), containers } };
}

const markOf = (wanted: readonly WantedBackend[]): string =>
  wanted.map((one) => `${idOf(one)}=${String(one.port)}`).join(',');

function marked(pod: Pod, mark: string): Pod {
  const annotations = { ...pod.metadata.annotations, [INJECTED_ANNOTATION]: mark };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

function warningsOf(pod: Pod, asked: 'true' | 'gateway', config: InjectConfig): readonly string[] {
  if (asked === 'gateway') return [];
  const account = pod.spec.serviceAccountName ?? '';
  const isDefault = account === '' || account === 'default';
  const losesClass = isGuaranteed(pod) && !keepsClass(config.resources);
  return [
    ...(isDefault
      ? [
          'articdbm: the pod is known by the ServiceAccount default, as every pod here is that names none: give it its own',
        ]
      : []),
    ...(losesClass
      ? [
          'articdbm: the pod was of the class Guaranteed and is Burstable with the sidecar, which has no limit of CPU: see docs/injection.md',
        ]
      : []),
  ];
}
