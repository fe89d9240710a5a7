import type { AccessRequest, Action, Columns, NamedResource } from '#contract/policy/request';
import type { DenialReason } from '#contract/policy/decision';

export interface Refusal {
  readonly reason: DenialReason;
  readonly message: string;
  readonly hint?: string;
}

interface RelationEntry {
  readonly action: Action;
  readonly schema: string | null;
  readonly name: string;
  columns: 'any' | 'all' | Set<string>;
}

/** What a statement asks for, gathered while its tree is walked: each object once, columns merged, in the order first met. */
export class Asked {
  readonly #database: string;
  readonly #relations = new Map<string, RelationEntry>();
  readonly #others = new Map<string, AccessRequest>();
  #refusal: Refusal | undefined;

  constructor(database: string) {
    this.#database = database;
  }

  /** Some column of the relation. */
  relation(action: Action, schema: string | null, name: string): void {
    this.#entry(action, schema, name);
  }

  column(action: Action, place: { readonly schema: string | null; readonly name: string }, column: string): void {
    const entry = this.#entry(action, place.schema, place.name);
    if (entry.columns === 'all') return;
    if (entry.columns === 'any') entry.columns = new Set<string>();
    entry.columns.add(column);
  }

  allColumns(action: Action, schema: string | null, name: string): void {
    this.#entry(action, schema, name).columns = 'all';
  }

  named(action: Action, kind: NamedResource['kind'], schema: string | null, name: string): void {
    const key = `${kind} ${action} ${keyOf(schema, name)}`;
    if (this.#others.has(key)) return;
    this.#others.set(key, { action, resource: { kind, database: this.#database, schema, name } });
  }

  schema(name: string): void {
    const key = `schema ${name}`;
    if (this.#others.has(key)) return;
    this.#others.set(key, { action: 'usage', resource: { kind: 'schema', database: this.#database, name } });
  }

  /** `what` is named in the message to the client; see BackendResource. */
  admin(what: string): void {
    const key = `admin ${what}`;
    if (this.#others.has(key)) return;
    this.#others.set(key, { action: 'admin', resource: { kind: 'backend', database: this.#database, what } });
  }

  /** The first refusal stays. */
  refuse(reason: DenialReason, message: string, hint?: string): void {
    this.#refusal ??= hint === undefined ? { reason, message } : { reason, message, hint };
  }

  /** Refused whatever was found so far. */
  fail(message: string): void {
    this.#refusal = { reason: 'not-understood', message };
  }

  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  requests(): readonly AccessRequest[] {
    const requests: AccessRequest[] = [];
    for (const { action, schema, name, columns } of this.#relations.values()) {
      const asked: Columns = typeof columns === 'string' ? columns : [...columns];
      requests.push({
        action,
        resource: { kind: 'relation', database: this.#database, schema, name, columns: asked },
      });
    }
    requests.push(...this.#others.values());
    return requests;
  }

  #entry(action: Action, schema: string | null, name: string): RelationEntry {
    const key = `${action} ${keyOf(schema, name)}`;
    let entry = this.#relations.get(key);
    if (entry === undefined) {
      entry = { action, schema, name, columns: 'any' };
      this.#relations.set(key, entry);
    }
    return entry;
  }
}

/** A name can hold any character but NUL. */
function keyOf(schema: string | null, name: string): string {
  return schema === null ? `\0${name}` : `${schema}\0${name}`;
}
