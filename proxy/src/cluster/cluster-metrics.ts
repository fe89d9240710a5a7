import { Counter, Gauge, type Registry } from 'prom-client';
import { FEED_STATES, type FeedState } from '../snapshot/feed-state.ts';
import type { FeedTrouble } from '../snapshot/feed.ts';
import { OPERATOR_FAILURES, type OperatorFailure } from './operator-client.ts';

export interface ClusterMetrics {
  /** A question to the operator for keys and logins. */
  asked(outcome: 'ok' | OperatorFailure): void;
  /** Each kind at most once a minute, as it is told. */
  trouble(what: FeedTrouble): void;
}

/** Labels are closed sets: nothing of who may do what. Revision and age are among every proxy's metrics. */
export function registerClusterMetrics(registry: Registry, state: () => FeedState): ClusterMetrics {
  const registers = [registry];
  new Gauge({
    name: 'articdbm_proxy_policy_state',
    help: '1 for the state that the policy is in: waiting (none yet), fresh, stale (not confirmed for 15 minutes), refusing (too old).',
    labelNames: ['state'],
    registers,
    collect() {
      const now = state();
      for (const name of FEED_STATES) this.set({ state: name }, name === now ? 1 : 0);
    },
  });
  const attempts = new Counter({
    name: 'articdbm_proxy_bootstrap_attempts_total',
    help: 'Questions to the operator for keys and logins, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['ok', ...OPERATOR_FAILURES]) attempts.inc({ outcome }, 0);
  const troubles = new Counter({
    name: 'articdbm_proxy_policy_troubles_total',
    help: 'Minutes in which something was wrong with the policy feed, by kind.',
    labelNames: ['what'],
    registers,
  });
  return {
    asked: (outcome) => attempts.inc({ outcome }),
    trouble: (what) => troubles.inc({ what }),
  };
}
