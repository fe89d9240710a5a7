import type { BootstrapAnswer, ScopeLogin } from '#contract/bootstrap/answer';
import { currentKey, mockKey, type KeyRing } from '#contract/snapshot/keys';
import { scopeKeysFor } from '#contract/snapshot/keys-scope';
import type { RedisAddress } from '#contract/snapshot/redis';
import type { Snapshot, SnapshotBackend } from '#contract/snapshot/types';
import type { DatabaseBackend } from '#contract/resources/types.gen';
import { accountOf, isGateway } from '#contract/compile/scope';
import type { SecretReader } from '#contract/compile/secrets';
import type { Caller } from './token-review.ts';

export interface BootstrapInput {
  readonly caller: Caller;
  readonly ring: KeyRing;
  /** What is compiled for the caller's scope: who is anybody there. Its verifiers don't matter. */
  readonly snapshot: Snapshot;
  /** Those that the snapshot's backends come from. */
  readonly backends: readonly DatabaseBackend[];
  /** Where their logins stand. */
  readonly secret: SecretReader;
  /** With the login that proxies have there. */
  readonly redis: RedisAddress;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** The proxy spreads it. What can't wait is asked for at once: a key id or a login that it lacks. */
const ASK_AGAIN_MS = 10 * 60_000;

/** Replicas that see the same give the same, but for `now`. A login that is missing or broken is left out alone. */
export function bootstrapAnswer(input: BootstrapInput): BootstrapAnswer {
  const { caller, ring, redis, now } = input;
  const { scope, podUid } = caller;
  return {
    scope,
    podUid,
    keys: scopeKeysFor(ring, scope, podUid),
    redis,
    logins: loginsOf(input),
    mock: mockKey(currentKey(ring), scope).toString('base64url'),
    now,
    askAgain: ASK_AGAIN_MS,
  };
}

/** Both `namespace/name`. */
const idOf = ({ metadata }: DatabaseBackend): string => `${metadata.namespace ?? ''}/${metadata.name}`;

function loginsOf({ caller, snapshot, backends, secret }: BootstrapInput): readonly ScopeLogin[] {
  const sources = new Map(backends.map((backend) => [idOf(backend), backend]));
  return snapshot.backends.flatMap((compiled) => {
    const source = sources.get(compiled.id);
    if (source === undefined) return [];
    const users = usersOf(compiled, source, caller);
    const login = users.length === 0 ? undefined : loginAt(source, secret);
    return login === undefined ? [] : [{ backend: compiled.id, users, ...login }];
  });
}

/**
 * Whose login the caller gets there: everybody's as a gateway; the pod's own users' where the backend lets its shared login
 * be handed to sidecars; else nobody's.
 */
function usersOf({ users }: SnapshotBackend, source: DatabaseBackend, { scope }: Caller): readonly string[] {
  const account = accountOf(scope);
  if (account === undefined) return [];
  const gateway = isGateway(source, account);
  if (!gateway && source.spec.sharedLogin !== 'Allow') return [];
  return users
    .filter(({ bound }) => gateway || bound === true)
    .map(({ uid }) => uid)
    .sort();
}

function loginAt(
  { metadata, spec }: DatabaseBackend,
  secret: SecretReader,
): { readonly username: string; readonly password: string } | undefined {
  const { name, usernameKey, passwordKey } = spec.credentialsSecretRef;
  const username = secret(metadata.namespace ?? '', name, usernameKey) ?? '';
  const password = secret(metadata.namespace ?? '', name, passwordKey) ?? '';
  return username === '' || password === '' ? undefined : { username, password };
}
