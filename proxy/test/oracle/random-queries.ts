import { ALIASES, OUTPUTS, type Frames, type Written } from './random-expressions.ts';
import { FromWriter, type From } from './random-from.ts';

/** Queries: SELECT, VALUES and set operations of them, with all their clauses. */
export abstract class QueryWriter extends FromWriter {
  query(outer: Frames, width: number): Written {
    const kept = this.ctes;
    const prefix = this.chance(this.depth === 0 ? 0.3 : 0.15) ? this.with(outer) : '';
    const body = this.#body(outer, width);
    this.ctes = kept;
    return { text: prefix + body.text, columns: body.columns };
  }

  #body(outer: Frames, width: number): Written {
    const kind = this.pick(['select', 'select', 'select', 'select', 'select', 'set', 'values']);
    if (kind === 'set' && this.depth < this.deepest) return this.#setOperation(outer, width);
    return kind === 'values' ? this.#values(outer, width) : this.#select(outer, width);
  }

  #setOperation(outer: Frames, width: number): Written {
    const left = this.deeper(() => this.query(outer, width));
    const right = this.deeper(() => this.query(outer, width));
    const operator = this.pick(['union', 'union all', 'except', 'intersect']);
    const order = this.chance(0.5) ? ` order by ${this.#orderName(outer, left.columns)}` : '';
    return { text: `(${left.text}) ${operator} (${right.text})${order}${this.#limit(outer)}`, columns: left.columns };
  }

  #values(outer: Frames, width: number): Written {
    const columns = Array.from({ length: width }, (_, index) => `column${String(index + 1)}`);
    const row = (): string => `(${columns.map(() => this.text(outer)).join(', ')})`;
    const order = this.chance(0.3) ? ` order by ${this.#orderName(outer, columns)}` : '';
    return { text: `values ${row()}, ${row()}${order}${this.#limit(outer)}`, columns };
  }

  #orderName(outer: Frames, columns: readonly string[]): string {
    return this.weighted([
      [columns.length > 0 ? 4 : 0, () => this.pick(columns)],
      [1, () => '1'],
      [0.5, () => this.pick(OUTPUTS)],
      [0.5, () => this.text([[{ alias: 'x', columns }], ...outer])],
      [1, () => `(select ${this.text([[{ alias: 'x', columns }], ...outer])})`],
    ]);
  }

  /** Nothing of the query itself can be read there, but what encloses it can. */
  #limit(outer: Frames, own: Frames = []): string {
    const frames = this.chance(outer.length > 0 ? 0.2 : 0.02) ? [...own, ...outer] : outer;
    const clause = (word: string): string => ` ${word} ${this.chance(0.5) ? '1' : `(select ${this.number(frames)})`}`;
    return (this.chance(0.15) ? clause('limit') : '') + (this.chance(0.1) ? clause('offset') : '');
  }

  #select(outer: Frames, width: number): Written {
    const from: From = this.chance(0.06) ? { text: '', items: [] } : this.from(outer);
    const frames = [from.items, ...outer];
    const { list, columns } = this.#list(frames, width);
    const distinct = this.chance(0.08)
      ? this.pick(['distinct ', `distinct on (${this.#byName(frames, columns)}) `])
      : '';
    const tail = [
      this.chance(0.35) ? ` where ${this.condition(frames)}` : '',
      this.chance(0.2) && distinct === ''
        ? ` order by ${this.#byName(frames, columns)}${this.pick(['', ' desc', ' using <'])}`
        : '',
      this.#limit(outer, [from.items]),
      this.chance(0.1) ? this.#lock(frames) : '',
    ];
    return {
      text: `select ${distinct}${list}${from.text === '' ? '' : ` from ${from.text}`}${tail.join('')}`,
      columns,
    };
  }

  #byName(frames: Frames, columns: readonly string[]): string {
    return this.pick([() => this.pick([...columns, 'id']), () => this.text(frames), () => this.pick(OUTPUTS)])();
  }

  #lock(frames: Frames): string {
    const of = this.chance(0.6) ? ` of ${this.pick([this.alias(frames), this.alias(frames), this.pick(ALIASES)])}` : '';
    return ` for ${this.pick(['update', 'share', 'no key update'])}${of}`;
  }

  #list(frames: Frames, width: number): { list: string; columns: string[] } {
    const first = frames[0] ?? [];
    if (this.depth <= 1 && first.length > 0 && this.chance(0.1)) {
      return { list: '*', columns: first.flatMap((item) => item.columns) };
    }
    if (this.depth <= 1 && first.length > 0 && this.chance(0.05)) {
      const item = this.pick(first);
      return { list: `${item.alias}.*`, columns: [...item.columns] };
    }
    const columns: string[] = [];
    const items = Array.from({ length: width }, () => {
      const name = this.pick(OUTPUTS);
      columns.push(name);
      // Columns keep their own names now and then.
      if (this.chance(0.15)) return `${this.column(frames)}::text`;
      return `${this.text(frames)} as ${name}`;
    });
    return { list: items.join(', '), columns };
  }

  summary(outer: Frames): string {
    const from = this.from(outer);
    const frames = [from.items, ...outer];
    const [a, b] = [this.text(frames), this.text(frames)];
    const tail = this.chance(0.3) ? ` where ${this.condition(frames)}` : '';
    const group = this.chance(0.3) ? ` having ${this.condition(outer)}` : '';
    return this.weighted([
      [
        3,
        () =>
          `select string_agg(${a}, ',' order by ${b}) filter (where ${this.condition(frames)}) from ${from.text}${tail}${group}`,
      ],
      [1, () => `select (percentile_disc(0.5) within group (order by ${a}))::text from ${from.text}${tail}`],
      [1, () => `select json_agg(${this.alias(frames)})::text from ${from.text}`],
      [1, () => `select count(distinct ${a})::text from ${from.text} group by ${b}${group}`],
      [2, () => `select ${a} as ${this.pick(OUTPUTS)} from ${from.text}${tail} group by ${this.#grouping(a, frames)}`],
      [
        2,
        () =>
          `select first_value(${a}) over w from ${from.text} window w as (partition by ${b} order by ${this.column(frames)})`,
      ],
      [
        1,
        () => `select max(${a}) over (order by ${b} rows (select ${this.number(outer)}) preceding) from ${from.text}`,
      ],
    ]);
  }

  #grouping(expression: string, frames: Frames): string {
    return this.weighted([
      [3, () => expression],
      [1, () => '1'],
      [2, () => this.pick(OUTPUTS)],
      [1, () => `grouping sets ((${expression}, ${this.text(frames)}), (${expression}), ())`],
      [1, () => `rollup (${expression}, ${this.pick(OUTPUTS)})`],
      [1, () => `cube (${this.pick(OUTPUTS)}, ${expression})`],
    ]);
  }

  with(outer: Frames): string {
    const recursive = this.chance(0.25);
    const items: string[] = [];
    do items.push(recursive && this.chance(0.6) ? this.#recursive(outer) : this.#common(outer));
    while (this.chance(0.35));
    return `with ${recursive ? 'recursive ' : ''}${items.join(', ')} `;
  }

  #common(outer: Frames): string {
    const name = this.fresh(this.ctes);
    const changes = this.depth === 0 && this.chance(0.2);
    const body = changes ? this.change() : this.deeper(() => this.query(outer, this.pick([1, 2])));
    const renamed = this.chance(0.3) && body.columns.length > 0 ? [this.pick(OUTPUTS)] : [];
    this.ctes = [...this.ctes, { alias: name, columns: [...renamed, ...body.columns.slice(renamed.length)] }];
    const list = renamed.length > 0 ? `(${renamed.join(', ')})` : '';
    return `${name}${list} as ${this.pick(['', '', 'materialized ', 'not materialized '])}(${body.text})`;
  }

  #recursive(outer: Frames): string {
    const name = this.fresh(this.ctes);
    const column = this.pick(OUTPUTS);
    const self = { alias: name, columns: [column] };
    const first = this.deeper(() => this.query(outer, 1));
    const kept = this.ctes;
    this.ctes = [...kept, self];
    const next = this.deeper(
      () => `select ${this.text([[self], ...outer])} from ${name} where ${this.condition([[self], ...outer])}`,
    );
    const marks = this.chance(0.2) ? ` cycle ${column} set ${this.pick(['ssn', 'm'])} using p` : '';
    return `${name}(${column}) as ((${first.text}) union ${next})${marks}`;
  }

  /** A statement that writes and returns columns of text. */
  abstract change(): Written;
}
