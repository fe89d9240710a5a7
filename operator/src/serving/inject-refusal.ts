/** Why a pod is not admitted: label of the metric, reason of the event. */
export const INJECT_REASONS = [
  'NotAPod',
  'UnknownInjectValue', // the label says something else than true or gateway
  'UnknownAnnotation', // of our prefix
  'ProtocolNotSupported',
  'NoBackends',
  'BackendsUnreadable',
  'TooManyBackends',
  'DuplicateBackend',
  'PortNotUsable',
  'PortClash',
  'EnvNamesEqual', // of two backends
  'EnvClash', // with what the pod sets
  'WindowsPod',
  'StaticPod',
  'HostNetwork',
  'HostPID',
  'SharedProcesses',
  'VolumeTaken', // a volume of our name that isn't ours
  'VolumeMounted', // by another container
  'AudienceProjected', // a token for our audience in another volume
  'MountPathTaken',
  'ForgedSidecar',
  'GatewayContainerMissing',
  'SidecarTargeted', // by an ephemeral container
  'NotInjected', // found by validation: the pod came by another way than the injector
] as const;

export type InjectReason = (typeof INJECT_REASONS)[number];

/** A class, so that no field of a pod can pass for one. */
export class Refusal {
  readonly kind = 'refused';
  readonly reason: InjectReason;
  /** What is wrong and what to do, for whoever made the pod. */
  readonly message: string;

  constructor(reason: InjectReason, message: string) {
    this.reason = reason;
    this.message = message;
  }
}

export const refuse = (reason: InjectReason, message: string): Refusal => new Refusal(reason, message);

export const notAPod = (): Refusal =>
  refuse(
    'NotAPod',
    'this is no pod that can be read, or one far larger than any that runs: see kubectl explain pod.spec',
  );

/** A name out of a pod, cut and without what a terminal or a log would act on. */
export function shown(name: string): string {
  const clean = name.toWellFormed().replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?');
  return clean.length <= 80 ? clean : `${clean.slice(0, 80).toWellFormed()}…`;
}
