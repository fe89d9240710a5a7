import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { within } from '#test/harness/raw-client';

export interface SeparateProcess<Ask> {
  readonly pid: number;
  /** One question at a time. */
  ask(question: Ask): Promise<unknown>;
  /** undefined while it runs. */
  readonly exit: () => string | undefined;
  /** Says the last word and waits for the end. */
  stop(last: Ask): Promise<void>;
}

interface Reply {
  readonly value?: unknown;
  readonly error?: string;
}

/** A program of this folder in a process of its own, which answers questions by `answerQuestions`. */
export function startSeparateProcess<Ask extends object>(file: string): SeparateProcess<Ask> {
  const child = fork(path.join(import.meta.dirname, file), [], {
    execArgv: [...process.execArgv.filter((flag) => !flag.startsWith('--inspect')), '--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let ended: string | undefined;
  const gone = new Promise<Reply>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = `exit ${String(code)}, signal ${String(signal)}`;
      resolve({ error: `${file} is gone: ${ended}` });
    });
  });
  return {
    pid: child.pid ?? 0,
    ask: async (question) => {
      const answer = new Promise<Reply>((resolve) => child.once('message', (reply) => resolve(reply as Reply)));
      if (ended === undefined) child.send(question);
      const reply = await within(Promise.race([answer, gone]), 30_000, `answer from ${file}`);
      if (reply.error !== undefined) throw new Error(reply.error);
      return reply.value;
    },
    exit: () => ended,
    stop: async (last) => {
      process.removeListener('exit', kill);
      if (ended !== undefined) return;
      const exit = once(child, 'exit');
      child.send(last);
      await within(exit, 10_000, `end of ${file}`).catch(() => child.kill('SIGKILL'));
    },
  };
}

/** The other side of it. */
export function answerQuestions(answer: (question: never) => Promise<unknown>): void {
  const reply = (message: Reply): void => {
    if (process.connected) process.send?.(message);
  };
  process.on('message', (question) => {
    answer(question as never).then(
      (value) => reply({ value }),
      (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : 'unknown' }),
    );
  });
}
