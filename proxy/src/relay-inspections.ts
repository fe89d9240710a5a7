import { analyse } from './sql/postgres/analyse.ts';
import { shapeOf } from './sql/postgres/shape.ts';
import type { SqlParser } from './parser/parser.ts';
import type { Inspections, StatementText } from './protocols/protocol.ts';
import type { Inspection, ResolutionState } from './sql/inspection.ts';

/** What an entry takes besides its text: a parse tree's essence, a map's slot. */
const ENTRY_BYTES = 700;
const PER_TEXT_BYTE = 6;

/** Longer texts are rarely the same twice. */
const MAX_CACHED_TEXT = 64 * 1024;

interface Entry {
  readonly inspection: Inspection;
  readonly cost: number;
}

class Text implements StatementText {
  readonly bytes: Buffer;
  /** What was found for it last. */
  state: string | undefined = undefined;
  inspection: Inspection | undefined = undefined;
  readonly #kept: boolean;

  constructor(bytes: Buffer, kept: boolean) {
    this.bytes = bytes;
    this.#kept = kept;
  }

  get cost(): number {
    return ENTRY_BYTES + this.bytes.length * PER_TEXT_BYTE;
  }

  keep(): Text {
    if (this.#kept) return this;
    const kept = new Text(Buffer.from(this.bytes), true);
    kept.state = this.state;
    kept.inspection = this.inspection;
    return kept;
  }
}

/**
 * Statement texts → inspections, shared by all sessions. Kept by the exact text and the state in which it was looked at,
 * or by the text's shape where no constant mattered; the least recently used go first. Bounded in bytes.
 */
export class InspectionCache implements Inspections {
  readonly #parser: SqlParser;
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  readonly #underWay = new Map<string, Promise<Inspection>>();
  #bytes = 0;

  /** limit: bytes. */
  constructor(parser: SqlParser, limit: number) {
    this.#parser = parser;
    this.#limit = limit;
  }

  text(bytes: Buffer): StatementText {
    return new Text(bytes, false);
  }

  /** A promise: the parser works on it elsewhere. Never rejects for what a client sent. */
  of(text: StatementText, state: ResolutionState): Inspection | Promise<Inspection> {
    if (!(text instanceof Text)) throw new Error('a text of another cache');
    const own = text;
    if (own.inspection !== undefined && own.state === state.id) return own.inspection;
    const exact = keyOf(state, own.bytes);
    const shape = this.#entries.has(exact) ? undefined : shapeOf(own.bytes);
    const known = this.#find(exact) ?? (shape === undefined ? undefined : this.#find(shapeKey(state, shape)));
    if (known !== undefined) return remember(own, state, known);
    const outcome = this.#parse(own, state, exact);
    if (!(outcome instanceof Promise)) return this.#found({ text: own, state, exact, shape }, outcome);
    return outcome.then((inspection) => this.#found({ text: own, state, exact, shape }, inspection));
  }

  #find(key: string): Inspection | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.inspection;
  }

  #parse(text: Text, state: ResolutionState, exact: string): Inspection | Promise<Inspection> {
    const pending = this.#underWay.get(exact);
    if (pending !== undefined) return pending;
    const outcome = this.#parser.parse(state.major, text.bytes);
    if (!(outcome instanceof Promise)) return this.#analyse(text, state, outcome);
    const kept = text.keep(); // what was received may be gone by then
    const inspection = outcome.then((parsed) => this.#analyse(kept, state, parsed));
    this.#underWay.set(exact, inspection);
    const over = (): void => void this.#underWay.delete(exact);
    inspection.then(over, over);
    return inspection;
  }

  #analyse(text: Text, state: ResolutionState, outcome: Awaited<ReturnType<SqlParser['parse']>>): Inspection {
    return 'kind' in outcome ? analyse(text.bytes, outcome.statements, state) : outcome;
  }

  #found({ text, state, exact, shape }: Found, inspection: Inspection): Inspection {
    const general = shape !== undefined && generalises(inspection) && shape.length !== text.bytes.length;
    this.#keep(general ? shapeKey(state, shape) : exact, inspection, text);
    return remember(text, state, inspection);
  }

  #keep(key: string, inspection: Inspection, text: Text): void {
    if (text.bytes.length > MAX_CACHED_TEXT) return;
    const before = this.#entries.get(key);
    if (before !== undefined) {
      this.#entries.delete(key);
      this.#bytes -= before.cost;
    }
    const { cost } = text;
    this.#entries.set(key, { inspection, cost });
    this.#bytes += cost;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#limit) break;
      this.#entries.delete(oldest);
      this.#bytes -= entry.cost;
    }
  }
}

interface Found {
  readonly text: Text;
  readonly state: ResolutionState;
  readonly exact: string;
  readonly shape: string | undefined;
}

function remember(text: Text, state: ResolutionState, inspection: Inspection): Inspection {
  text.state = state.id;
  text.inspection = inspection;
  return inspection;
}

/** Ids of states hold neither sign. */
const keyOf = (state: ResolutionState, text: Buffer): string => `${state.id}=${text.toString('latin1')}`;
const shapeKey = (state: ResolutionState, shape: string): string => `${state.id}~${shape}`;

function generalises(inspection: Inspection): boolean {
  if (!inspection.understood || inspection.statements.length !== 1) return false;
  return inspection.statements[0]?.constantsMatter === false;
}
