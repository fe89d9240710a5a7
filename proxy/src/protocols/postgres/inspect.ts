/**
 * A client's message → what it asks for. Judgement falls where PostgreSQL's own does: a SELECT when it is bound, all else
 * when it is executed; Parse, PREPARE and Describe of what is understood ask for nothing.
 */
import type { AccessRequest } from '#contract/policy/request';
import type { InspectedStatement, Misunderstood, ResolutionState, SessionEffect } from '#proxy/sql/inspection';
import { ProtocolError } from '#proxy/bytes/protocol-error';
import type { Inquiry, JudgedStep, StatementText } from '../protocol.ts';
import type { Refusal } from '../refusal.ts';
import {
  decodeBindHead,
  decodeClose,
  decodeDescribe,
  decodeEmpty,
  decodeExecute,
  decodeParse,
  decodeQuery,
} from './decode.ts';
import type { ClientFrame } from './client-framing.ts';
import { FRONTEND } from './messages.ts';
import { DOUBTFUL, UNSETTLED } from './names.ts';
import { keyOf, keyOfName, type Definition, type PostgresSession } from './session.ts';

/** What `inspect` found out about a message, for the link that sends it. */
export type Detail =
  | { readonly kind: 'query'; readonly text: StatementText; readonly statements: readonly InspectedStatement[] }
  | { readonly kind: 'parse'; readonly key: string; readonly text: StatementText }
  | { readonly kind: 'bind'; readonly key: string; readonly definition: Definition | undefined }
  | {
      readonly kind: 'execute';
      readonly definition: Definition | undefined;
      readonly statements: readonly InspectedStatement[];
    }
  | { readonly kind: 'function'; readonly statements: readonly InspectedStatement[] }
  | { readonly kind: 'describe'; readonly target: 'S' | 'P' }
  | { readonly kind: 'close'; readonly target: 'S' | 'P'; readonly key: string };

const PASS: Inquiry = { kind: 'pass' };
const END: Inquiry = { kind: 'end' };
const SETTLE: Inquiry = { kind: 'settle' };

export function inspectMessage(session: PostgresSession, frame: ClientFrame): Inquiry {
  switch (frame.type) {
    case FRONTEND.Query:
      return frame.oversize ? tooLarge(session) : inspectQuery(session, frame);
    case FRONTEND.Parse:
      return frame.oversize ? tooLarge(session) : inspectParse(session, frame);
    case FRONTEND.Bind:
      return inspectBind(session, frame);
    case FRONTEND.Execute:
      return inspectExecute(session, frame);
    case FRONTEND.Describe:
      return inspectDescribe(session, frame);
    case FRONTEND.Close:
      return inspectClose(session, frame);
    case FRONTEND.FunctionCall:
      return inspectFunctionCall(session, frame);
    case FRONTEND.Sync:
    case FRONTEND.Flush:
    case FRONTEND.CopyDone:
      decodeEmpty(frame.body);
      return PASS;
    case FRONTEND.Terminate:
      return END;
    default: // MORE, CopyData, CopyFail
      return PASS;
  }
}

// ---- statements ----------------------------------------------------------------------------------------------------

function inspectQuery(session: PostgresSession, frame: ClientFrame): Inquiry {
  const text = (frame.text ??= session.context.inspections.text(decodeQuery(frame.body).text));
  const first = session.context.inspections.of(text, session.state);
  if (first instanceof Promise) return { kind: 'wait', ready: first };
  if (!first.understood) return refuse(misunderstood(first));
  const only = first.statements.length === 1 ? first.statements[0] : undefined;
  if (only !== undefined) {
    frame.detail = { kind: 'query', text, statements: first.statements };
    const step = stepOf(session, only, standingAlone(session));
    return isInquiry(step) ? step : { kind: 'judge', steps: [step], charged: true };
  }
  return inspectSeveral(session, frame, text, first.statements.length);
}

/** Each statement of a text is looked at in the state that those before it leave behind. */
function inspectSeveral(session: PostgresSession, frame: ClientFrame, text: StatementText, count: number): Inquiry {
  const { inspections, resolution } = session.context;
  const path = { schemas: session.path.schemas };
  const statements: InspectedStatement[] = [];
  const steps: JudgedStep[] = [];
  for (let index = 0; index < count; index++) {
    const state = resolution.current(path.schemas);
    const inspection = inspections.of(text, state);
    if (inspection instanceof Promise) return { kind: 'wait', ready: inspection };
    const statement = inspection.understood ? inspection.statements[index] : undefined;
    if (statement === undefined) throw new Error('a text has fewer statements in another state');
    const step = stepOf(session, statement, { text, earlier: statements, state });
    if (isInquiry(step)) return step;
    steps.push(step);
    statements.push(statement);
    if (step.refusal !== undefined) break;
    for (const run of step.statements) movePath(path, run);
  }
  frame.detail = { kind: 'query', text, statements };
  return { kind: 'judge', steps, charged: true };
}

