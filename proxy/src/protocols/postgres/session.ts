import type { InspectedStatement, ResolutionState, SessionEffect } from '#proxy/sql/inspection';
import type { ClientMessage, Inquiry, Session, SessionContext, StatementText } from '../protocol.ts';
import { ClientFraming, frameOf, type ClientFrame } from './client-framing.ts';
import { inspectMessage } from './inspect.ts';
import { IDENTIFIER_BYTES } from './messages.ts';
import { NameTable, type Change } from './names.ts';
import { parseSearchPath, SearchPath } from './search-path.ts';

/** Statement texts and portals that one session may have the proxy remember, bytes. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Where a statement's text is to be found; what it asks for depends on the state in which it is looked at. */
export interface Definition {
  readonly text: StatementText;
  /** Which statement of the text; 'all': a protocol Parse. */
  readonly index: number | 'all';
  /** The statement that a PREPARE holds, not the PREPARE itself. */
  readonly inner: boolean;
  readonly cost: number;
}

export interface Portal {
  /** undefined: bound to a name that meant nothing. */
  readonly definition: Definition;
  /** Whether it can outlive its transaction. */
  readonly holdable: boolean;
  readonly cost: number;
}

const PORTAL_COST = 100;

/** What a client has said and awaits: names, search path, the message that is being looked at. */
export class PostgresSession implements Session {
  readonly context: SessionContext;
  readonly statements = new NameTable<Definition>();
  readonly portals = new NameTable<Portal>();
  readonly path: SearchPath;
  /** Counts what the server answers by one ReadyForQuery. */
  batch = 0;
  readonly #framing: ClientFraming;

  constructor(context: SessionContext) {
    this.context = context;
    this.path = new SearchPath(context.resolution.initialPath);
    this.#framing = new ClientFraming(context.statementBytes);
  }

  receive(chunk: Buffer): void {
    this.#framing.push(chunk);
  }

  next(): ClientFrame | undefined {
    return this.#framing.next();
  }

  /** The rest of the message at hand goes nowhere. */
  skipRest(): void {
    this.#framing.skipRest();
  }

  get buffered(): number {
    return this.#framing.buffered;
  }

  inspect(message: ClientMessage): Inquiry {
    return inspectMessage(this, frameOf(message));
  }

  get wantsToAsk(): boolean {
    return this.path.worthAsking;
  }

  get state(): ResolutionState {
    return this.context.resolution.current(this.path.schemas);
  }

  /** Whether so much more may be kept. */
  hasRoomFor(cost: number): boolean {
    return this.statements.cost + this.portals.cost + cost <= KEPT_BYTES;
  }

  // ---- what was sent ----------------------------------------------------------------------------------------------

  parsed(key: string, text: StatementText): Change {
    return this.statements.change(key, define(text, 'all', false), this.batch);
  }

  bound(key: string, definition: Definition | undefined): Change {
    return this.portals.change(key, definition && portal(definition, false), this.batch);
  }

  closed(target: 'S' | 'P', key: string): Change {
    return (target === 'S' ? this.statements : this.portals).change(key, undefined, this.batch);
  }

  /** A statement is on its way: what it will have done when it succeeds. */
  running(statement: InspectedStatement, text: StatementText, index: number): readonly Change[] {
    if (statement.effects.length === 0) return NO_CHANGES;
    return statement.effects.flatMap((effect) => this.#effect(effect, text, index));
  }

  #effect(effect: SessionEffect, text: StatementText, index: number): readonly Change[] {
    const { batch } = this;
    switch (effect.kind) {
      case 'prepare':
        return [this.statements.change(keyOfName(effect.name), define(text, index, true), batch)];
      case 'deallocate':
        if (effect.name === null) return this.statements.removeAll(batch);
        return [this.statements.change(keyOfName(effect.name), undefined, batch)];
      case 'declare-cursor':
        return [this.portals.change(keyOfName(effect.name), portal(define(text, index, false), true), batch)];
      case 'close-cursor':
        if (effect.name === null) return this.portals.removeAll(batch);
        return [this.portals.change(keyOfName(effect.name), undefined, batch)];
      case 'discard-all':
        return [...this.statements.removeAll(batch), ...this.portals.removeAll(batch)];
      case 'path-add':
      case 'path-unknown':
        return NO_CHANGES; // SearchPath.moved
    }
  }

  // ---- what the server said ---------------------------------------------------------------------------------------

  /** ReadyForQuery for this batch. Portals end with their transaction. */
  ready(batch: number, idle: boolean): void {
    this.path.settled(batch, this.context.reportsPath);
    if (idle) this.portals.forget(diesWithTransaction);
  }

  pathReported(value: string): void {
    const schemas = parseSearchPath(value, this.context.serverUser);
    if (schemas === undefined) this.path.lose(Infinity);
    else this.path.add(schemas);
  }
}

const NO_CHANGES: readonly Change[] = [];

const diesWithTransaction = (portal: Portal): boolean => !portal.holdable;

const define = (text: StatementText, index: number | 'all', inner: boolean): Definition => ({
  text: text.keep(),
  index,
  inner,
  cost: text.cost,
});

const portal = (definition: Definition, holdable: boolean): Portal => ({
  definition,
  holdable,
  cost: definition.cost + PORTAL_COST,
});

/** The server keys statements and portals by what fits a name: the first 63 bytes. */
export const keyOf = (name: Buffer): string => name.toString('latin1', 0, Math.min(name.length, IDENTIFIER_BYTES));

/** As `keyOf`, of a name that the parser folded and cut. */
export const keyOfName = (name: string): string => keyOf(Buffer.from(name, 'utf8'));
