import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { TestProxyOptions } from '#test/harness/proxy';
import { within } from '#test/harness/raw-client';
import type { Ask, Facts } from './proxy-child.ts';

export interface SeparateProxy {
  readonly pid: number;
  readonly ports: Readonly<Record<string, number>>;
  facts(options?: { readonly collect: boolean }): Promise<Facts>;
  /** undefined while it runs. */
  exit(): string | undefined;
  stop(): Promise<void>;
}

/** The proxy as a child process; only plain data in the options. */
export async function startSeparateProxy(options: TestProxyOptions): Promise<SeparateProxy> {
  const child = fork(path.join(import.meta.dirname, 'proxy-child.ts'), [], {
    execArgv: [...process.execArgv.filter((flag) => !flag.startsWith('--inspect')), '--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let ended: string | undefined;
  const gone = new Promise<readonly [{ readonly error: string }]>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = `exit ${String(code)}, signal ${String(signal)}`;
      resolve([{ error: `the proxy is gone: ${ended}` }]);
    });
  });

  const ask = async (question: Ask): Promise<unknown> => {
    if (ended !== undefined) throw new Error(`the proxy is gone: ${ended}`);
    const answer = new Promise<readonly [{ value?: unknown; error?: string }]>((resolve) => {
      child.once('message', (message) => resolve([message as { value?: unknown; error?: string }]));
    });
    child.send(question);
    const [reply] = await within(Promise.race([answer, gone]), 30_000, 'answer from the proxy process');
    if (reply.error !== undefined) throw new Error(reply.error);
    return 'value' in reply ? reply.value : undefined;
  };
  const ports = (await ask({ kind: 'start', options })) as Record<string, number>;
  return {
    pid: child.pid ?? 0,
    ports,
    facts: async (options) => (await ask({ kind: 'facts', collect: options?.collect ?? false })) as Facts,
    exit: () => ended,
    stop: async () => {
      process.removeListener('exit', kill);
      if (ended !== undefined) return;
      const gone = once(child, 'exit');
      child.send({ kind: 'stop' } satisfies Ask);
      await within(gone, 10_000, 'end of the proxy process').catch(() => child.kill('SIGKILL'));
    },
  };
}