function movePath(path: { schemas: readonly string[] | null }, statement: InspectedStatement): void {
  for (const effect of statement.effects) {
    if (effect.kind === 'path-unknown') path.schemas = null;
    if (effect.kind === 'path-add' && path.schemas !== null) {
      path.schemas = [...new Set([...path.schemas, ...effect.schemas])];
    }
  }
}

function inspectParse(session: PostgresSession, frame: ClientFrame): Inquiry {
  const parse = decodeParse(frame.body);
  const key = keyOf(parse.name);
  if (key === session.context.nonce) return refuse(RESERVED);
  const text = (frame.text ??= session.context.inspections.text(parse.text));
  const inspection = session.context.inspections.of(text, session.state);
  if (inspection instanceof Promise) return { kind: 'wait', ready: inspection };
  if (!inspection.understood) return refuse(misunderstood(inspection));
  if (!session.hasRoomFor(text.cost)) return refuse(TOO_MUCH_KEPT);
  frame.detail = { kind: 'parse', key, text };
  if (!parse.oids.some((oid) => oid >= FIRST_NORMAL_OID)) return PASS;
  return { kind: 'judge', steps: [parameterTypes(session, parse.oids)], charged: false };
}

/** Usage of the declared types where they are known by their OIDs; else whatever there may be. */
function parameterTypes(session: PostgresSession, oids: readonly number[]): JudgedStep {
  const { database, outside } = session.state;
  const requests: AccessRequest[] = [];
  for (const oid of oids) {
    if (oid < FIRST_NORMAL_OID) continue;
    const type = outside?.typeOids?.get(oid);
    if (type === undefined) return needsAdmin(session, 'FOREIGN TYPE', 'use a parameter of a type given by OID');
    requests.push({ action: 'usage', resource: { kind: 'type', database, ...type } });
  }
  const ask = { kind: 'requests', requests } as const;
  return {
    statements: [{ offset: 0, tag: 'FOREIGN TYPE', ask, judgedAt: 'bind', effects: [], constantsMatter: true }],
  };
}

function inspectBind(session: PostgresSession, frame: ClientFrame): Inquiry {
  const head = decodeBindHead(frame.body);
  if (head === undefined) throw new ProtocolError('08P01', 'malformed message: names of a Bind');
  const definition = session.statements.lookup(keyOf(head.statement), session.batch);
  if (definition === UNSETTLED) return SETTLE;
  if (definition === DOUBTFUL) return refuse(NOT_UNDERSTOOD);
  const key = keyOf(head.portal);
  if (key === session.context.nonce) return refuse(RESERVED);
  if (definition === undefined) {
    frame.detail = { kind: 'bind', key, definition };
    return PASS;
  }
  const statements = statementsOf(session, definition);
  if (isInquiry(statements)) return statements;
  if (!session.hasRoomFor(definition.cost)) return refuse(TOO_MUCH_KEPT);
  frame.detail = { kind: 'bind', key, definition };
  const steps = statements.flatMap((statement) => boundSteps(statement));
  return steps.length === 0 ? PASS : { kind: 'judge', steps, charged: false };
}

function inspectExecute(session: PostgresSession, frame: ClientFrame): Inquiry {
  const key = keyOf(decodeExecute(frame.body).portal);
  const portal = session.portals.lookup(key, session.batch);
  if (portal === UNSETTLED) return SETTLE;
  if (portal === DOUBTFUL) return refuse(NOT_UNDERSTOOD);
  const definition = portal?.definition;
  if (definition === undefined) {
    frame.detail = { kind: 'execute', definition, statements: [] };
    return PASS;
  }
  const statements = statementsOf(session, definition);
  if (isInquiry(statements)) return statements;
  const steps: JudgedStep[] = [];
  for (const statement of statements) {
    const step = stepOf(session, statement, standingAlone(session));
    if (isInquiry(step)) return step;
    steps.push(step);
  }
  frame.detail = { kind: 'execute', definition, statements };
  return { kind: 'judge', steps, charged: true };
}

function inspectDescribe(session: PostgresSession, frame: ClientFrame): Inquiry {
  const { target, name } = decodeDescribe(frame.body);
  if (keyOf(name) === session.context.nonce) return refuse(RESERVED);
  frame.detail = { kind: 'describe', target };
  return PASS;
}

