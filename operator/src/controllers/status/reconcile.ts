import type { StatusReason } from '#contract/names';
import { isStatus } from '../../kube/errors.ts';
import { DONE, later, never, type Outcome } from '../../runtime/outcome.ts';
import type { ResourceId } from '../../resources/cluster-resources.ts';
import { NotLoadedError } from '../../secrets/secrets.ts';
import { plan as planBackend } from '../backend/plan.ts';
import type { Context } from '../context.ts';
import { plan as planPermission } from '../permission/plan.ts';
import { plan as planUser } from '../user/plan.ts';
import { apply, type PlannedStatus } from './apply.ts';
import { gather, type Gathered } from './gather.ts';
import { report } from './report.ts';

/** Milliseconds. What made it necessary has touched the resource, so mostly it is looked at again at once. */
const SOON_MS = 100;

/** Says of a resource how it stands. */
export async function reconcileStatus(id: ResourceId, context: Context, signal: AbortSignal): Promise<Outcome> {
  try {
    const gathered = await gather(id, context, signal);
    if (gathered === undefined) {
      context.publications.forgetStatus(`${id.kind}/${id.key}`);
      return DONE;
    }
    const planned = plan(gathered);
    const wait = patience(gathered, planned, context);
    if (wait > 0) return later(wait);
    return await write(gathered, planned, context, signal);
  } catch (error) {
    if (error instanceof NotLoadedError) return later(SOON_MS);
    if (isStatus(error, 404)) return DONE; // it is gone, and the watch will say so
    throw error;
  }
}

async function write(
  { object }: Gathered,
  planned: PlannedStatus,
  context: Context,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const written = await apply(object, planned, context, signal);
    if (written === 'written') report(object, planned.conditions, context);
    return DONE;
  } catch (error) {
    if (!isStatus(error, 422)) throw error;
    // It was stored under other rules, and the API server takes nothing for it until it is mended: an Event is what is left.
    report(object, planned.conditions, context);
    return never('the API server takes no status for a resource that breaks its rules');
  }
}

function plan({ id, said, standing, historyDelayed, proxies }: Gathered): PlannedStatus {
  const input = {
    said,
    standing: standing.kind === 'pending' ? (standing.trouble ?? 'pending') : 'published',
    historyDelayed,
  } as const;
  if (id.kind === 'DatabaseBackend') return planBackend(input);
  if (id.kind === 'DbPermission') return planPermission(input);
  return planUser(input, proxies ?? { running: 0, inSync: 0 });
}

/**
 * What is on its way for a moment is not worth two writes: it is looked at again when it has arrived, or after this. What is
 * Ready as it stands was not changed itself (others were, or there is a new leader, to whom all is new): there is no hurry to
 * say less of it.
 */
function patience({ object, standing }: Gathered, { conditions }: PlannedStatus, { clock, settled }: Context): number {
  if (standing.kind === 'published' || !conditions.some(({ reason }) => ON_ITS_WAY.has(reason))) return 0;
  const wait = isReadyNow(object) ? settled.readyPatienceMs : settled.patienceMs;
  if (standing.trouble !== undefined && wait !== settled.readyPatienceMs) return 0;
  return standing.since + wait - clock.now();
}

const ON_ITS_WAY: ReadonlySet<string> = new Set<StatusReason>(['NotPublished', 'RedisAway']);

function isReadyNow({ metadata, status }: Gathered['object']): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && status?.observedGeneration === metadata.generation;
}
