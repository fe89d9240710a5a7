import type { SidecarOptions } from '#operator/serving/inject-config';
import { exceeded, parseAmounts } from '#operator/serving/inject-amounts';
import { LEAST_REFUSE_AGE_MS, REFUSE_AGE_MS } from '#contract/snapshot/head';
import { UsageError, type Flag, type Flags } from '#proxy/flags';
import { LOG_LEVELS } from '#proxy/telemetry/log';

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;
const HOUR_MS = 3_600_000;

/** Of the containers that are put into pods. All replicas are to have the same. */
export const SIDECAR_FLAGS: readonly Flag[] = [
  { name: 'proxy-image', value: 'IMAGE', help: 'of the containers that are put into pods' },
  {
    name: 'proxy-pull-policy',
    value: 'POLICY',
    help: `when that image is pulled: ${PULL_POLICIES.join(', ')}`,
    default: 'IfNotPresent',
  },
  {
    name: 'proxy-log-level',
    value: 'LEVEL',
    help: `what those containers log, from this level: ${LOG_LEVELS.join(', ')}`,
    default: 'warn',
  },
  {
    name: 'proxy-refuse-after',
    value: 'DURATION',
    help: 'age of policy from which on they let nothing through',
    default: `${REFUSE_AGE_MS / HOUR_MS}h`,
  },
  {
    name: 'proxy-requests',
    value: 'RESOURCE=QUANTITY,…',
    help: 'what they ask for',
    /*
     * A sidecar needs less (docs/benchmarks.md); the limit also holds the startup probe's process, which runs beside it.
     * No limit of CPU: it would slow statements down where the node has time to spare.
     */
    default: 'cpu=10m,memory=96Mi',
  },
  { name: 'proxy-limits', value: 'RESOURCE=QUANTITY,…', help: 'what they may use at most', default: 'memory=256Mi' },
];

/** Throws UsageError. */
export function sidecarOptions(flags: Flags): SidecarOptions {
  const resources = { requests: amounts(flags, 'proxy-requests'), limits: amounts(flags, 'proxy-limits') };
  const name = exceeded(resources);
  if (name !== undefined) throw new UsageError(`--proxy-requests asks for more ${name} than --proxy-limits allows`);
  return {
    image: imageName(flags.required('proxy-image')),
    imagePullPolicy: flags.oneOf('proxy-pull-policy', PULL_POLICIES),
    logLevel: flags.oneOf('proxy-log-level', LOG_LEVELS),
    refuseAfter: refuseAfter(flags),
    resources,
  };
}

function imageName(text: string): string {
  if (text.length <= 512 && /^[A-Za-z0-9][-._:@/A-Za-z0-9]*$/.test(text)) return text;
  throw new UsageError('--proxy-image is the name of an image');
}

/** As it is written: the proxy reads it by the same rule. */
function refuseAfter(flags: Flags): string {
  if (flags.duration('proxy-refuse-after') >= LEAST_REFUSE_AGE_MS) return flags.required('proxy-refuse-after');
  throw new UsageError(`--proxy-refuse-after is at least ${LEAST_REFUSE_AGE_MS / 60_000}m`);
}

function amounts(flags: Flags, name: string): SidecarOptions['resources']['limits'] {
  const read = parseAmounts(flags.required(name));
  if (typeof read === 'string') throw new UsageError(`--${name}: ${read}`);
  return read;
}
