import { DONE, later, type Outcome } from '../../runtime/outcome.ts';
import { NotLoadedError } from '../../secrets/secrets.ts';
import type { Context } from '../context.ts';
import { apply } from './apply.ts';
import { gather } from './gather.ts';
import { plan } from './plan.ts';
import { report, reportFailure } from './report.ts';

/** Milliseconds. What made it necessary has touched the scope, so mostly it is looked at again at once. */
const SOON_MS = 100;

/** Brings a scope's policy into force as the resources have it now. */
export async function reconcileScope(scope: string, context: Context, signal: AbortSignal): Promise<Outcome> {
  try {
    const { attempt, input, verifier } = await gather(scope, context, signal);
    const snapshot = plan(input, verifier);
    if (snapshot === undefined) return later(SOON_MS);
    report(await apply(snapshot, attempt, context), attempt, context);
    return DONE;
  } catch (error) {
    if (error instanceof NotLoadedError) return later(SOON_MS);
    reportFailure(error, scope, context);
    throw error;
  }
}
