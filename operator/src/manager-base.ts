import { randomBytes as bytes } from 'node:crypto';
import { KubeClient } from './kube/client.ts';
import { findCluster, type ClusterAccess } from './kube/config.ts';
import { EventRecorder } from './kube/events.ts';
import { DATABASE_BACKENDS, DB_PERMISSIONS, DB_USERS, PODS } from './kube/resource.ts';
import { SYSTEM_CLOCK } from './kube/system-clock.ts';
import type { WatchNotice } from './kube/watch.ts';
import type { Log } from './log.ts';
import { leaseIdentity, reachableAddress } from './manager-identity.ts';
import type { Troubles } from './manager-troubles.ts';
import type { Metrics } from './metrics.ts';
import { StartProblem, type OperatorOptions } from './options.ts';
import type { PublisherOptions } from './publish/publisher.ts';
import type { ClusterResources } from './resources/cluster-resources.ts';
import { watchResources, type WatchedResources } from './resources/watch-resources.ts';
import type { ElectionTimes } from './runtime/election.ts';
import { ClusterSecrets } from './secrets/cluster-secrets.ts';

/** What tests need to be quick, or to stand between two steps. */
export interface Seams {
  readonly electionTimes?: ElectionTimes;
  readonly between?: NonNullable<PublisherOptions['between']>;
}

/** What there is before the API server is known. */
export interface Context {
  readonly options: OperatorOptions;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly troubles: Troubles;
  /** A part that must not end has ended. */
  readonly fail: (part: string, error: unknown) => void;
  readonly seams: Seams;
}

/** What every replica has of the cluster. */
export interface Base extends Context {
  /** The operator's own. */
  readonly namespace: string;
  /** In the Lease: of this process alone, and it says where the leader is asked. */
  readonly identity: string;
  readonly client: KubeClient;
  readonly watches: WatchedResources;
  readonly resources: ClusterResources;
  /** Plurals of what has not been listed once. */
  readonly unlisted: () => readonly string[];
  readonly secrets: ClusterSecrets;
  readonly events: EventRecorder;
}

/** The process's own clock, times and randomness, as parts want them. */
export const ENVIRONMENT = {
  clock: SYSTEM_CLOCK,
  wall: (): number => Date.now(),
  random: (): number => Math.random(),
  randomBytes: (length: number): Buffer => bytes(length),
};

/** Watches begin; nothing is waited for. Throws StartProblem. */
export async function openBase(context: Context): Promise<Base> {
  const { options, metrics } = context;
  const access = await foundCluster(options.kubeconfig);
  const namespace = options.namespace ?? access.namespace;
  if (namespace === undefined)
    throw new StartProblem(
      "--namespace is missing: the kubeconfig's context names none, and the operator needs its own",
    );
  const client = new KubeClient(access, (method, status) => metrics.apiRequest(method, status));
  const notices = new Notices(context);
  const watches = watchResources({
    ...{ ...ENVIRONMENT, client, onNotice: (plural: string, notice: WatchNotice) => notices.take(plural, notice) },
    namespaces: options.watchNamespaces.length === 0 ? undefined : options.watchNamespaces,
  });
  const { resources } = watches;
  const secrets = new ClusterSecrets({
    ...{ client, keysOf: (inNamespace: string, name: string) => resources.keysOfSecret(inNamespace, name) },
    ...{ ...ENVIRONMENT, onError: warner(context, 'secrets', 'a Secret could not be read again') },
  });
  const reachable = options.advertise ?? reachableAddress(options.listen);
  const identity = leaseIdentity(options.identity, reachable, bytes(4).toString('hex'));
  const events = recorder(context, client);
  return {
    ...{ ...context, namespace, identity, client, watches, resources, secrets, events },
    unlisted: () => notices.unlisted(),
  };
}

/** For what is tried again by whoever tells of it. */
export const warner =
  ({ log }: Pick<Context, 'log'>, part: string, what: string) =>
  (error: unknown): void =>
    log.warn({ part, error }, what);

async function foundCluster(kubeconfig: string | undefined): Promise<ClusterAccess> {
  try {
    return await findCluster(kubeconfig);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const where = kubeconfig ?? 'no kubeconfig, and no ServiceAccount of a pod';
    throw new StartProblem(`--kubeconfig: ${where} can not be read (${code ?? 'it is no kubeconfig'})`, {
      cause: error,
    });
  }
}

function recorder(context: Context, client: KubeClient): EventRecorder {
  const { identity } = context.options;
  const onError = warner(context, 'events', 'an Event could not be written');
  return new EventRecorder({ client, ...ENVIRONMENT, controller: 'articdbm.io/operator', instance: identity, onError });
}

const PLURALS = [DATABASE_BACKENDS, DB_USERS, DB_PERMISSIONS, PODS].map(({ plural }) => plural);

/** What befalls the watches, for metrics, log and /readyz. */
class Notices {
  readonly #context: Context;
  readonly #unlisted = new Set(PLURALS);
  readonly #failing = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
  }

  unlisted(): readonly string[] {
    return [...this.#unlisted];
  }

  take(plural: string, notice: WatchNotice): void {
    const { metrics, log, troubles } = this.#context;
    metrics.watchNotice(plural, notice.kind);
    if (notice.kind === 'listed') this.#unlisted.delete(plural);
    if (notice.kind === 'opened') this.#failing.delete(plural);
    if (notice.kind === 'error') {
      this.#failing.add(plural);
      log.warn({ part: 'watch', resource: plural, error: notice.error }, 'a watch was interrupted: it goes on');
    }
    if (this.#failing.size === 0) troubles.end('watch');
    else troubles.begin('watch', 'watches are interrupted: what is applied now is seen later');
  }
}
