import type { AuditLevel } from '#contract/snapshot/types';
import type { AuditEvent } from './event.ts';
import { auditEventAt } from './level.ts';
import type { LineOutput } from './output.ts';

/** Where audit events go. Never throws, never waits: what can't be taken is dropped and counted. */
export interface AuditSink {
  /** The caller has made sure that the event is within `level`. */
  write(level: AuditLevel, event: AuditEvent): void;
  /** An event that is JSON already, with `"audit":true`. */
  writeLine(line: string): void;
  /** Events dropped so far. */
  dropped(): number;
}

export const noAudit: AuditSink = { write: () => undefined, writeLine: () => undefined, dropped: () => 0 };

/** One JSON object a line, with `"audit":true` so that it can be told from the log when both share an output. */
export function jsonLinesSink(output: LineOutput): AuditSink {
  let dropped = 0;
  const writeLine = (line: string): void => {
    if (!output.writeLine(line)) dropped += 1;
  };
  return {
    write: (level, event) => writeLine(JSON.stringify({ audit: true, ...auditEventAt(level, event) })),
    writeLine,
    dropped: () => dropped,
  };
}
