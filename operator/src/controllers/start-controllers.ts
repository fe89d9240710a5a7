import type { PolicyAnswer } from '../publish/publisher.ts';
import type { QueueCounts } from '../runtime/queue.ts';
import type { ControllersOptions } from './context.ts';
import { Leading } from './leading.ts';

export interface RunningControllers {
  /**
   * The scope's policy with a head dated now, after this leader has published what the resources say of it now; for any
   * scope, an empty policy if they say nothing. undefined: that could not be done in time; ask again later.
   */
  policyOf(scope: string, signal: AbortSignal): Promise<PolicyAnswer | undefined>;
  queues(): Readonly<Record<'scopes' | 'statuses', QueueCounts & { readonly oldestMs: number }>>;
  /** Resolves when they have stopped by themselves, since this replica leads no more. Never rejects. */
  readonly ended: Promise<void>;
  /** Takes nothing new on, and waits that long for what runs; then ends it. */
  drain(milliseconds: number): Promise<void>;
}

/** For whoever leads, once the resources are synced. */
export function startControllers(options: ControllersOptions): RunningControllers {
  // An empty store would be published as what it is not: that nobody may do anything.
  if (!options.resources.synced) throw new Error('the resources are not synced');
  return new Leading(options);
}
