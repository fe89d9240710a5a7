import type { Action } from '#contract/policy/request';

/**
 * One event type for all that is recorded, written as one JSON line. Constants of a statement are never in here
 * unless the operator of the system asked for statement texts. Who may read it: the operator of the system.
 */
export interface AuditEvent {
  /** ISO 8601, UTC, milliseconds. */
  readonly time: string;
  readonly kind: 'login' | 'logout' | 'denial' | 'statement';
  readonly backend: string;
  readonly protocol: string;
  /** DbUser as namespace/name; absent while unknown. */
  readonly user?: string;
  /** The name the client gave at login. Never a password. */
  readonly username?: string;
  readonly database?: string;
  /** Remote address and port of the client. */
  readonly client: string;
  /** Number of the client's connection in this process. */
  readonly session: number;
  /** As the client calls itself; cut to 64 characters, control characters replaced. */
  readonly application?: string;
  readonly outcome: 'ok' | 'refused' | 'failed';
  /** Policy revision that it was judged by. */
  readonly revision: number;
  readonly tag?: string;
  readonly actions?: readonly Action[];
  /** schema.name of what is touched, at most 32. */
  readonly objects?: readonly string[];
  /**
   * A DenialReason, or why a login failed. Before a session came to be: password, unknown, disabled, expired, setting,
   * start-up, tls-required, tls, protocol, version, deadline, limit, unavailable (no policy); in a pod besides: not-bound.
   */
  readonly reason?: string;
  /** Milliseconds from receipt to the end of the reply. */
  readonly milliseconds?: number;
  /** With audit level `statements`: the text with constants replaced by $n. */
  readonly statement?: string;
}
