import type { Misunderstood } from '#proxy/sql/inspection';
import type { CompiledGrammar, Major } from './grammar.ts';

/** What goes to a worker and what comes back: one job at a time. */
export interface Job {
  readonly major: Major;
  /** Compiled by the main thread, so that both share the code. */
  readonly module: CompiledGrammar;
  readonly text: Uint8Array;
}

export type Result =
  /** JSON text of the tree; within `MAX_TREE`. */
  | { readonly kind: 'tree'; readonly json: string }
  | { readonly kind: 'misunderstood'; readonly outcome: Misunderstood }
  /** The grammar threw an error of this name: the worker must be replaced. */
  | { readonly kind: 'broken'; readonly error: string };

/** The name of what was thrown, for a log: no part of a text is in it. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

export interface Reply {
  readonly result: Result;
  /** Bytes of memory that the worker's grammars hold; it only grows. */
  readonly memory: number;
}
