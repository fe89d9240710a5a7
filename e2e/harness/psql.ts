import type { Kubectl } from './kubectl.ts';

/** What psql made of a statement. */
export interface Answer {
  /** `00000` when all is well. */
  readonly sqlstate: string;
  /** Rows, columns parted by `|`; or the error with its HINT. */
  readonly text: string;
}

const STATE = /^(?:psql: error:.*?)?(?:ERROR|FATAL): {2}(?:(\w{5}): )?/m;
const FLAGS = ['-X', '-A', '-t', '-q', '-v', 'VERBOSITY=verbose'];

/** One statement in a connection of its own. `target`: what psql connects to; by default what the pod's PG… say. */
export async function psql(
  kubectl: Kubectl,
  pod: string,
  statement: string,
  target: readonly string[] = [],
): Promise<Answer> {
  const { status, output } = await kubectl.exec(pod, 'app', ['psql', ...FLAGS, ...target, '-c', statement], {
    seconds: 30,
  });
  return { sqlstate: status === 0 ? '00000' : (STATE.exec(output)?.[1] ?? '?????'), text: output.trim() };
}
