/**
 * The operator's command with what no flag can do, for tests alone. usage: operator-child.ts operator FLAGS…
 * $OPERATOR_SEAMS: OperatorSeams as JSON. Told `stand` on stdin it answers {"armed":true}; the next publish of that scope
 * stands still after that step, says {"standing":STEP}, and goes on when it is told `go on`.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { OPERATOR, operatorOptions } from '#cli/operator/command';
import { runOperator } from '#operator/main';
import { parseFlags } from '#proxy/flags';
import { QUICK_ELECTION, type OperatorSeams } from './operator.ts';

const seams = JSON.parse(process.env.OPERATOR_SEAMS ?? '{}') as OperatorSeams;
const [, , , ...argv] = process.argv;
const options = operatorOptions(parseFlags(OPERATOR, argv, {}));
const say = (what: object): boolean => process.stdout.write(`${JSON.stringify(what)}\n`);

let armed = false;
const told = createInterface(process.stdin);
told.on('line', (line) => {
  if (line !== 'stand') return;
  armed = true;
  say({ armed });
});

async function between(step: string, scope: string): Promise<void> {
  if (!armed || step !== seams.stand?.step || scope !== seams.stand.scope) return;
  armed = false;
  say({ standing: step, scope });
  await once(told, 'line');
}

process.exitCode = await runOperator(options, { electionTimes: seams.election ?? QUICK_ELECTION, between });
told.close();
setTimeout(() => process.exit(), 2_000).unref();
