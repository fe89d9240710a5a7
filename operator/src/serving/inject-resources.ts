import { PROXY_CONTAINER } from '#contract/names';
import type { InjectConfig } from './inject-config.ts';
import { isEqual } from './inject-equal.ts';
import { containersOf, type Container, type Pod } from './inject-pod.ts';

/**
 * What the sidecar asks for. Nothing of its own where the pod has resources for all containers together (the API server
 * refuses a pod whose containers ask for more than it); as much as it may have in a pod of the class Guaranteed, which
 * stays one if the configuration limits both CPU and memory.
 */
export function resourcesFor(pod: Pod, { resources }: InjectConfig): InjectConfig['resources'] | undefined {
  if (pod.spec.resources !== undefined && pod.spec.resources !== null) return undefined;
  if (!isGuaranteed(pod) || !keepsClass(resources)) return resources;
  return { requests: resources.limits, limits: resources.limits };
}

export const keepsClass = ({ limits }: InjectConfig['resources']): boolean =>
  limits.cpu !== undefined && limits.memory !== undefined;

/** By its own containers (Kubernetes: quality of service). */
export function isGuaranteed(pod: Pod): boolean {
  return containersOf(pod).every((container) => container.name === PROXY_CONTAINER || isBounded(container));
}

function isBounded({ resources }: Container): boolean {
  const { limits, requests } = resources ?? {};
  return ['cpu', 'memory'].every(
    (name) => limits?.[name] !== undefined && isEqual(limits[name], requests?.[name] ?? limits[name]),
  );
}
