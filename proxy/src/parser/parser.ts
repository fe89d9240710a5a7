import type { RawStmt } from 'pg-query-18';
import type { Misunderstood } from '#proxy/sql/inspection';
import { DEFAULT_LIMITS, Elsewhere, type ElsewhereLimits } from './elsewhere.ts';
import { compileGrammar, createGrammar, type CompiledGrammar, type Grammar, type Major } from './grammar.ts';
import { guarded, guardText, MAX_TEXT } from './guard.ts';
import { syntaxError } from './misunderstood.ts';
import { nameOf } from './work.ts';

export type { Major } from './grammar.ts';

export type ParseOutcome = Parsed | Misunderstood;

export interface Parsed {
  readonly kind: 'parsed';
  /** In order, as libpg-query of the asked major gives them; empty for an empty text. */
  readonly statements: readonly RawStmt[];
}

/** Statement texts → parse trees, whatever the text. */
export interface SqlParser {
  /**
   * The text must not change until the answer is there; it is not kept. Never throws or rejects for what a text holds.
   * Synchronous when the text is small and flat and the grammar has been used before. A caller awaits one answer before
   * it asks again: so one caller can't fill the queue.
   */
  parse(major: Major, text: Buffer): ParseOutcome | Promise<ParseOutcome>;
  /** Loads a grammar ahead of its first use. */
  load(major: Major): Promise<void>;
  /** For metrics and tests. */
  counts(): ParserCounts;
  close(): Promise<void>;
}

export interface ParserCounts {
  /** Texts that were given to the worker. */
  readonly elsewhere: number;
  /** Workers ended because of a text. */
  readonly workersReplaced: number;
  /** Instances of the main thread thrown away. */
  readonly grammarsDropped: number;
}

export interface SqlParserOptions {
  /** Bytes; at most 4 MiB, the default. */
  readonly statementBytes?: number;
  readonly worker?: Partial<ElsewhereLimits>;
  /** A text broke an instance or a worker, in spite of the guard: the name of the error, or `deadline`. */
  readonly onBroken?: (error: string) => void;
  /** Everything goes to the worker; for comparison in tests. */
  readonly neverInPlace?: boolean;
}

/** After so many instances have broken on the main thread, something is wrong with our guard: all goes to the worker. */
const TRUST_ENDS_AFTER = 3;

export function createSqlParser(options: SqlParserOptions = {}): SqlParser {
  return new Parser(options);
}

class Parser implements SqlParser {
  readonly #maximum: number;
  readonly #elsewhere: Elsewhere;
  readonly #modules = new Map<Major, Promise<CompiledGrammar>>();
  readonly #grammars = new Map<Major, Grammar>();
  readonly #loading = new Map<Major, Promise<void>>();
  readonly #onBroken: SqlParserOptions['onBroken'];
  #inPlace: boolean;
  #sent = 0;
  #dropped = 0;

  constructor({ statementBytes, worker, onBroken, neverInPlace }: SqlParserOptions) {
    this.#maximum = Math.min(statementBytes ?? MAX_TEXT, MAX_TEXT);
    this.#onBroken = onBroken;
    this.#elsewhere = new Elsewhere({ ...DEFAULT_LIMITS, ...worker }, onBroken);
    this.#inPlace = neverInPlace !== true;
  }

  parse(major: Major, text: Buffer): ParseOutcome | Promise<ParseOutcome> {
    const verdict = guardText(text, this.#maximum);
    if (typeof verdict === 'object') return verdict;
    if (text.length === 0) return EMPTY; // libpg-query 15 gives no tree for it
    if (verdict === 'unknown' || !this.#inPlace) return this.#parseElsewhere(major, text);
    const grammar = this.#grammars.get(major);
    if (grammar !== undefined) return this.#parseHere(major, grammar, text);
    return this.load(major).then(() => this.parse(major, text));
  }

  load(major: Major): Promise<void> {
    const under = this.#loading.get(major) ?? this.#load(major);
    this.#loading.set(major, under);
    return under;
  }

  counts(): ParserCounts {
    return {
      elsewhere: this.#sent,
      workersReplaced: this.#elsewhere.replaced,
      grammarsDropped: this.#dropped,
    };
  }

  close(): Promise<void> {
    return this.#elsewhere.close();
  }

  async #load(major: Major): Promise<void> {
    this.#grammars.set(major, await createGrammar(major, await this.#module(major)));
  }

  #module(major: Major): Promise<CompiledGrammar> {
    const module = this.#modules.get(major) ?? compileGrammar(major);
    this.#modules.set(major, module);
    return module;
  }

  #parseHere(major: Major, grammar: Grammar, text: Buffer): ParseOutcome {
    try {
      const parsed = grammar.parse(text, (json) => parsedFrom(json.toString('utf8')));
      return parsed.kind === 'tree' ? parsed.tree : syntaxError(parsed.error);
    } catch (error) {
      // No error that a parser should throw: the instance is lost.
      this.#distrust(major);
      this.#onBroken?.(nameOf(error));
      return guarded('statement is too deep for the parser');
    }
  }

  #distrust(major: Major): void {
    this.#grammars.delete(major);
    this.#loading.delete(major);
    this.#dropped += 1;
    if (this.#dropped >= TRUST_ENDS_AFTER) this.#inPlace = false;
  }

  async #parseElsewhere(major: Major, text: Buffer): Promise<ParseOutcome> {
    this.#sent += 1;
    const copy = new Uint8Array(text);
    const outcome = await this.#elsewhere.parse({ major, module: await this.#module(major), text: copy });
    return typeof outcome === 'string' ? parsedFrom(outcome) : outcome;
  }
}

const EMPTY: Parsed = { kind: 'parsed', statements: [] };

function parsedFrom(json: string): Parsed {
  const tree = JSON.parse(json) as { readonly stmts?: readonly RawStmt[] };
  return { kind: 'parsed', statements: tree.stmts ?? [] };
}
