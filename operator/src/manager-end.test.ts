import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const MODULE = path.join(import.meta.dirname, 'manager-end.ts');
const LOG = path.join(import.meta.dirname, 'log.ts');

/** A process that waits for its end after some lines of its own; what it printed, and how it ended. */
async function ended(lines: string, signals: readonly NodeJS.Signals[] = []): Promise<readonly [string, unknown]> {
  const program = `
    import { watchForEnd } from ${JSON.stringify(MODULE)};
    import { createLog } from ${JSON.stringify(LOG)};
    const { log, flush } = createLog('info');
    const end = watchForEnd(log);
    const alive = setInterval(() => undefined, 1000);
    console.log('waits');
    ${lines}
    const asked = await end.asked;
    console.log('asked', asked.kind, asked.part ?? '');
    await flush();
    if (asked.kind === 'failed') process.exit(7);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  const gone = once(child, 'exit');
  for (const signal of signals) {
    await once(child.stdout, 'data');
    child.kill(signal);
  }
  const [code] = (await gone) as [unknown];
  return [text, code];
}

describe('the end of the operator', () => {
  it('is what a rejection that nobody handles leads to, and it is told why', async () => {
    const [text, code] = await ended(`void Promise.reject(new TypeError('x is no function'));`);
    expect(code).to.equal(7);
    expect(text).to.include('asked failed process').and.to.include('x is no function');
  });

  it('is what an exception in a callback leads to', async () => {
    const [text, code] = await ended(`setTimeout(() => { throw new RangeError('too far'); }, 1);`);
    expect([code, text.includes('asked failed process'), text.includes('too far')]).to.deep.equal([7, true, true]);
  });

  it('is what a part that fails asks for, once', async () => {
    const [text] = await ended(`end.fail('election', new Error('one')); end.fail('watch', new Error('two'));`);
    expect(text).to.include('asked failed election').and.not.to.include('asked failed watch');
  });

  it('is orderly at the first signal, and at once at the second', async () => {
    const [text, code] = await ended('', ['SIGTERM', 'SIGINT']);
    expect(text).to.include('asked signal');
    expect(code).to.equal(1);
  });
});
