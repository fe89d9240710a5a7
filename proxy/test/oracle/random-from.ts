import { ExpressionWriter, OUTPUTS, type Frames, type Item, type Written } from './random-expressions.ts';

export const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  users: ['id', 'name', 'ssn', 'email', 'boss'],
  orders: ['id', 'user_id', 'name', 'ssn', 'note'],
  items: ['id', 'name', 'ssn', 'users', 'o'],
  logs: ['id', 'message', 'name', 'ssn'],
  cheap: ['id', 'name', 'ssn', 'sku'],
  name: ['id', 'name', 'ssn', 'users'],
  made: ['id', 'name', 'ssn', 'note'],
  parts: ['id', 'name', 'ssn'],
};
const TABLES = Object.keys(COLUMNS);

export interface From {
  readonly text: string;
  readonly items: readonly Item[];
}

const one = (text: string, alias: string, columns: readonly string[]): From => ({ text, items: [{ alias, columns }] });

/** FROM items of every kind, joined in every way. */
export abstract class FromWriter extends ExpressionWriter {
  protected ctes: readonly Item[] = [];

  from(outer: Frames, beside: readonly Item[] = []): From {
    let from = this.#item(outer, beside);
    while (this.chance(0.3)) {
      if (this.chance(0.5)) {
        const next = this.#item(outer, from.items);
        from = { text: `${from.text}, ${next.text}`, items: [...from.items, ...next.items] };
      } else {
        const joined = this.#join(this.#item(outer, from.items), outer, from.items);
        from = { text: `${from.text}, ${joined.text}`, items: [...from.items, ...joined.items] };
      }
    }
    return this.chance(0.3) ? this.#join(from, outer, []) : from;
  }

