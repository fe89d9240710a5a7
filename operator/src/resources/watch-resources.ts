import type { KubeClient } from '../kube/client.ts';
import {
  DATABASE_BACKENDS,
  DB_PERMISSIONS,
  DB_USERS,
  PODS,
  type KubeObject,
  type ResourceKind,
} from '../kube/resource.ts';
import { ObjectStore } from '../kube/store.ts';
import { startWatch, type RunningWatch, type WatchNotice, type WatchTimes } from '../kube/watch.ts';
import type { Clock, Random } from '../runtime/clock.ts';
import { ChangedBy } from './changed-by.ts';
import type { ClusterResources, OurKind } from './cluster-resources.ts';
import { IndexedResources, type Watched } from './indexed-resources.ts';
import { PODS_SELECTOR, reducePod, type Pod } from './pods.ts';

export interface WatchResourcesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  /** undefined: all. */
  readonly namespaces?: readonly string[] | undefined;
  readonly times?: Partial<WatchTimes>;
  /** For logs and metrics. plural: as in paths. */
  readonly onNotice?: (plural: string, notice: WatchNotice) => void;
}

export interface WatchedResources {
  readonly resources: ClusterResources;
  /** All there is has been seen once; never rejects: the watches go on trying. */
  readonly synced: Promise<void>;
  /** By plural: milliseconds since the API server was last heard of on the watch that is silent longest. */
  silence(): ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

const KINDS: Readonly<Record<OurKind, ResourceKind>> = {
  DatabaseBackend: DATABASE_BACKENDS,
  DbUser: DB_USERS,
  DbPermission: DB_PERMISSIONS,
};

/** Watches all that policy is made of but Secrets. On every replica, leader or not. */
export function watchResources(options: WatchResourcesOptions): WatchedResources {
  const changedBy = new ChangedBy();
  const resources = new IndexedResources((object) => changedBy.of(object));
  const watches: { readonly plural: string; readonly watch: RunningWatch }[] = [];
  const watch = <T extends KubeObject>(kind: ResourceKind, wanted: Wanted<T>): void => {
    watches.push({ plural: kind.plural, watch: startOne(options, kind, wanted) });
  };
  for (const namespace of options.namespaces ?? [undefined]) {
    for (const [name, kind] of Object.entries(KINDS) as [OurKind, ResourceKind][]) {
      const store = new ObjectStore<Watched>();
      resources.feed(name, store);
      watch<Watched>(kind, { store, namespace, keep: changedBy.keep });
    }
    const pods = new ObjectStore<Pod>();
    resources.feedPods(pods);
    watch<Pod>(PODS, { store: pods, namespace, labelSelector: PODS_SELECTOR, keep: reducePod });
  }
  return {
    resources,
    synced: Promise.all(watches.map(({ watch: { synced } }) => synced)).then(() => resources.setSynced()),
    silence: () => silenceOf(watches),
    stop: async () => {
      await Promise.all(watches.map((one) => one.watch.stop()));
    },
  };
}

interface Wanted<T extends KubeObject> {
  readonly store: ObjectStore<T>;
  readonly namespace: string | undefined;
  readonly labelSelector?: string;
  readonly keep: (object: T) => T;
}

function startOne<T extends KubeObject>(
  { client, clock, random, times, onNotice }: WatchResourcesOptions,
  kind: ResourceKind,
  { store, namespace, labelSelector, keep }: Wanted<T>,
): RunningWatch {
  return startWatch<T>({
    client,
    kind,
    selection: { namespace, labelSelector },
    store,
    clock,
    random,
    keep,
    ...(times === undefined ? {} : { times }),
    onNotice: (notice) => onNotice?.(kind.plural, notice),
  });
}

function silenceOf(watches: readonly { readonly plural: string; readonly watch: RunningWatch }[]): Map<string, number> {
  const longest = new Map<string, number>();
  for (const { plural, watch } of watches) longest.set(plural, Math.max(longest.get(plural) ?? 0, watch.silentMs()));
  return longest;
}
