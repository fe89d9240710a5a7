import { withoutManagers } from '../kube/watch.ts';
import type { KubeObject } from '../kube/resource.ts';

interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  /** RFC 3339. */
  readonly time?: string;
}

/** Annotations that hold the object a second time. */
const COPIES = 'kubectl.kubernetes.io/last-applied-configuration';

/** Who changed objects, by the objects as they are kept. */
export class ChangedBy {
  readonly #managers = new WeakMap<object, string>();

  /** What is kept of an object as a watch brings it: neither its managers nor copies of itself. */
  readonly keep = <T extends KubeObject>(object: T): T => {
    const kept = withoutCopies(withoutManagers(object));
    const manager = lastManager(object);
    if (manager !== undefined) this.#managers.set(kept, manager);
    return kept;
  };

  of(object: object): string | undefined {
    return this.#managers.get(object);
  }
}

/** Of all but the status. Whoever applies the same again is not a later one: their time stays. */
function lastManager({ metadata }: KubeObject): string | undefined {
  const { managedFields = [] } = metadata as { readonly managedFields?: readonly ManagedFields[] };
  let last: ManagedFields | undefined;
  for (const entry of managedFields) {
    if (entry.subresource !== undefined && entry.subresource !== '') continue;
    if (last === undefined || (entry.time ?? '') >= (last.time ?? '')) last = entry;
  }
  return last?.manager;
}

function withoutCopies<T extends KubeObject>(object: T): T {
  const { annotations } = object.metadata;
  if (annotations?.[COPIES] === undefined) return object;
  const { [COPIES]: _, ...others } = annotations;
  return { ...object, metadata: { ...object.metadata, annotations: others } };
}
