import { HEARTBEAT_EVERY_MS, writeHeartbeat } from '#contract/snapshot/heartbeat';
import type { ScopeKeys } from '#contract/snapshot/keys-scope';
import { SNAPSHOT_FORMAT } from '#contract/snapshot/types';
import type { HeldHead } from './feed-state.ts';

export interface Reporter {
  /** Reports soon: another policy is in force. */
  soon(): void;
  close(): void;
}

export interface ReporterOptions {
  readonly scope: string;
  readonly podUid: string;
  readonly keys: () => ScopeKeys;
  readonly held: () => HeldHead | undefined;
  readonly counters: () => Readonly<Record<string, number>>;
  /** Epoch milliseconds by the operator's clock. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly chance: () => number;
  readonly send: (podUid: string, heartbeat: string) => Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** After a swap, at the most: swaps that follow each other closely make one report. */
const SOON_MS = 100;

/** Says every 8–12 s, and shortly after each swap, which revision is in force here. */
export function startReporter(options: ReporterOptions): Reporter {
  let timer: NodeJS.Timeout | undefined;
  let due = Infinity;
  let closed = false;
  const report = async (): Promise<void> => {
    const text = heartbeatOf(options);
    if (text === undefined) return;
    await options.send(options.podUid, text);
  };
  const after = (milliseconds: number): void => {
    clearTimeout(timer);
    if (closed) return;
    due = options.now() + milliseconds;
    timer = setTimeout(() => {
      report()
        .catch(options.failed)
        .finally(() => after(HEARTBEAT_EVERY_MS * (0.8 + 0.4 * options.chance())));
    }, milliseconds);
    timer.unref();
  };
  after(SOON_MS);
  return {
    soon: () => {
      if (due - options.now() > SOON_MS) after(SOON_MS);
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** undefined: no key is known. */
function heartbeatOf({ scope, podUid, keys, held, counters, now }: ReporterOptions): string | undefined {
  const known = keys();
  const head = held()?.head;
  const key = (head === undefined ? undefined : known.get(head.key)) ?? [...known.values()].at(-1);
  if (key === undefined) return undefined;
  const beat = {
    term: head?.term ?? 0,
    revision: head?.revision ?? 0,
    time: now(),
    formats: [SNAPSHOT_FORMAT],
    counters: counters(),
    key: key.id,
  };
  return writeHeartbeat(beat, scope, podUid, key.mac);
}
