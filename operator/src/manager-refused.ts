import { PODS, type KubeObject, type ResourceKind } from './kube/resource.ts';
import type { Base } from './manager-base.ts';
import type { Clock } from './runtime/clock.ts';
import type { Owner, RefusedPod } from './serving/admission.ts';

/**
 * So many at once, and one more each second: a review may be anybody's that reaches the port, and names whatever namespace and
 * owner it likes. What is made again is refused again, and told then; all are counted.
 */
const TOLD = { burst: 100, each: 1_000 };

/** A pod that was not admitted is nowhere to be seen: what wanted to make it says why. */
export function podRefused(
  { events, log }: { readonly events: Pick<Base['events'], 'record'>; readonly log: Pick<Base['log'], 'info'> },
  clock: Pick<Clock, 'now'>,
): (refused: RefusedPod) => void {
  /** When all that was told will have been made up for. */
  let until = Number.NEGATIVE_INFINITY;
  return (refused) => {
    const now = clock.now();
    if (until - now > (TOLD.burst - 1) * TOLD.each) return;
    until = Math.max(until, now) + TOLD.each;
    const { namespace, reason, message } = refused;
    log.info({ part: 'admission', namespace, reason }, 'a pod was not admitted');
    const about = aboutOf(refused);
    if (about === undefined) return;
    events.record({ ...about, type: 'Warning', reason, action: 'Inject', note: message });
  };
}

/** undefined: it has neither a name nor an owner yet, and whoever makes it is told by the answer. */
function aboutOf({ namespace, name, owner }: RefusedPod): { kind: ResourceKind; regarding: KubeObject } | undefined {
  if (owner !== undefined) {
    const { name: ownerName, uid, apiVersion } = owner;
    return { kind: kindOf(owner), regarding: { apiVersion, metadata: { name: ownerName, namespace, uid } } };
  }
  return name === undefined ? undefined : { kind: PODS, regarding: { metadata: { name, namespace } } };
}

function kindOf({ apiVersion, kind }: Owner): ResourceKind {
  const slash = apiVersion.indexOf('/');
  const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
  return { group, version, plural: kind.toLowerCase(), kind, namespaced: true };
}
