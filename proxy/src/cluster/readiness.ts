import type { FeedStatus } from '../snapshot/feed.ts';
import type { Snapshot, SnapshotBackend, SnapshotUser } from '#contract/snapshot/types';
import { loginAdvice, type ClusterMode } from './cluster-logins.ts';

/** All that readiness follows from. */
export interface Situation {
  readonly mode: ClusterMode;
  readonly operator: string;
  /** undefined: the operator has not answered yet. */
  readonly scope: string | undefined;
  /** Why its last attempt came to nothing. */
  readonly enrolmentTrouble: string | undefined;
  readonly status: FeedStatus;
  /** Why the second feed gave nothing, when it was last asked. */
  readonly policyTrouble: string | undefined;
  readonly snapshot: Snapshot | undefined;
  /** Those that are listened for. */
  readonly backends: readonly string[];
  readonly serves: (user: SnapshotUser) => boolean;
  readonly hasLogin: (backend: string, userUid: string) => boolean;
}

/** What is missing before anything, in one line; undefined: nothing. The first thing only: what follows depends on it. */
export function waitingFor(situation: Situation): string | undefined {
  const { scope, snapshot, enrolmentTrouble, operator } = situation;
  if (scope === undefined)
    return `waiting for keys and logins: ${enrolmentTrouble ?? `the operator at ${operator} is asked`}`;
  if (snapshot === undefined) return waitingForPolicy(scope, situation);
  for (const id of situation.backends) {
    const waiting = waitingForBackend(id, scope, situation);
    if (waiting !== undefined) return waiting;
  }
  return undefined;
}

function waitingForPolicy(scope: string, { status, policyTrouble }: Situation): string {
  const because = policyTrouble === undefined ? '' : `: ${policyTrouble}`;
  return status.state === 'refusing'
    ? `waiting for newer policy of ${scope}, the last being ${ageOf(status)} old${because}`
    : `waiting for policy of ${scope}${because === '' ? ' from Redis or the operator' : because}`;
}

function waitingForBackend(id: string, scope: string, situation: Situation): string | undefined {
  const { mode, snapshot, serves, hasLogin } = situation;
  const [, account = ''] = scope.split('/');
  const backend = snapshot?.backends.find((candidate) => candidate.id === id);
  if (mode === 'gateway') {
    if (backend === undefined)
      return `waiting for DatabaseBackend ${id}: it is not there, or broken, or its spec.gateways does not name ServiceAccount ${account}`;
    return missingLogin(backend, situation, backend.users.filter(serves));
  }
  const served = backend?.users.filter(serves) ?? [];
  if (backend === undefined || served.length === 0)
    return `waiting for a DbUser whose spec.serviceAccounts names ${account}, with a DbPermission for DatabaseBackend ${id} (in namespace ${scope.split('/')[0] ?? ''})`;
  return served.some((user) => hasLogin(id, user.uid)) ? undefined : missingLogin(backend, situation, served);
}

function missingLogin(
  { id }: SnapshotBackend,
  { hasLogin, mode }: Situation,
  served: readonly SnapshotUser[],
): string | undefined {
  const lacking = served.find((user) => !hasLogin(id, user.uid));
  return lacking === undefined
    ? undefined
    : `waiting for a login for DbUser ${lacking.ref}: ${loginAdvice(mode, id, lacking.ref)}`;
}

/** While ready: what people should know. */
export function warningOf(situation: Situation): string | undefined {
  const { status } = situation;
  if (status.state === 'stale') {
    return `the policy in force has not been confirmed for ${ageOf(status)}: neither Redis nor the operator says anything newer`;
  }
  return waitingFor(situation);
}

function ageOf({ age = 0 }: FeedStatus): string {
  const minutes = Math.floor(age / 60_000);
  return minutes < 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} hours`;
}