  #join(left: From, outer: Frames, siblings: readonly Item[]): From {
    let right = this.#item(outer, [...siblings, ...left.items]);
    if (this.chance(0.15)) {
      const inner = this.#join(right, outer, [...siblings, ...left.items]);
      right = { text: `(${inner.text})`, items: inner.items };
    }
    const items = [...left.items, ...right.items];
    const kind = this.pick(['join', 'join', 'left join', 'full join', 'right join']);
    const alias = this.fresh([...siblings, ...items]);
    const form = this.pick(['on', 'on', 'on', 'using', 'using', 'natural', 'cross']);
    if (form === 'natural') return { text: `${left.text} natural ${kind} ${right.text}`, items };
    if (form === 'cross') return { text: `${left.text} cross join ${right.text}`, items };
    if (form === 'using') {
      const column = this.pick(['ssn', 'name']);
      const named = this.chance(0.4);
      const text = `${left.text} ${kind} ${right.text} using (${column})${named ? ` as ${alias}` : ''}`;
      return this.#maybeAliased({ text, items: named ? [...items, { alias, columns: [column] }] : items }, siblings);
    }
    // What stands before this join in the list can not be seen from ON.
    const frames = [this.chance(0.15) ? [...siblings, ...items] : items, ...outer];
    return this.#maybeAliased(
      { text: `${left.text} ${kind} ${right.text} on ${this.condition(frames)}`, items },
      siblings,
    );
  }

  #maybeAliased(from: From, siblings: readonly Item[]): From {
    if (!this.chance(0.2)) return this.chance(0.1) ? { ...from, text: `(${from.text})` } : from;
    const alias = this.fresh(siblings);
    const columns = from.items.flatMap((item) => item.columns);
    if (this.chance(0.4)) {
      const renamed = [this.pick(OUTPUTS), 'q'];
      return one(`(${from.text}) as ${alias}(${renamed.join(', ')})`, alias, [...renamed, ...columns.slice(2)]);
    }
    return one(`(${from.text}) as ${alias}`, alias, columns);
  }

  #item(outer: Frames, siblings: readonly Item[]): From {
    if (this.sparse && this.chance(0.8)) {
      const alias = this.fresh(siblings);
      return one(`(select 'k' as ${this.pick(['ssn', 'name', 'c'])}) ${alias}`, alias, ['ssn']);
    }
    const kind =
      this.depth >= this.deepest ? 'named' : this.pick(['named', 'named', 'named', 'query', 'query', 'call', 'sample']);
    if (kind === 'query') return this.#subselect(outer, siblings);
    if (kind === 'call') return this.#call([siblings, ...outer], siblings);
    if (kind === 'sample') return this.#sample(outer, siblings);
    return this.named(siblings);
  }

  named(siblings: readonly Item[]): From {
    const cte = this.ctes.length > 0 && this.chance(0.5) ? this.pick(this.ctes) : undefined;
    const table = cte?.alias ?? this.pick(TABLES);
    const columns = cte?.columns ?? COLUMNS[table] ?? [];
    const written =
      cte === undefined && this.chance(0.15) ? `public.${table}` : this.chance(0.05) ? `only ${table}` : table;
    const taken = siblings.some((item) => item.alias === table);
    if (!taken && this.chance(0.45)) return one(written, table, columns);
    const alias = this.fresh(siblings);
    if (!this.chance(0.15)) return one(`${written} ${alias}`, alias, columns);
    const renamed = this.pick(OUTPUTS);
    return one(`${written} ${alias}(${renamed})`, alias, [renamed, ...columns]);
  }

  /** Without LATERAL it can't see its siblings: names that it borrows from them mean something further out. */
  #subselect(outer: Frames, siblings: readonly Item[]): From {
    const lateral = this.chance(0.4);
    const sees = lateral || (outer.length > 0 && this.chance(0.3)) ? [siblings, ...outer] : outer;
    const width = this.pick([1, 1, 2]);
    const { text, columns } = this.deeper((): Written => this.query(sees, width));
    const alias = this.fresh(siblings);
    const renamed = this.chance(0.25) ? this.pick(OUTPUTS) : undefined;
    const list = renamed === undefined ? '' : `(${renamed})`;
    const shown = renamed === undefined ? columns : [renamed, ...columns.slice(1)];
    return one(`${lateral ? 'lateral ' : ''}(${text}) ${alias}${list}`, alias, shown);
  }

  #call(frames: Frames, siblings: readonly Item[]): From {
    const alias = this.fresh(siblings);
    const argument = this.deeper(() => this.text(frames));
    const renamed = this.pick(OUTPUTS);
    return this.pick([
      () => one(`regexp_split_to_table(${argument}, ',') ${alias}`, alias, [alias]),
      () => one(`regexp_split_to_table(${argument}, ',') ${alias}(${renamed})`, alias, [renamed]),
      () => one(`unnest(array[${argument}]) with ordinality ${alias}(${renamed}, n)`, alias, [renamed, 'n']),
      () => one(`rows from (unnest(array[${argument}]), generate_series(1, 2)) ${alias}(${renamed})`, alias, [renamed]),
      () => one(`json_each_text(json_build_object('k', ${argument})) ${alias}`, alias, ['key', 'value']),
      () =>
        one(`xmltable('/a' passing xmlelement(name a, ${argument}) columns ${renamed} text path '.') ${alias}`, alias, [
          renamed,
        ]),
      () => one(`json_to_record(to_json(${argument})) ${alias}(${renamed} text)`, alias, [renamed]),
      () =>
        one(`json_table('[1]', '$' passing ${argument} as p columns (${renamed} text path '$')) ${alias}`, alias, [
          renamed,
        ]),
    ])();
  }

  #sample(outer: Frames, siblings: readonly Item[]): From {
    const table = this.pick(['users', 'orders', 'items', 'parts']);
    const alias = this.fresh(siblings);
    const sees = outer.length > 0 ? [siblings, ...outer] : outer;
    const argument = this.deeper(() => `(select ${this.number(sees)})`);
    return one(`${table} ${alias} tablesample bernoulli (${argument})`, alias, COLUMNS[table] ?? []);
  }
}
