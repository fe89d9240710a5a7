import type { DenialReason } from '#contract/policy/decision';
import { DENIAL_REASONS } from '#contract/policy/decision';
import type { AccessRequest, Action } from '#contract/policy/request';
import type { SnapshotBackend } from '#contract/snapshot/types';
import type { AuditEvent } from './audit/event.ts';
import type { Environment } from './config.ts';
import type { InFlight, JudgedStep } from './protocols/protocol.ts';
import type { BoundUser } from './snapshot/directory.ts';
import type { InspectedStatement } from './sql/inspection.ts';
import type { Recorder, StatementAction, StatementOutcome } from './telemetry/recorder.ts';

/** Who a session is, as it is recorded. */
export interface Identity {
  readonly backend: string;
  readonly protocol: string;
  readonly client: string;
  readonly session: number;
  readonly username?: string;
  readonly database?: string;
  readonly application?: string;
}

/** A login as far as it came, by the policy in force. */
export interface Attempt {
  readonly user: BoundUser | undefined;
  readonly backend: SnapshotBackend | undefined;
  readonly revision: number;
}

const MAX_OBJECTS = 32;
const NAMED_REASONS: ReadonlySet<string> = new Set(DENIAL_REASONS);

/** What one session's statements are recorded as. Never a constant, never a parameter. */
export class SessionRecord {
  readonly #recorder: Recorder;
  readonly #environment: Environment;
  readonly #identity: Identity;
  #whoText: string | undefined;
  #whoUser: string | undefined;

  constructor(recorder: Recorder, environment: Environment, identity: Identity) {
    this.#recorder = recorder;
    this.#environment = environment;
    this.#identity = identity;
  }

  /** A reply has ended. */
  statement(user: BoundUser, entry: InFlight, outcome: StatementOutcome): void {
    const refusal = entry.replacedBy;
    if (!entry.charged && refusal === undefined) return;
    const milliseconds = this.#environment.monotonic() - entry.sent;
    const { backend } = this.#identity;
    const statement = entry.refusedStep?.statements[0] ?? entry.steps[0]?.statements[0];
    this.#recorder.statement(
      backend,
      statement === undefined ? 'unknown' : actionOf(statement),
      outcome,
      milliseconds / 1000,
    );
    if (refusal !== undefined && NAMED_REASONS.has(refusal.reason)) {
      this.#recorder.denial(backend, refusal.reason as DenialReason);
    }
    const kind = refusal === undefined ? 'statement' : 'denial';
    if (!this.#recorder.audits(user.audit, kind)) return;
    const when = timeText(this.#environment.now());
    const took = Math.round(milliseconds * 1000) / 1000;
    const reason = refusal === undefined ? '' : `,"reason":"${refusal.reason}"`;
    const text =
      user.audit === 'statements' && entry.text !== undefined ? `,"statement":${JSON.stringify(entry.text)}` : '';
    this.#recorder.auditLine(
      `{"audit":true,"time":"${when}","kind":"${kind}",${this.#who(user)},"outcome":"${outcomeOf(outcome)}"` +
        `,"revision":${user.revision},"milliseconds":${took}${reason},${about(entry)}${text}}`,
    );
  }

