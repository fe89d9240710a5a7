import { compile } from '#contract/compile/compile';
import { loginSecretsOf } from '#contract/compile/needs';
import { KeysError, type KeyRing } from '#contract/snapshot/keys';
import type { RedisAddress } from '#contract/snapshot/redis';
import type { SecretReader } from '#contract/compile/secrets';
import type { KeySecret } from '../keys/key-secret.ts';
import type { ClusterResources } from '../resources/cluster-resources.ts';
import type { Clock } from '../runtime/clock.ts';
import type { SecretName, Secrets } from '../secrets/secrets.ts';
import { busy, ok, type Answer } from './answers.ts';
import { bootstrapAnswer } from './bootstrap-answer.ts';
import type { Caller } from './token-review.ts';

export interface BootstrapOptions {
  readonly keys: KeySecret;
  readonly resources: Pick<ClusterResources, 'synced' | 'ofScope'>;
  readonly secrets: Pick<Secrets, 'load' | 'read'>;
  /** As proxies reach it, with the login that they have there; asked for each answer, since logins are replaced. */
  readonly proxyRedis: () => RedisAddress;
  readonly clock: Clock;
  /** Epoch milliseconds. */
  readonly wall: () => number;
  readonly onError: (error: unknown) => void;
}

export type BootstrapHandler = (caller: Caller, signal: AbortSignal) => Promise<Answer>;

/** Keys are read afresh when it was longer ago: a proxy that asks may lack a key that another replica uses already. */
const KEYS_FRESH_MS = 3_000;

/** Answers who has been reviewed. */
export function openBootstrap(options: BootstrapOptions): BootstrapHandler {
  const { resources, secrets, proxyRedis, wall, onError } = options;
  const freshRing = ringReader(options);
  return async (caller, signal) => {
    if (!resources.synced) return busy(503, 'NotSynced', 'this replica has not seen all resources yet: ask again');
    const ring = await freshRing(signal);
    const closure = resources.ofScope(caller.scope);
    const names = loginSecretsOf(closure, caller.scope);
    try {
      await secrets.load(names, signal);
    } catch (error) {
      if (!signal.aborted) onError(error);
      return busy(503, 'SecretsAway', 'the Secrets of database logins could not be read: ask again', 5);
    }
    const secret = readerOf(names, secrets);
    const { snapshot } = compile({ ...closure, scope: caller.scope, secret, verifier: () => '' });
    const { backends } = closure;
    return ok(bootstrapAnswer({ caller, ring, snapshot, backends, secret, redis: proxyRedis(), now: wall() }));
  };
}

function ringReader({ keys, clock, onError }: BootstrapOptions): (signal: AbortSignal) => Promise<KeyRing> {
  let readAt = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    if (clock.now() - readAt < KEYS_FRESH_MS) return keys.ring();
    const asked = clock.now();
    try {
      const ring = await keys.refresh(signal);
      readAt = asked;
      return ring;
    } catch (error) {
      // What was read before is as good as it was; a Secret that somebody broke stops no pod.
      if (!signal.aborted && !(error instanceof KeysError)) onError(error);
      return keys.ring();
    }
  };
}

/** names: what was loaded. Users' passwords decide nothing here, so they are not. */
function readerOf(names: readonly SecretName[], secrets: Pick<Secrets, 'read'>): SecretReader {
  const loaded = new Set(names.map(({ namespace, name }) => `${namespace}/${name}`));
  return (namespace, name, key) =>
    loaded.has(`${namespace}/${name}`) ? secrets.read(namespace, name, key) : undefined;
}
