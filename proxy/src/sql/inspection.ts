import type { AccessRequest } from '#contract/policy/request';
import type { DenialReason } from '#contract/policy/decision';

/**
 * What the analysis of a statement text says. One shape for every SQL dialect; pure data, kept in a cache by
 * (text, resolution state) and shared by all sessions, so never edited.
 */
export type Inspection = Understood | Misunderstood;

/** The whole text is of the grammar. Single statements in it may still be refused, each in its place. */
export interface Understood {
  readonly understood: true;
  /** In order. Empty for an empty query. */
  readonly statements: readonly InspectedStatement[];
}

/** Nothing of the text is sent: not of the grammar, too big, guarded, not UTF-8, a NUL. */
export interface Misunderstood {
  readonly understood: false;
  readonly reason: DenialReason;
  /** The parser's own words for a syntax error, ours for the rest. */
  readonly message: string;
  /** Of contracts: 42601, 54001, 22021. */
  readonly sqlstate: string;
  /** 1-based, in characters, as PostgreSQL counts; absent: none. */
  readonly position?: number;
  readonly hint?: string;
}

export interface InspectedStatement {
  /** Byte offset in the UTF-8 text at which the statement's own text begins (what precedes may run without it). */
  readonly offset: number;
  /** The command tag's first words, for audit and metrics: SELECT, INSERT, CREATE TABLE … of a closed set. */
  readonly tag: string;
  /**
   * What it asks for. `refused`: it can't be judged or is never allowed, whoever asks (a setting, an unsupported
   * corner); `admin` does not help.
   */
  readonly ask: Ask;
  /**
   * When PostgreSQL itself checks privileges in the extended protocol: a plain SELECT when its portal is bound,
   * all else when it is executed.
   */
  readonly judgedAt: 'bind' | 'execute';
  /** What it does to the session when it succeeds, in order. */
  readonly effects: readonly SessionEffect[];
  /**
   * Whether the value of any constant was looked at (settings, nextval('…'), regclass literals …), or the statement is
   * anything but SELECT, INSERT, UPDATE, DELETE, MERGE. Where false for the only statement of a text, the inspection
   * holds for every text of the same shape (postgres/shape.ts, shapeOf): caches key it by that, else by the exact text.
   */
  readonly constantsMatter: boolean;
  /** Whether a simple or executed statement switches to the COPY sub-protocol. */
  readonly copy?: 'from-stdin' | 'to-stdout';
}

export type Ask =
  | { readonly kind: 'requests'; readonly requests: readonly AccessRequest[] }
  | { readonly kind: 'refused'; readonly reason: DenialReason; readonly message: string; readonly hint?: string }
  /** EXECUTE name / FETCH, MOVE cursor: judged as whatever the session's maps hold under that name, besides its own requests. */
  | { readonly kind: 'execute-prepared'; readonly name: string; readonly requests: readonly AccessRequest[] }
  | { readonly kind: 'fetch-cursor'; readonly name: string; readonly requests: readonly AccessRequest[] };

/** Names are keyed as the server keeps them: cut to 63 bytes. */
export type SessionEffect =
  /** PREPARE: not judged now; `inner` is judged at each EXECUTE. */
  | { readonly kind: 'prepare'; readonly name: string; readonly inner: InspectedStatement }
  /** null: all. */
  | { readonly kind: 'deallocate'; readonly name: string | null }
  /** DECLARE: judged now by the statement's own ask, and again at FETCH when policy moved. */
  | { readonly kind: 'declare-cursor'; readonly name: string }
  /** null: all. */
  | { readonly kind: 'close-cursor'; readonly name: string | null }
  /** DISCARD ALL: statements and cursors gone; the path keeps its set. */
  | { readonly kind: 'discard-all' }
  /** Schemas added to the path's set by SET search_path or set_config with literals. */
  | { readonly kind: 'path-add'; readonly schemas: readonly string[] }
  /** After functions outside pg_catalog, DO, CALL: the path must be read before the next unqualified name. */
  | { readonly kind: 'path-unknown' };

/** What names mean in a session right now; part of every cache key. Compared by `id`. */
export interface ResolutionState {
  /** Equal ids mean equal states: database, major, path set, outside-names generation. */
  readonly id: string;
  readonly database: string;
  /** Server major: chooses grammar and lists. */
  readonly major: 15 | 16 | 17 | 18;
  /**
   * The set of all schemas that the session's search_path has named so far, in the order first named,
   * pg_catalog and pg_temp implied. null: unknown; unqualified names then ask for schema null.
   */
  readonly path: readonly string[] | null;
  readonly outside: OutsideNames;
}

/**
 * The names of functions, operators, types (casts count by their target type) that exist outside pg_catalog in this
 * database, with the schemas that hold them. null: not known (could not be read, or stale); every unqualified name is
 * then judged as if such an object existed in every schema of the path.
 */
export type OutsideNames = OutsideNamesKnown | null;

export interface OutsideNamesKnown {
  readonly generation: number;
  /** name → schemas, information_schema left out. */
  readonly functions: ReadonlyMap<string, readonly string[]>;
  readonly operators: ReadonlyMap<string, readonly string[]>;
  /**
   * Besides types themselves: the target type of each cast whose function lies outside pg_catalog and is not written in
   * C or internal, under the schema of that function (`int4` → public for a user's cast to int).
   */
  readonly types: ReadonlyMap<string, readonly string[]>;
  /** OIDs of types outside pg_catalog, as a Parse may name them; of an array, its element's name. Absent: none known. */
  readonly typeOids?: ReadonlyMap<number, { readonly schema: string; readonly name: string }>;
  /**
   * Functions of such casts that the server applies unasked (implicit, assignment): any query may run them, so each asks
   * for `execute` on all of them. Absent: none.
   */
  readonly unnamedCasts?: readonly { readonly schema: string; readonly name: string }[];
}
