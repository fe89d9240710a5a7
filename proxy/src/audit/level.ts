import type { AuditLevel } from '#contract/snapshot/types';
import type { AuditEvent } from './event.ts';

/**
 * | level      | writes                                                                    |
 * |------------|---------------------------------------------------------------------------|
 * | none       | nothing                                                                   |
 * | denied     | denials, logins that were refused or failed                               |
 * | access     | these, every login and logout, each statement's tag, actions and objects  |
 * | statements | these, and each statement's text with its constants replaced              |
 */
export function auditEventWritten(level: AuditLevel, event: AuditEvent): boolean {
  if (event.kind === 'login' && event.outcome === 'ok') return level === 'access' || level === 'statements';
  return auditKindWritten(level, event.kind);
}

/** Whether an event of this kind may be written: a login may yet turn out to be one that `denied` leaves out. */
export function auditKindWritten(level: AuditLevel, kind: AuditEvent['kind']): boolean {
  if (level === 'none') return false;
  return level !== 'denied' || kind === 'denial' || kind === 'login';
}

/** The event as `level` lets it be seen: a statement's text only where texts were asked for. */
export function auditEventAt(level: AuditLevel, event: AuditEvent): AuditEvent {
  if (level === 'statements' || event.statement === undefined) return event;
  const { statement: _text, ...rest } = event;
  return rest;
}
