import { PROXY_CONTAINER } from '#contract/names';
import type { InjectConfig } from './inject-config.ts';
import { isEqual } from './inject-equal.ts';
import type { Container, Env, Pod } from './inject-pod.ts';
import { Refusal, refuse, shown } from './inject-refusal.ts';
import { gatewayEnv, OUR_MOUNTS, OUR_VOLUMES } from './inject-sidecar.ts';

/** Tells every container but the proxy where the pod's backends are. Containers that know it are left as they are. */
export function withEnv(containers: readonly Container[], env: readonly Env[]): readonly Container[] | Refusal {
  const told: Container[] = [];
  for (const container of containers) {
    const next = container.name === PROXY_CONTAINER ? container : tell(container, env, 'use a backend of another name');
    if (next instanceof Refusal) return next;
    told.push(next);
  }
  return told;
}

/**
 * Before the container's own, whose values may then say $(ORDERS_URL). A value of a Service (ORDERS_PORT of one named
 * orders) or of envFrom stands behind: kubelet lets `env` win.
 */
function tell(container: Container, env: readonly Env[], orElse: string): Container | Refusal {
  const own = container.env ?? [];
  const clash = env.find((ours) => own.some((one) => one.name === ours.name && !isEqual(one, ours)));
  if (clash !== undefined) {
    const what = `the container ${shown(container.name)} sets ${clash.name}, which the injector sets too`;
    return refuse('EnvClash', `${what}: remove it there, or ${orElse}`);
  }
  const missing = env.filter(({ name }) => !own.some((one) => one.name === name));
  return missing.length === 0 ? container : { ...container, env: [...missing, ...own] };
}

/** What a gateway's container can't have from its chart: who it is, and whom it asks. */
export function withGateway(container: Container, config: InjectConfig): Container | Refusal {
  const told = tell(container, gatewayEnv(config), 'run this gateway without the label');
  if (told instanceof Refusal) return told;
  const own = container.volumeMounts ?? [];
  for (const mount of OUR_MOUNTS) {
    const taken = own.find(({ name, mountPath }) => name === mount.name || mountPath === mount.mountPath);
    if (taken === undefined || isEqual(taken, mount)) continue;
    const what = `the container ${PROXY_CONTAINER} mounts something else at ${mount.mountPath}, or ${mount.name} elsewhere`;
    return refuse('MountPathTaken', `${what}: remove this volumeMount, and the injector adds its own`);
  }
  const missing = OUR_MOUNTS.filter((mount) => !own.some((one) => isEqual(one, mount)));
  return missing.length === 0 ? told : { ...told, volumeMounts: [...own, ...missing] };
}

export function withVolumes(spec: Pod['spec']): Pod['spec'] {
  const own = spec.volumes ?? [];
  const missing = OUR_VOLUMES.filter(({ name }) => !own.some((volume) => volume.name === name));
  return missing.length === 0 ? spec : { ...spec, volumes: [...own, ...missing] };
}
