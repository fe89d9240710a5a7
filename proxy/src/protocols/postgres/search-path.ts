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

/**
 * The names in a search_path setting, as SplitIdentifierString reads them: folded unless quoted. undefined: not
 * understood. `user` stands for "$user".
 */
export function parseSearchPath(value: string, user: string): readonly string[] | undefined {
  const names: string[] = [];
  const item = /\s*(?:"((?:[^"]|"")*)"|([^\s",]+))\s*(,|$)/y;
  if (value.trim() === '') return names;
  for (;;) {
    const match = item.exec(value);
    if (match === null) return undefined;
    const [, quoted, bare, separator] = match;
    const name = quoted?.replaceAll('""', '"') ?? fold(bare ?? '');
    if (name === undefined) return undefined;
    names.push(name === '$user' ? user : cut(name));
    if (separator === '') return names;
  }
}

/** downcase_identifier folds ASCII alone in a UTF8 database; beyond it nothing is certain. */
const fold = (name: string): string | undefined => (/^[\x21-\x7e]+$/.test(name) ? name.toLowerCase() : undefined);

const cut = (name: string): string => {
  const bytes = Buffer.from(name);
  return bytes.length <= 63
    ? name
    : bytes
        .subarray(0, 63)
        .toString('utf8')
        .replace(/\ufffd$/, '');
};

/** A search_path setting that names exactly these. */
export const writeSearchPath = (schemas: readonly string[]): string =>
  schemas.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(', ');
