import { DeposedError, type Published } from '../../publish/publisher.ts';
import { RedisAwayError } from '../../publish/steps.ts';
import { NotLeadingError } from '../../runtime/election.ts';
import type { Context } from '../context.ts';
import type { Attempt } from '../publications.ts';

/** A scope has no status of its own: those whose policy it holds are looked at again. */
export function report({ head }: Published, attempt: Attempt, { publications, look }: Context): void {
  look(publications.done(attempt, head.revision));
}

/** What Redis does not take is signed all the same. What could not be made puts in doubt what was made before. */
export function reportFailure(error: unknown, scope: string, { publications, publisher, look }: Context): void {
  if (error instanceof DeposedError || error instanceof NotLeadingError) return;
  const away = error instanceof RedisAwayError;
  if (!away) publisher.doubt(scope);
  look(publications.failed({ scope }, away ? 'RedisAway' : 'Failed'));
}
