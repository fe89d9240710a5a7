/** Who a client is, by the name that it gives: proved by a password, or known already on a pod's loopback. */
import type { SnapshotUser } from '#contract/snapshot/types';
import { POD_USER } from '#contract/names';
import type { IdentityMode } from './config.ts';
import type { Identity, TurnedAway } from './protocols/login.ts';
import type { Refusal } from './protocols/refusal.ts';
import type { PolicyDirectory } from './snapshot/directory.ts';

export interface Asked {
  readonly mode: IdentityMode;
  readonly backend: string;
  /** As the client gave it; never empty. */
  readonly name: string;
  /** Epoch milliseconds. */
  readonly now: number;
}

export function identify(directory: PolicyDirectory, asked: Asked): Identity {
  if (directory.backend(asked.backend) === undefined) {
    const { sqlstate, message } = noPolicy(directory);
    return turnedAway({ reason: 'unavailable', sqlstate, message });
  }
  return asked.mode === 'pod' ? onLoopback(directory, asked) : byPassword(directory, asked);
}

/** Whoever it is, the exchange looks the same until the password is proved. */
function byPassword(directory: PolicyDirectory, { backend, name, now }: Asked): Identity {
  const user = directory.byName(backend, name)?.user;
  return { kind: 'verifier', verifier: whyNobody(user, now) === 'password' ? user?.verifier : undefined };
}

/** Why no password would do; `password`: the right one would. */
export function whyNobody(
  user: SnapshotUser | undefined,
  now: number,
): 'unknown' | 'disabled' | 'expired' | 'password' {
  if (user === undefined) return 'unknown';
  if (!user.enabled) return 'disabled';
  return user.expiresAt !== undefined && user.expiresAt <= now ? 'expired' : 'password';
}

/** The name of one who is bound, exactly; else POD_USER, if there is only one. */
function onLoopback(directory: PolicyDirectory, { backend, name, now }: Asked): Identity {
  const bound = directory.served(backend);
  const named = bound.find((user) => user.name === name);
  const only = bound.length === 1 ? bound[0] : undefined;
  const user = named ?? (name === POD_USER ? only : undefined);
  if (user === undefined) return turnedAway(nobody(directory, bound, { backend, name }));
  const why = whyNobody(user, now);
  if (why === 'disabled') {
    const hint = `Set spec.enabled of DbUser ${user.ref} to true.`;
    return turnedAway({ reason: why, sqlstate: '28000', message: `user "${user.name}" is disabled`, hint });
  }
  if (why === 'expired') {
    const hint = `Change spec.expiresAt of DbUser ${user.ref}.`;
    return turnedAway({ reason: why, sqlstate: '28000', message: `user "${user.name}" has expired`, hint });
  }
  return { kind: 'trusted', user: user.name };
}

/** Names that a message shows at the most. */
const SHOWN = 20;

function nobody(
  directory: PolicyDirectory,
  bound: readonly SnapshotUser[],
  { backend, name }: Pick<Asked, 'backend' | 'name'>,
): TurnedAway {
  const account = `ServiceAccount ${directory.scope ?? ''}`;
  const away = { reason: 'not-bound', sqlstate: '28000' } as const;
  if (bound.length === 0) {
    const message = `no DbUser of DatabaseBackend ${backend} is bound to this pod's ${account}`;
    const hint = `Name the ServiceAccount in spec.serviceAccounts of a DbUser with a DbPermission for ${backend}.`;
    return { ...away, message, hint };
  }
  const names = bound.slice(0, SHOWN).map((user) => `"${user.name}"`);
  const list = [...names, ...(bound.length > SHOWN ? ['others'] : [])].join(', ');
  const message =
    name === POD_USER
      ? `user "${POD_USER}" means the only DbUser that is bound to this pod's ${account}, and several are: ${list}`
      : `user "${name}" is not bound to this pod's ${account}: ${list} ${bound.length === 1 ? 'is' : 'are'}`;
  return { ...away, message, hint: 'Connect as one of them.' };
}

const turnedAway = (why: TurnedAway): Identity => ({ kind: 'turned-away', why });

/** For a backend that is not in the policy in force. */
export function noPolicy(directory: PolicyDirectory): Refusal {
  return directory.tooOld ? POLICY_TOO_OLD : NO_POLICY;
}

const NO_POLICY: Refusal = {
  reason: 'unavailable',
  sqlstate: '57P03',
  message: 'the proxy has no policy for this backend yet',
};

const POLICY_TOO_OLD: Refusal = {
  reason: 'unavailable',
  sqlstate: '57P03',
  message: 'the policy that the proxy has is too old to be believed: neither Redis nor the operator can be reached',
};