function inspectClose(session: PostgresSession, frame: ClientFrame): Inquiry {
  const { target, name } = decodeClose(frame.body);
  if (keyOf(name) === session.context.nonce) return refuse(RESERVED);
  frame.detail = { kind: 'close', target, key: keyOf(name) };
  return PASS;
}

/** A call by OID: what the function is, only the server knows. */
function inspectFunctionCall(session: PostgresSession, frame: ClientFrame): Inquiry {
  if (frame.body.length < 4) throw new ProtocolError('08P01', 'malformed message: FunctionCall');
  const step = needsAdmin(session, 'FUNCTION CALL', 'send the FunctionCall message');
  frame.detail = { kind: 'function', statements: step.statements };
  return { kind: 'judge', steps: [step], charged: true };
}

/**
 * OIDs from here on are no type of PostgreSQL's own (FirstNormalObjectId). Which one, only the server knows; a domain's
 * checks and a type's input function are code, and planning runs them.
 */
const FIRST_NORMAL_OID = 16384;

/** Few databases per process, so never emptied. */
const adminSteps = new Map<string, JudgedStep>();

function needsAdmin(session: PostgresSession, tag: string, what: string): JudgedStep {
  const { database } = session.state;
  const key = `${tag} ${database}`;
  let step = adminSteps.get(key);
  if (step === undefined) {
    step = { statements: [adminStatement(database, tag, what)] };
    adminSteps.set(key, step);
  }
  return step;
}

const adminStatement = (database: string, tag: string, what: string): InspectedStatement => ({
  offset: 0,
  tag,
  ask: { kind: 'requests', requests: [{ action: 'admin', resource: { kind: 'backend', database, what } }] },
  judgedAt: 'execute',
  effects: [{ kind: 'path-unknown' }],
  constantsMatter: true,
});

// ---- what a statement asks for -------------------------------------------------------------------------------------

const isInquiry = (value: object): value is Inquiry => 'kind' in value;

/** EXECUTE of an EXECUTE …: deeper than anyone writes. */
const MAX_DEPTH = 8;

/** Where a statement stands: what precedes it in its text, and the state that this leaves behind. */
interface Place {
  readonly text: StatementText | undefined;
  readonly earlier: readonly InspectedStatement[];
  readonly state: ResolutionState;
}

const standingAlone = (session: PostgresSession): Place => ({ text: undefined, earlier: [], state: session.state });

/** The step of a statement about to run. */
function stepOf(session: PostgresSession, statement: InspectedStatement, place: Place): JudgedStep | Inquiry {
  const { ask } = statement;
  if (ask.kind === 'requests' || ask.kind === 'refused') return ownStep(session, statement);
  const statements = [statement];
  let last = statement;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (last.ask.kind !== 'execute-prepared' && last.ask.kind !== 'fetch-cursor') return { statements };
    const inner = namedBy(session, last.ask, place);
    if (isInquiry(inner)) return inner;
    const [only, more] = inner;
    if (only === undefined) return { statements };
    // A name stands for one statement: PREPARE and DECLARE take no more, nor does a Parse that the server accepts.
    if (more !== undefined) return { statements, refusal: NOT_UNDERSTOOD };
    statements.push(only);
    last = only;
  }
  return { statements, refusal: NOT_UNDERSTOOD };
}

const ownSteps = new WeakMap<InspectedStatement, JudgedStep>();

/** No room for what it would have us remember: refused as it stands. */
function ownStep(session: PostgresSession, statement: InspectedStatement): JudgedStep {
  if (statement.effects.length > 0 && !session.hasRoomFor(0))
    return { statements: [statement], refusal: TOO_MUCH_KEPT };
  let step = ownSteps.get(statement);
  if (step === undefined) {
    step = { statements: [statement] };
    ownSteps.set(statement, step);
  }
  return step;
}

type NamedAsk = Extract<InspectedStatement['ask'], { name: string }>;

function namedBy(session: PostgresSession, ask: NamedAsk, place: Place): readonly InspectedStatement[] | Inquiry {
  const within = namedWithin(ask, place);
  if (within === 'nothing') return [];
  if (within !== undefined) return statementsOf(session, within, place.state);
  const key = keyOfName(ask.name);
  if (ask.kind === 'execute-prepared') {
    const definition = session.statements.lookup(key, session.batch);
    if (definition === UNSETTLED) return SETTLE;
    if (definition === DOUBTFUL) return refuse(NOT_UNDERSTOOD);
    return definition === undefined ? [] : statementsOf(session, definition, place.state);
  }
  const portal = session.portals.lookup(key, session.batch);
  if (portal === UNSETTLED) return SETTLE;
  if (portal === DOUBTFUL) return refuse(NOT_UNDERSTOOD);
  return portal === undefined ? [] : statementsOf(session, portal.definition, place.state);
}

