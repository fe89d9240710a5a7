import type { Snapshot } from '#contract/snapshot/types';
import type { Published } from '../../publish/publisher.ts';
import type { Context } from '../context.ts';
import type { Attempt } from '../publications.ts';

/** Throws NotLeadingError, DeposedError, or RedisAwayError: then the policy is signed, and the second feed has it. */
export function apply(
  snapshot: Snapshot,
  { who, why }: Attempt,
  { leadership, publisher }: Context,
): Promise<Published> {
  leadership.check();
  return publisher.publish({ snapshot, who, why });
}
