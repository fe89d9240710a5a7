import type { ResolutionState, SessionEffect } from '../inspection.ts';
import type { Node } from './ast.ts';
import { Asked } from './asked.ts';
import type { Target } from './relations.ts';
import type { Level } from './scope.ts';
import { systemLists } from './lists/index.ts';

export type SystemLists = ReturnType<typeof systemLists>;

/** Column names that a query puts out, in order. */
export interface Outputs {
  /** null: a column whose name isn't certain. */
  readonly names: readonly (string | null)[];
  /** A `*` stood in the list over something whose columns aren't known: there are more, anywhere. */
  readonly open: boolean;
}

/** The two doors through which parts of a statement reach each other. */
export interface Walk {
  expression(analysis: Analysis, level: Level, node: Node | undefined): void;
  /** SELECT, VALUES, or INSERT, UPDATE, DELETE, MERGE with their RETURNING list. */
  query(analysis: Analysis, parent: Level | null, node: Node | undefined, locks?: Target[]): Outputs;
}

/** Deeper trees are refused: each level costs stack, and no one writes them by hand. */
const MAX_DEPTH = 1000;

/** What is known and gathered while one statement is analysed. */
export class Analysis {
  readonly state: ResolutionState;
  readonly lists: SystemLists;
  readonly walk: Walk;
  readonly asked: Asked;
  readonly effects: SessionEffect[] = [];
  /** A constant's value was looked at. */
  constantsMatter = false;
  /** It writes, so a portal doesn't start it before it is executed. */
  writes = false;
  #depth = 0;
  #pathLost = false;

  constructor(state: ResolutionState, walk: Walk) {
    this.state = state;
    this.lists = systemLists(state.major);
    this.walk = walk;
    this.asked = new Asked(state.database);
  }

  expressions(level: Level, nodes: readonly Node[] | undefined): void {
    if (nodes === undefined) return;
    for (const node of nodes) this.walk.expression(this, level, node);
  }

  expression(level: Level, node: Node | undefined): void {
    if (node !== undefined) this.walk.expression(this, level, node);
  }

  notUnderstood(what: string): void {
    this.asked.refuse('not-understood', `${what} is not supported by the proxy`);
  }

  /** false: too deep, already refused; else `leave` must follow. */
  enter(): boolean {
    if (this.#depth >= MAX_DEPTH) {
      this.asked.refuse('too-large', 'the statement is nested too deeply');
      return false;
    }
    this.#depth += 1;
    return true;
  }

  leave(): void {
    this.#depth -= 1;
  }

  /** Code outside pg_catalog runs: it may move the path. */
  pathUnknown(): void {
    if (this.#pathLost) return;
    this.#pathLost = true;
    this.effects.push({ kind: 'path-unknown' });
  }
}
