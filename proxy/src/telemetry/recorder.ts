import type { AuditLevel } from '#contract/snapshot/types';
import type { DenialReason } from '#contract/policy/decision';
import type { AuditEvent } from '../audit/event.ts';

export type StatementAction = 'read' | 'write' | 'execute' | 'session' | 'admin' | 'unknown';
export type StatementOutcome = 'ok' | 'denied' | 'failed';
export type LinkState = 'connecting' | 'leased';

/** Everything that the proxy tells the outside about itself. Calls are cheap and never throw; sinks that are slow drop and count. */
export interface Recorder {
  connection(backend: string, change: 1 | -1): void;
  login(backend: string, outcome: 'ok' | 'refused' | 'failed'): void;
  /** seconds from receipt to the end of the reply. */
  statement(backend: string, action: StatementAction, outcome: StatementOutcome, seconds: number): void;
  denial(backend: string, reason: DenialReason): void;
  link(backend: string, state: LinkState, change: 1 | -1): void;
  /** An error of ours or of a peer, for the log; `what` is of a closed set, `detail` holds no received value. */
  trouble(backend: string, what: string, detail: string): void;
  /** `level` is what backend and user ask for; the event is written if its kind is within it. */
  audit(level: AuditLevel, event: AuditEvent): void;
  /** An event that is within its level, as the JSON that is written of it. For statements: there are many. */
  auditLine(line: string): void;
  /** Whether an event of this kind would be written at all, so that the caller need not build it. */
  audits(level: AuditLevel, kind: AuditEvent['kind']): boolean;
}
