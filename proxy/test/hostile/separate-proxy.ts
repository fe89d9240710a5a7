import type { TestProxyOptions } from '#test/harness/proxy';
import type { Ask, Facts } from './proxy-child.ts';
import { startSeparateProcess } from './separate-process.ts';

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
  const child = startSeparateProcess<Ask>('proxy-child.ts');
  const ports = (await child.ask({ kind: 'start', options })) as Record<string, number>;
  return {
    pid: child.pid,
    ports,
    facts: async ({ collect } = { collect: false }) => (await child.ask({ kind: 'facts', collect })) as Facts,
    exit: child.exit,
    stop: () => child.stop({ kind: 'stop' }),
  };
}
