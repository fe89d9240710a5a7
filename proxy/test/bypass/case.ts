import type { Attacker } from './attacker.ts';

/** How it shows that an attack worked. Each is first seen to hold on the raw server. */
export type Evidence =
  /** The marker that stands in every forbidden value came back: plain, hexadecimal or base64, in any message. */
  | { readonly kind: 'marker' }
  /** The rows that came back (values joined by `|`, rows by line feed) say what must not be known. */
  | { readonly kind: 'rows'; readonly pattern: RegExp }
  /** A query by the owner of the data that answers `t` once the forbidden thing was done. */
  | { readonly kind: 'change'; readonly probe: string }
  /** The result of a FunctionCall. */
  | { readonly kind: 'result'; readonly pattern: RegExp }
  /** A command was carried out that leaves no other trace. */
  | { readonly kind: 'tag'; readonly tag: string }
  /** The owner, who listens, was notified. */
  | { readonly kind: 'notified' };

export const marker: Evidence = { kind: 'marker' };
export const rows = (pattern: RegExp): Evidence => ({ kind: 'rows', pattern });
export const change = (probe: string): Evidence => ({ kind: 'change', probe });

/** `server`: the shared login itself, with its own password. `elsewhere`: allowed in another database only. */
export type CaseUser = 'reporting' | 'temporary' | 'editor' | 'elsewhere' | 'server';

export interface BypassCase {
  /** The threat, as the title of the test. */
  readonly threat: string;
  /** Done before by the owner of the data, in a database of this case's own. */
  readonly setup?: string;
  /** Takes back what reaches beyond that database. */
  readonly undo?: string;
  /** reporting where nothing is said. */
  readonly user?: CaseUser;
  /** Start-up parameters besides user and database. */
  readonly startup?: Readonly<Record<string, string>>;
  /** Of the database; UTF8 where nothing is said. */
  readonly encoding?: 'LATIN1' | 'SQL_ASCII';
  /** Server versions on which the threat exists: 18 where nothing is said. */
  readonly major?: 15;
  /** One simple Query, messages sent in one write, or whatever an attacker does. */
  readonly attack: string | readonly Buffer[] | ((attacker: Attacker) => Promise<void>);
  readonly evidence: Evidence;
  /** SQLSTATEs that the refusal may bear; 42501 where nothing is said. */
  readonly refusal?: readonly string[];
  /** Permitted afterwards, where a statement of the fixture's is not: an implicit cast of the case's own can be in any. */
  readonly usable?: string;
  /** It is enough that nothing comes of it: what was asked for is not in force and nobody needs to be told. */
  readonly harmless?: boolean;
}
