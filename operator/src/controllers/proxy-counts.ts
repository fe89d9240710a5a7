import type { KeyRing } from '#contract/snapshot/keys';
import { readProxies } from '../publish/heartbeats.ts';
import type { RedisClient } from '../publish/redis-client.ts';
import type { ClusterResources } from '../resources/cluster-resources.ts';
import { isRunning } from '../resources/pods.ts';
import type { Publications } from './publications.ts';

export interface Count {
  readonly running: number;
  /** undefined: Redis is away, so nobody knows. */
  readonly inSync: number | undefined;
}

export interface ProxyCountsOptions {
  readonly resources: ClusterResources;
  readonly redis: RedisClient;
  readonly ring: () => KeyRing;
  readonly publications: Publications;
  /** Epoch milliseconds. */
  readonly wall: () => number;
  readonly onForged: (count: number) => void;
  readonly onError: (error: unknown) => void;
}

/** What the pods of a scope reported when they were last asked. */
interface Reports {
  readonly running: number;
  /** Revisions in force there, of those that run and report. undefined: Redis is away. */
  readonly revisions: readonly number[] | undefined;
}

/** Scopes read at once. */
const AT_ONCE = 32;

/**
 * How many proxies serve a user, and how many of them have it in force as it is now: not the scope's latest revision, but
 * the first that holds what this very user asks for, so that others' changes move nobody's count.
 */
export class ProxyCounts {
  readonly #options: ProxyCountsOptions;
  readonly #reports = new Map<string, Promise<Reports>>();

  constructor(options: ProxyCountsOptions) {
    this.#options = options;
  }

  /** By what was last swept; a scope that was not yet is read now. */
  async ofUser(user: string, signal: AbortSignal): Promise<Count> {
    signal.throwIfAborted();
    const { resources, publications } = this.#options;
    let running = 0;
    let inSync: number | undefined = 0;
    for (const scope of resources.scopesOf('DbUser', user)) {
      const reports = await (this.#reports.get(scope) ?? this.#read(scope));
      running += reports.running;
      const needed = publications.revisionFor(`DbUser/${user}`, scope) ?? Infinity;
      if (reports.revisions === undefined) inSync = undefined;
      else if (inSync !== undefined) inSync += reports.revisions.filter((revision) => revision >= needed).length;
    }
    return { running, inSync };
  }

  /** Reads all scopes that have pods, or had some at the last sweep. Returns the users whose count is another than their status says. */
  async sweep(signal: AbortSignal): Promise<readonly string[]> {
    const { resources } = this.#options;
    const scopes = [...new Set([...resources.scopesWithPods(), ...this.#reports.keys()])];
    for (let from = 0; from < scopes.length && !signal.aborted; from += AT_ONCE) {
      await Promise.all(scopes.slice(from, from + AT_ONCE).map((scope) => this.#read(scope)));
    }
    const changed: string[] = [];
    for (const user of new Set(scopes.flatMap((scope) => [...resources.usersOf(scope)]))) {
      if (signal.aborted) break;
      if (!isSame(await this.ofUser(user, signal), resources.get('DbUser', user)?.status)) changed.push(user);
    }
    return changed;
  }

  #read(scope: string): Promise<Reports> {
    const reading = this.#ask(scope);
    if (this.#options.resources.podsOf(scope).length > 0) this.#reports.set(scope, reading);
    else this.#reports.delete(scope);
    return reading;
  }

  async #ask(scope: string): Promise<Reports> {
    const { resources, redis, ring, wall, onForged, onError } = this.#options;
    const pods = resources.podsOf(scope).filter(isRunning);
    if (pods.length === 0) return { running: 0, revisions: [] };
    try {
      const { proxies, forged } = await readProxies(redis, scope, {
        ...{ keys: ring(), now: wall() },
        running: pods.flatMap(({ metadata: { uid } }) => (uid === undefined ? [] : [uid])),
      });
      if (forged > 0) onForged(forged);
      const beats = pods.map(({ metadata }) => proxies.get(metadata.uid ?? ''));
      return { running: pods.length, revisions: beats.flatMap((beat) => (beat === undefined ? [] : [beat.revision])) };
    } catch (error) {
      onError(error);
      return { running: pods.length, revisions: undefined };
    }
  }
}

type Status = { readonly proxies?: { readonly running: number; readonly inSync?: number } } | undefined;

const isSame = ({ running, inSync }: Count, status: object | undefined): boolean => {
  const { proxies } = (status ?? {}) as NonNullable<Status>;
  return proxies?.running === running && proxies.inSync === inSync;
};
