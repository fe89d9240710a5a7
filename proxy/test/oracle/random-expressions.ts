import { Dice } from './random.ts';

/** What a FROM item is called and shows, as the writer believes. */
export interface Item {
  readonly alias: string;
  readonly columns: readonly string[];
}
/** The items of a query, those of the enclosing queries after them. */
export type Frames = readonly (readonly Item[])[];

/** Few names for everything, so that a name that is looked up in the wrong place finds something else there. */
export const ALIASES = ['users', 'orders', 'items', 'name', 'o', 'x', 'ssn'];
export const OUTPUTS = ['id', 'name', 'ssn', 'ssn', 'name', 'x', 'users', 'c'];

export interface Written {
  readonly text: string;
  readonly columns: readonly string[];
}

/** Expressions, most of them of type text, that read what is in reach, or would be if scoping were otherwise. */
export abstract class ExpressionWriter extends Dice {
  protected depth = 0;
  protected deepest = 3;
  /** Below one real table nearly all is made of constants, so that one name that is misread makes the difference. */
  protected sparse = false;

  /** A query of that many columns of text. */
  abstract query(outer: Frames, width: number): Written;
  /** A query that aggregates or has windows, of one column. */
  abstract summary(outer: Frames): string;

  alias(frames: Frames): string {
    const items = this.chance(0.7) ? (frames[0] ?? []) : frames.flat();
    return items.length === 0 || this.chance(0.02) ? this.pick(ALIASES) : this.pick(items).alias;
  }

  column(frames: Frames): string {
    if (this.sparse) return this.chance(0.7) ? "'k'" : this.pick(['ssn', 'ssn', 'name', 'users.ssn', 'x.ssn']);
    const filled = frames.filter((frame) => frame.length > 0);
    if (filled.length === 0) return this.chance(0.02) ? 'id' : "'k'";
    const frame = this.chance(0.6) ? filled[0] : this.pick(filled);
    const item = this.pick(frame ?? []);
    const column = item.columns.length === 0 || this.chance(0.02) ? this.pick(OUTPUTS) : this.pick(item.columns);
    return this.#reference(filled, frame ?? [], item, column);
  }

  /** Unqualified where it is the only one of its name, mostly. */
  #reference(frames: Frames, frame: readonly Item[], item: Item, column: string): string {
    const namesakes = frame.filter(({ columns }) => columns.includes(column)).length;
    const hidden = frames
      .slice(0, frames.indexOf(frame))
      .some((inner) => inner.some((i) => i.columns.includes(column)));
    if (namesakes === 1 && !hidden ? this.chance(0.55) : this.chance(0.05)) return column;
    return this.weighted([
      [20, () => `${item.alias}.${column}`],
      [1, () => `(${item.alias}).${column}`],
      [0.3, () => `public.${item.alias}.${column}`],
      [1, () => `${column}(${item.alias})`],
    ]);
  }

  text(frames: Frames): string {
    const shallow = this.depth < this.deepest;
    return this.weighted([
      [50, () => `${this.column(frames)}::text`],
      [8, () => this.#wholeRow(frames)],
      [4, () => this.pick(["'s'", 'order_total(1)::text', "'calm'::mood::text", '(2 <+> 3)::text', 'null'])],
      [4, () => `coalesce(${this.text(frames)}, ${this.text(frames)})`],
      [2, () => `nullif(${this.text(frames)}, ${this.text(frames)})`],
      [2, () => `case when ${this.condition(frames)} then ${this.text(frames)} else ${this.text(frames)} end`],
      [2, () => `case ${this.text(frames)} when ${this.text(frames)} then 'a' end`],
      [2, () => `(array[${this.text(frames)}, 'e'])[${this.number(frames)}]`],
      [1, () => `(array[${this.text(frames)}, 'e'])[1:${this.number(frames)}]::text`],
      [2, () => `row(${this.text(frames)}, ${this.column(frames)})::text`],
      [1, () => `xmlelement(name a, ${this.text(frames)})::text`],
      [1, () => `json_build_object('k', ${this.column(frames)})::text`],
      [1, () => `json_object('k' : ${this.text(frames)})::text`],
      [1, () => `greatest(${this.text(frames)}, ${this.text(frames)} collate "C")`],
      [shallow ? 12 : 0, () => `(${this.nested(frames, 1)})`],
      [shallow ? 4 : 0, () => this.deeper(() => `(${this.summary(frames)})`)],
      [shallow ? 2 : 0, () => `array(${this.nested(frames, 1)})::text`],
      [shallow ? 1 : 0, () => `json_array(${this.nested(frames, 1)})::text`],
      [shallow ? 1 : 0, () => `(select q from (${this.nested(frames, 2)}) q)::text`],
    ]);
  }

  #wholeRow(frames: Frames): string {
    const alias = this.alias(frames);
    return this.weighted([
      [3, () => `${alias}::text`],
      [2, () => `row(${alias}.*)::text`],
      [2, () => `to_json(${alias})::text`],
      [0.5, () => `max(${alias})::text`],
      [1, () => `concat(${alias}.*)`],
      [1, () => `num_nulls(${alias}.*)::text`],
      [2, () => `${alias}.${this.pick(['to_json', 'quote_literal', 'concat', 'json_build_array'])}::text`],
      [0.5, () => this.pick([`${alias}.secret`, `secret(${alias})`, `(${alias}.secret)::text`])],
      [1, () => `(${alias} = ${alias})::text`],
      [1, () => `(${alias} is null)::text`],
    ]);
  }

  number(frames: Frames): string {
    return this.chance(0.4) ? '1' : `length(${this.text(frames)})`;
  }

  condition(frames: Frames): string {
    const shallow = this.depth < this.deepest;
    return this.weighted([
      [10, () => `${this.text(frames)} = ${this.text(frames)}`],
      [5, () => `${this.column(frames)} is not null`],
      [2, () => `${this.alias(frames)} is not null`],
      [1, () => `(${this.text(frames)}, 'a') < (${this.text(frames)}, 'b')`],
      [1, () => `${this.text(frames)} between 'a' and ${this.text(frames)}`],
      [1, () => `${this.text(frames)} like any (array[${this.text(frames)}])`],
      [1, () => `not (${this.condition(frames)} or ${this.condition(frames)})`],
      [shallow ? 3 : 0, () => `exists (${this.nested(frames, 1)})`],
      [shallow ? 2 : 0, () => `${this.text(frames)} in (${this.nested(frames, 1)})`],
      [shallow ? 1 : 0, () => `(${this.text(frames)}, 'k') in (${this.nested(frames, 2)})`],
      [shallow ? 1 : 0, () => `${this.text(frames)} > all (${this.nested(frames, 1)})`],
    ]);
  }

  nested(frames: Frames, width: number): string {
    return this.deeper(() => this.query(frames, width).text);
  }

  /** An alias that no item beside it has, nearly always. */
  protected fresh(siblings: readonly Item[]): string {
    const free = ALIASES.filter((alias) => !siblings.some((item) => item.alias === alias));
    return free.length === 0 || this.chance(0.02) ? this.pick(ALIASES) : this.pick(free);
  }

  deeper<T>(make: () => T): T {
    this.depth += 1;
    const made = make();
    this.depth -= 1;
    return made;
  }
}