  /** The part of a line that tells who it was, written once: it outweighs the rest. */
  #who(user: BoundUser): string {
    if (this.#whoText === undefined || this.#whoUser !== user.user.ref) {
      this.#whoUser = user.user.ref;
      this.#whoText = innerJson({ ...this.#identity, user: this.#whoUser });
    }
    return this.#whoText;
  }

  session(
    kind: 'login' | 'logout',
    user: BoundUser | undefined,
    outcome: AuditEvent['outcome'],
    reason?: string,
  ): void {
    const level = user?.audit ?? 'access';
    if (!this.#recorder.audits(level, kind)) return;
    this.#recorder.audit(level, { ...this.#event(kind, user, outcome), ...(reason === undefined ? {} : { reason }) });
  }

  /** A login that ended before a session came to be: as loud as the user, or else the backend, is to be. */
  refusedLogin({ user, backend, revision }: Attempt, reason: string): void {
    const level = user?.audit ?? backend?.audit ?? 'denied';
    if (!this.#recorder.audits(level, 'login')) return;
    this.#recorder.audit(level, { ...this.#event('login', user, 'refused'), revision, reason });
  }

  #event(kind: AuditEvent['kind'], user: BoundUser | undefined, outcome: AuditEvent['outcome']): AuditEvent {
    return {
      time: new Date(this.#environment.now()).toISOString(),
      kind,
      ...this.#identity,
      ...(user === undefined ? {} : { user: user.user.ref }),
      outcome,
      revision: user?.revision ?? 0,
    };
  }
}

const outcomeOf = (outcome: StatementOutcome): AuditEvent['outcome'] => (outcome === 'denied' ? 'refused' : outcome);

/** The members of an object, as JSON without its braces. */
const innerJson = (members: object): string => JSON.stringify(members).slice(1, -1);

let second = Number.NaN;
let secondText = '';

/** ISO 8601 in UTC; all but the milliseconds is the same for a while. */
function timeText(now: number): string {
  const whole = Math.trunc(now);
  const milliseconds = whole % 1000;
  if (whole - milliseconds !== second) {
    second = whole - milliseconds;
    secondText = new Date(second).toISOString().slice(0, -4);
  }
  return `${secondText}${String(milliseconds).padStart(3, '0')}Z`;
}

type About = Pick<AuditEvent, 'tag' | 'actions' | 'objects'>;

const known = new WeakMap<JudgedStep, string>();

/** As members of JSON. One step, as nearly all have, says the same each time. */
function about({ steps, refusedStep }: InFlight): string {
  const only = refusedStep === undefined && steps.length === 1 ? steps[0] : undefined;
  if (only === undefined) return innerJson(aboutSteps(refusedStep === undefined ? steps : [...steps, refusedStep]));
  let found = known.get(only);
  if (found === undefined) {
    found = innerJson(aboutSteps([only]));
    known.set(only, found);
  }
  return found;
}

function aboutSteps(steps: readonly JudgedStep[]): About {
  const statements = steps.flatMap((step) => step.statements);
  const requests = statements.flatMap(requestsOf);
  const tags = [...new Set(statements.map((statement) => statement.tag))];
  return {
    ...(tags.length === 0 ? {} : { tag: tags.slice(0, MAX_OBJECTS).join('; ') }),
    actions: [...new Set(requests.map(({ action }) => action))],
    objects: [...new Set(requests.map(nameOf).filter((name) => name !== undefined))].slice(0, MAX_OBJECTS),
  };
}

const requestsOf = (statement: InspectedStatement): readonly AccessRequest[] =>
  statement.ask.kind === 'refused' ? [] : statement.ask.requests;

function nameOf({ resource }: AccessRequest): string | undefined {
  if (resource.kind === 'backend') return undefined;
  if (resource.kind === 'schema') return resource.name;
  return `${resource.schema ?? '*'}.${resource.name}`;
}

const actions = new WeakMap<InspectedStatement, StatementAction>();

/** The strongest of what it asks for. */
export function actionOf(statement: InspectedStatement): StatementAction {
  let action = actions.get(statement);
  if (action === undefined) {
    action =
      statement.ask.kind === 'refused' ? 'unknown' : strongest(new Set(requestsOf(statement).map((r) => r.action)));
    actions.set(statement, action);
  }
  return action;
}

const WRITES: readonly Action[] = ['insert', 'update', 'delete', 'truncate', 'references'];

function strongest(asked: ReadonlySet<Action>): StatementAction {
  if (asked.has('admin')) return 'admin';
  if (WRITES.some((action) => asked.has(action))) return 'write';
  if (asked.has('select')) return 'read';
  return asked.size > 0 ? 'execute' : 'session';
}
