import { createLog } from './log.ts';
import type { Seams } from './manager-base.ts';
import { watchForEnd } from './manager-end.ts';
import { Manager } from './manager.ts';
import { StartProblem, type OperatorOptions } from './options.ts';

/**
 * Runs the operator until a signal, or until a part of it fails: one that is only half there would be taken for a whole
 * one. Gives the exit code; throws StartProblem when it can't begin. seams: for tests.
 */
export async function runOperator(options: OperatorOptions, seams: Seams = {}): Promise<number> {
  const { log, flush } = createLog(options.logLevel);
  const end = watchForEnd(log);
  const manager = new Manager(options, log, end.fail, seams);
  try {
    await manager.openAdmin();
    manager.start().catch((error: unknown) => end.fail('start', error));
    const asked = await end.asked;
    if (asked.kind === 'failed') {
      if (asked.error instanceof StartProblem) throw asked.error;
      await flush();
      process.exit(1); // what is left is not to be relied on; the Lease runs out by itself
    }
    log.info('stopping: what was begun is finished; a second signal ends at once');
    const orderly = await manager.stop();
    log.info('stopped');
    return orderly ? 0 : 1;
  } finally {
    end.release();
    await flush();
  }
}
