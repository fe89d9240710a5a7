/** The proxy in a process of its own, so that its memory and its death are its own. Spoken to by process messages. */
import { startTestProxy } from '#test/harness/proxy';
import type { TestProxyOptions } from '#test/harness/proxy';
import { answerQuestions } from './separate-process.ts';

export type Ask =
  | { readonly kind: 'start'; readonly options: TestProxyOptions }
  | { readonly kind: 'stop' }
  | { readonly kind: 'facts'; readonly collect: boolean };

export interface Facts {
  /** Bytes; after a full collection if that was asked for, which stops everything for a while. */
  readonly rss: number;
  readonly heap: number;
  /** Client connections and links open now. */
  readonly connections: number;
  readonly links: number;
  readonly troubles: readonly string[];
}

let proxy: Awaited<ReturnType<typeof startTestProxy>> | undefined;

async function answer(ask: Ask): Promise<unknown> {
  if (ask.kind === 'start') {
    proxy = await startTestProxy(ask.options);
    return Object.fromEntries(proxy.ports);
  }
  if (ask.kind === 'stop') {
    await proxy?.stop();
    process.disconnect?.();
    return undefined;
  }
  if (ask.collect) (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const troubles = proxy?.troubles.map(({ what, detail }) => `${what}: ${detail}`) ?? [];
  return { rss, heap: heapUsed, ...proxy?.gauges, troubles } satisfies Partial<Facts>;
}

answerQuestions(answer);