type Meaning = Pick<Definition, 'text' | 'index' | 'inner'>;

/** What statements before it in the same text made of the name; undefined: nothing was made of it there. */
function namedWithin(ask: NamedAsk, { text, earlier }: Place): Meaning | 'nothing' | undefined {
  if (text === undefined) return undefined;
  const key = keyOfName(ask.name);
  const madeBy = ask.kind === 'execute-prepared' ? prepares : declares;
  for (const [index, statement] of [...earlier.entries()].toReversed()) {
    for (const effect of statement.effects.toReversed()) {
      const made = effect.kind === 'discard-all' ? false : madeBy(effect, key);
      if (made === false) return 'nothing';
      if (made === true) return { text, index, inner: ask.kind === 'execute-prepared' };
    }
  }
  return undefined;
}

const means = (name: string | null, key: string): boolean => name === null || keyOfName(name) === key;

/** true: the name stands for something from here on, false: for nothing, undefined: this is about others. */
function prepares(effect: SessionEffect, key: string): boolean | undefined {
  if (effect.kind === 'prepare' && means(effect.name, key)) return true;
  return effect.kind === 'deallocate' && means(effect.name, key) ? false : undefined;
}

function declares(effect: SessionEffect, key: string): boolean | undefined {
  if (effect.kind === 'declare-cursor' && means(effect.name, key)) return true;
  return effect.kind === 'close-cursor' && means(effect.name, key) ? false : undefined;
}

/** The statements that a definition stands for, as things are now: a path that has moved changes what its names mean. */
function statementsOf(
  session: PostgresSession,
  definition: Meaning,
  state: ResolutionState = session.state,
): readonly InspectedStatement[] | Inquiry {
  const inspection = session.context.inspections.of(definition.text, state);
  if (inspection instanceof Promise) return { kind: 'wait', ready: inspection };
  if (!inspection.understood) return refuse(misunderstood(inspection));
  const { index, inner } = definition;
  if (index === 'all') return inspection.statements;
  const statement = inspection.statements[index];
  if (statement === undefined) throw new Error('a text has fewer statements in another state');
  if (!inner) return [statement];
  const prepare = statement.effects.find((effect) => effect.kind === 'prepare');
  return prepare === undefined ? [] : [prepare.inner];
}

const boundStepsOf = new WeakMap<InspectedStatement, readonly JudgedStep[]>();

/**
 * What is judged when a portal is bound. Of a statement that is judged when it runs, the functions all the same:
 * planning calls those that it takes for constant (tried: an error can carry what they return).
 */
function boundSteps(statement: InspectedStatement): readonly JudgedStep[] {
  let steps = boundStepsOf.get(statement);
  if (steps === undefined) {
    const judged = statement.judgedAt === 'bind' ? statement : functionsOf(statement);
    steps = judged === undefined ? [] : [{ statements: [judged] }];
    boundStepsOf.set(statement, steps);
  }
  return steps;
}

function functionsOf(statement: InspectedStatement): InspectedStatement | undefined {
  if (statement.ask.kind !== 'requests') return undefined;
  const requests = statement.ask.requests.filter(({ resource }: AccessRequest) => resource.kind === 'function');
  return requests.length === 0 ? undefined : { ...statement, effects: [], ask: { kind: 'requests', requests } };
}

// ---- refusals ------------------------------------------------------------------------------------------------------

const refuse = (refusal: Refusal): Inquiry => ({ kind: 'refuse', refusal });

const misunderstood = ({ reason, sqlstate, message, hint, position }: Misunderstood): Refusal => ({
  reason,
  sqlstate,
  message,
  ...(hint === undefined ? {} : { hint }),
  ...(position === undefined ? {} : { position }),
});

const tooLarge = (session: PostgresSession): Inquiry =>
  refuse({
    reason: 'too-large',
    sqlstate: '54001',
    message: `statement is longer than ${session.context.statementBytes} bytes`,
    hint: 'Pass large values as parameters, or by COPY.',
  });

const RESERVED: Refusal = { reason: 'not-understood', sqlstate: '42939', message: 'this name is reserved' };

const TOO_MUCH_KEPT: Refusal = {
  reason: 'too-large',
  sqlstate: '54000',
  message: 'too many prepared statements and cursors in this session',
  hint: 'Close those that are not needed any more.',
};

const NOT_UNDERSTOOD: Refusal = {
  reason: 'not-understood',
  sqlstate: '42501',
  message: 'what this prepared statement or cursor stands for cannot be told',
};
