import { PROXY_CONTAINER, TOKEN_AUDIENCE } from '#contract/names';
import { isEqual } from './inject-equal.ts';
import { containersOf, type Container, type Pod, type Volume } from './inject-pod.ts';
import { refuse, shown, type Refusal } from './inject-refusal.ts';
import { OUR_VOLUMES } from './inject-sidecar.ts';

/** Pods in which the proxy's token or state would be in others' reach, or where it can't run. */
export function refusePod(pod: Pod): Refusal | undefined {
  return refuseKind(pod) ?? refuseSharing(pod) ?? refuseVolumes(pod) ?? refuseReach(pod);
}

function refuseKind(pod: Pod): Refusal | undefined {
  const windows = [pod.spec.os?.name, pod.spec.nodeSelector?.['kubernetes.io/os']].includes('windows');
  if (windows) return refuse('WindowsPod', 'there is no proxy for Windows: use a gateway, and remove the label');
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined) return undefined;
  return refuse('StaticPod', 'a static pod has no ServiceAccount to be known by: make it a Deployment or a DaemonSet');
}

function refuseSharing({ spec }: Pod): Refusal | undefined {
  const todo = 'remove it, or use a gateway and remove the label';
  if (spec.hostNetwork === true) {
    return refuse('HostNetwork', `with hostNetwork the whole node could use this pod's database access: ${todo}`);
  }
  if (spec.hostPID === true) {
    return refuse('HostPID', `with hostPID other processes of the node are in reach, and the proxy in theirs: ${todo}`);
  }
  if (spec.shareProcessNamespace === true) {
    return refuse(
      'SharedProcesses',
      `with shareProcessNamespace the proxy's keys are in every container's reach: ${todo}`,
    );
  }
  return undefined;
}

const OUR_NAMES: ReadonlySet<string> = new Set(OUR_VOLUMES.map(({ name }) => name));

function refuseVolumes(pod: Pod): Refusal | undefined {
  for (const volume of pod.spec.volumes ?? []) {
    const ours = OUR_VOLUMES.find(({ name }) => name === volume.name);
    if (ours !== undefined && !isEqual(ours, volume)) {
      return refuse('VolumeTaken', `the volume name ${volume.name} is the proxy's: give this volume another name`);
    }
    if (ours === undefined && projectsAudience(volume)) {
      const what = `the volume ${shown(volume.name)} holds a token for ${TOKEN_AUDIENCE}`;
      return refuse('AudienceProjected', `${what}, by which only proxies say who they are: remove it`);
    }
  }
  return undefined;
}

const projectsAudience = ({ projected }: Volume): boolean =>
  projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken?.audience === TOKEN_AUDIENCE) === true;

/** No container but the proxy mounts what is its own, nor looks at its processes. Of ephemeral ones this is all there is to say. */
export function refuseReach(pod: Pod): Refusal | undefined {
  for (const container of containersOf(pod)) {
    const refusal = isProxy(pod, container) ? undefined : refuseContainer(container);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

const isProxy = (pod: Pod, container: Container): boolean =>
  container.name === PROXY_CONTAINER && pod.spec.ephemeralContainers?.includes(container) !== true;

function refuseContainer({ name, volumeMounts, targetContainerName }: Container): Refusal | undefined {
  const mounted = volumeMounts?.find((mount) => OUR_NAMES.has(mount.name));
  if (mounted !== undefined) {
    const what = `the container ${shown(name)} mounts ${mounted.name}, which is the proxy's alone`;
    return refuse('VolumeMounted', `${what}: remove this volumeMount`);
  }
  if (targetContainerName !== PROXY_CONTAINER) return undefined;
  const what = `the ephemeral container ${shown(name)} targets ${PROXY_CONTAINER}, and would see its keys`;
  return refuse('SidecarTargeted', `${what}: target another container, or none`);
}
