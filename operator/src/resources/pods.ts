import { INJECT_LABEL } from '#contract/names';
import type { KubeObject, ObjectMeta } from '../kube/resource.ts';
import { Relation } from './relation.ts';

/** What is kept of a pod with our label. */
export interface Pod extends KubeObject {
  readonly spec: { readonly serviceAccountName: string };
  readonly status: { readonly phase: string };
}

/** As the API server sends it. */
interface WholePod extends KubeObject {
  readonly spec?: { readonly serviceAccountName?: string };
  readonly status?: { readonly phase?: string };
}

/** Pods of whoever asks for a proxy, as sidecar or gateway. */
export const PODS_SELECTOR = INJECT_LABEL;

/** It counts among those that should be in sync. */
export const isRunning = ({ metadata, status }: Pod): boolean =>
  status.phase === 'Running' && metadata.deletionTimestamp === undefined;

export const scopeOfPod = ({ metadata, spec }: Pod): string => `${metadata.namespace ?? ''}/${spec.serviceAccountName}`;

/** What is kept of a pod as a watch brings it: of some 10 KiB some hundred bytes. */
export function reducePod({ metadata, spec, status }: WholePod): Pod {
  return {
    metadata: reduceMetadata(metadata),
    spec: { serviceAccountName: spec?.serviceAccountName ?? 'default' },
    status: { phase: status?.phase ?? 'Unknown' },
  };
}

function reduceMetadata({ name, namespace, uid, resourceVersion, deletionTimestamp }: ObjectMeta): ObjectMeta {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  };
}

/** Pods by the scope that they are of. */
export class PodIndex {
  readonly #pods = new Map<string, Pod>();
  readonly #byScope = new Relation();

  change(key: string, now: Pod | undefined): void {
    const before = this.#pods.get(key);
    if (before !== undefined) this.#byScope.delete(scopeOfPod(before), key);
    if (now === undefined) {
      this.#pods.delete(key);
      return;
    }
    this.#pods.set(key, now);
    this.#byScope.add(scopeOfPod(now), key);
  }

  of(scope: string): readonly Pod[] {
    return [...this.#byScope.of(scope)].map((key) => this.#pods.get(key)).filter((pod) => pod !== undefined);
  }

  scopes(): Iterable<string> {
    return this.#byScope.keys();
  }
}
