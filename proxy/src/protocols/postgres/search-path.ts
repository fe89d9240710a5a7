import { splitIdentifiers } from '#proxy/sql/postgres/identifiers';

import type { SessionEffect } from '#proxy/sql/inspection';

/**
 * The session's search path: the set of all schemas that it has named so far, in the order first named. It only grows,
 * so no rollback needs following; judging in more schemas is never unsound, in fewer it is.
 */
export class SearchPath {
  #schemas: readonly string[];
  /** The batch whose statement may have moved it; undefined: it is known. */
  #unknownSince: number | undefined;
  #asked = false;

  constructor(initial: readonly string[]) {
    this.#schemas = withoutImplied(initial);
  }

  /** null: not known. */
  get schemas(): readonly string[] | null {
    return this.#unknownSince === undefined ? this.#schemas : null;
  }

  get unknown(): boolean {
    return this.#unknownSince !== undefined;
  }

  /** Whether asking the server could help: not when it was asked in vain. */
  get worthAsking(): boolean {
    return this.#unknownSince !== undefined && !this.#asked;
  }

  add(schemas: readonly string[]): void {
    const fresh = withoutImplied(schemas).filter((schema) => !this.#schemas.includes(schema));
    if (fresh.length > 0) this.#schemas = [...this.#schemas, ...fresh];
  }

  /** Statements with these effects are on their way: what EXECUTE and FETCH lead to counts as well. */
  moved(effects: readonly SessionEffect[], batch: number): void {
    for (const effect of effects) {
      if (effect.kind === 'path-add') this.add(effect.schemas);
      if (effect.kind === 'path-unknown') this.lose(batch);
    }
  }

  lose(batch: number): void {
    this.#unknownSince = batch;
    this.#asked = false;
  }

  /** undefined: the server could not say. */
  answered(schemas: readonly string[] | undefined): void {
    this.#asked = true;
    if (schemas === undefined) return;
    this.add(schemas);
    this.#unknownSince = undefined;
  }

  /** All up to this batch is done. `reported`: and the server reports every change by itself, so it is known again. */
  settled(batch: number, reported: boolean): void {
    this.#asked = false;
    if (reported && this.#unknownSince !== undefined && this.#unknownSince <= batch) this.#unknownSince = undefined;
  }
}

/** pg_catalog and the session's temporary schema are in every path, named or not. */
const withoutImplied = (schemas: readonly string[]): readonly string[] => [
  ...new Set(schemas.filter((schema) => schema !== 'pg_catalog' && !/^pg_(toast_)?temp(_\d+)?$/.test(schema))),
];

/** The names in a search_path setting; `user` stands for "$user". undefined: not understood. */
export const parseSearchPath = (value: string, user: string): readonly string[] | undefined =>
  splitIdentifiers(value, ',')?.map((name) => (name === '$user' ? user : name));

/** A search_path setting that names exactly these. */
export const writeSearchPath = (schemas: readonly string[]): string =>
  schemas.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(', ');
