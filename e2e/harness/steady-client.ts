import type { Kubectl, Manifest } from './kubectl.ts';
import { pod } from './resources.ts';

/**
 * Once a second a statement that is allowed, one that is denied and one whose permission comes and goes: in a session that
 * stays open as long as it can, and in one of their own. psql says how each ended by its SQLSTATE; kubelet adds when.
 */
const SCRIPT = `
statements() { # WHERE
  cat <<S
\\set QUIET on
\\pset pager off
select count(id) from orders \\g /dev/null
\\warn $1 allowed :SQLSTATE
select count(id) from customers \\g /dev/null
\\warn $1 denied :SQLSTATE
select count(name) from customers \\g /dev/null
\\warn $1 changing :SQLSTATE
S
}
fresh() { while :; do statements fresh | psql -X -q || echo "fresh lost" >&2; sleep 1; done; }
fresh &
while :; do
  { while statements open; do sleep 1; done; } | psql -X -q
  echo "open lost" >&2
  sleep 1
done
`;

/** A pod of `account`, who may read orders of `backends`, of customers at times the names, and never the ids. */
export const steadyClient = (namespace: string, name: string, account: string, backends: string): Manifest =>
  pod(namespace, name, { account, backends, container: { command: ['sh', '-c', SCRIPT] } });

export interface Outcome {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly session: 'open' | 'fresh';
  readonly statement: 'allowed' | 'denied' | 'changing' | undefined;
  /** 00000: it was done; undefined: the connection was lost, or none came about. */
  readonly sqlstate: string | undefined;
}

const LINE = /^(\S+) (open|fresh) (?:lost|(allowed|denied|changing) ([0-9A-Z]{5}))$/;

/** All that the client has seen since a moment (epoch milliseconds). */
export async function outcomes(kubectl: Kubectl, name: string, since: number): Promise<readonly Outcome[]> {
  const log = await kubectl.run([
    'logs',
    name,
    '-c',
    'app',
    '--timestamps',
    `--since-time=${new Date(since).toISOString()}`,
  ]);
  return log.split('\n').flatMap((line) => {
    const [, time = '', session, statement, sqlstate] = LINE.exec(line) ?? [];
    const at = Date.parse(time);
    if (session === undefined || !(at >= since)) return [];
    return [{ at, session, statement, sqlstate } as Outcome];
  });
}

export interface Judged {
  readonly allowed: number;
  readonly denied: number;
  /** What should not be: an allowed statement that failed, a denied one that passed. */
  readonly wrong: readonly Outcome[];
  readonly lost: readonly Outcome[];
  /** Milliseconds: the longest time without an outcome in the open session. */
  readonly gap: number;
}

export function judge(seen: readonly Outcome[], from: number, to: number): Judged {
  const all = seen.filter(({ at }) => at >= from && at <= to);
  const told = all.filter(({ statement }) => statement === 'allowed' || statement === 'denied');
  const times = [from, ...all.filter(({ session }) => session === 'open').map(({ at }) => at), to];
  return {
    allowed: told.filter(({ statement }) => statement === 'allowed').length,
    denied: told.filter(({ statement }) => statement === 'denied').length,
    wrong: told.filter(({ statement, sqlstate }) => sqlstate !== (statement === 'allowed' ? '00000' : '42501')),
    lost: all.filter(({ statement }) => statement === undefined),
    gap: Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at))),
  };
}

/**
 * When a change came into force (epoch milliseconds): from when on the changing statement ended like this. undefined: not yet,
 * in both kinds of session twice. Throws when it was in force and then was not.
 */
export function inForceAt(seen: readonly Outcome[], sqlstate: '00000' | '42501'): number | undefined {
  const told = seen.filter(({ statement }) => statement === 'changing');
  const first = told.findIndex((one) => one.sqlstate === sqlstate);
  const after = first < 0 ? [] : told.slice(first);
  const back = after.find((one) => one.sqlstate !== sqlstate);
  if (back !== undefined) {
    throw new Error(
      `${sqlstate} was in force, and ${String(back.sqlstate)} at ${new Date(back.at).toISOString()} again`,
    );
  }
  const enough = (['open', 'fresh'] as const).every((kind) => after.filter((one) => one.session === kind).length > 1);
  return enough ? after[0]?.at : undefined;
}
