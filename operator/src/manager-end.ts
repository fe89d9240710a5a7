import type { Log } from './log.ts';

/** Why the process ends. */
export type End =
  | { readonly kind: 'signal' }
  /** A part ended that must not, or something was thrown that nobody caught: the rest is not to be relied on. */
  | { readonly kind: 'failed'; readonly part: string; readonly error: unknown };

export interface EndWatch {
  /** Resolves once. */
  readonly asked: Promise<End>;
  readonly fail: (part: string, error: unknown) => void;
  /** Listens no more. */
  release(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Takes charge of the process's signals and of what nobody catches. A second signal ends the process at once. */
export function watchForEnd(log: Log): EndWatch {
  const { promise: asked, resolve } = Promise.withResolvers<End>();
  let signals = 0;
  const onSignal = (): void => {
    if (++signals > 1) process.exit(1);
    resolve({ kind: 'signal' });
  };
  const fail = (part: string, error: unknown): void => {
    log.error({ part, error }, 'a part of the operator has failed');
    resolve({ kind: 'failed', part, error });
  };
  const onThrown = (error: unknown): void => fail('process', error);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('unhandledRejection', onThrown);
  process.on('uncaughtException', onThrown);
  return {
    asked,
    fail,
    release: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
      process.off('unhandledRejection', onThrown);
      process.off('uncaughtException', onThrown);
    },
  };
}
