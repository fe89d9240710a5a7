/**
 * The operator's command with what no flag can do, for tests alone. usage: operator-child.ts operator FLAGS…
 * $OPERATOR_SEAMS: OperatorSeams as JSON. A publish that stands still says so by a line {"standing": STEP} and goes on at
 * whatever comes on stdin.
 */
import { once } from 'node:events';
import { OPERATOR, operatorOptions } from '#cli/operator/command';
import { runOperator } from '#operator/main';
import { parseFlags } from '#proxy/flags';
import { QUICK_ELECTION, type OperatorSeams } from './operator.ts';

const seams = JSON.parse(process.env.OPERATOR_SEAMS ?? '{}') as OperatorSeams;
const [, , , ...argv] = process.argv;
const options = operatorOptions(parseFlags(OPERATOR, argv, {}));

let free = false;
async function between(step: string, scope: string): Promise<void> {
  if (free || step !== seams.stand?.step || scope !== seams.stand.scope) return;
  process.stdout.write(`${JSON.stringify({ standing: step, scope })}\n`);
  await once(process.stdin, 'data');
  free = true;
}

process.exitCode = await runOperator(options, { electionTimes: seams.election ?? QUICK_ELECTION, between });
process.stdin.destroy();
setTimeout(() => process.exit(), 2_000).unref();
