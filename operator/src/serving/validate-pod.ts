import { PROXY_CONTAINER } from '#contract/names';
import type { InjectRequest } from './inject-config.ts';
import type { PatchOperation } from './inject-patch.ts';
import { parsePod } from './inject-pod.ts';
import { refuseReach } from './inject-unfit-pods.ts';
import { notAPod, type InjectReason, type Refusal } from './inject-refusal.ts';
import { inject } from './inject.ts';

export interface PodVerdict {
  readonly allowed: boolean;
  readonly reason?: InjectReason;
  /** What is wrong and what to do. */
  readonly message?: string;
  readonly warnings: readonly string[];
}

export interface PodReview extends InjectRequest {
  /** `pods` when it is created, `pods/ephemeralcontainers` when such a container is added. */
  readonly resource: 'pods' | 'pods/ephemeralcontainers';
}

const ALLOWED: PodVerdict = { allowed: true, warnings: [] };

/**
 * After every mutating webhook: a labelled pod has all that the injector adds, as it adds it, and nobody else reaches the
 * proxy's volumes. Of a pod that runs already only its ephemeral containers are judged: it may be of an older release.
 */
export function validatePod(value: unknown, review: PodReview): PodVerdict {
  if (review.resource === 'pods/ephemeralcontainers') return validateEphemeral(value);
  const injection = inject(value, review);
  if (injection.kind === 'refused') return denied(injection);
  if (injection.kind === 'none') return ALLOWED;
  const lacking = injection.patch.filter((operation) => !isEnvOfContainer(operation));
  if (lacking.length > 0) {
    const paths = lacking.map(({ path }) => path.replaceAll('~1', '/')).join(', ');
    return {
      allowed: false,
      reason: 'NotInjected',
      message: `the pod lacks what the injector adds, or something has changed it since (${paths}): look at the webhooks that run after articdbm, and at its MutatingWebhookConfiguration`,
      warnings: [],
    };
  }
  const names = 'a container that was added after articdbm is not told where the databases are';
  return { allowed: true, warnings: [`articdbm: ${names}: set reinvocationPolicy or the order of webhooks`] };
}

/** What other webhooks add beside us: containers that don't know of the backends, and may well need none. */
const isEnvOfContainer = ({ path }: PatchOperation): boolean =>
  /^\/spec\/(initContainers|containers)\/[0-9]+\/env(\/[0-9]+)?$/.test(path);

/** Whatever its labels say: they can be taken from a pod that runs. */
function validateEphemeral(value: unknown): PodVerdict {
  const pod = parsePod(value);
  if (pod === undefined) return denied(notAPod());
  const { containers, initContainers } = pod.spec;
  if (![...containers, ...(initContainers ?? [])].some(({ name }) => name === PROXY_CONTAINER)) return ALLOWED;
  const refusal = refuseReach(pod);
  return refusal === undefined ? ALLOWED : denied(refusal);
}

const denied = ({ reason, message }: Refusal): PodVerdict => ({ allowed: false, reason, message, warnings: [] });
