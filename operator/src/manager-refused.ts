import { PODS, type KubeObject, type ResourceKind } from './kube/resource.ts';
import type { Base } from './manager-base.ts';
import type { Owner, RefusedPod } from './serving/admission.ts';

/** A pod that was not admitted is nowhere to be seen: what wanted to make it says why. */
export const podRefused =
  ({ events, log }: Pick<Base, 'events' | 'log'>) =>
  (refused: RefusedPod): void => {
    const { namespace, reason, message } = refused;
    log.info({ part: 'admission', namespace, reason }, 'a pod was not admitted');
    const about = aboutOf(refused);
    if (about === undefined) return;
    events.record({ ...about, type: 'Warning', reason, action: 'Inject', note: message });
  };

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
