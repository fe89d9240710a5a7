import { ALIASES, OUTPUTS, type Frames, type Item, type Written } from './random-expressions.ts';
import { COLUMNS } from './random-from.ts';
import { QueryWriter } from './random-queries.ts';

export { seeded } from './random.ts';

interface Target {
  readonly table: string;
  readonly item: Item;
  readonly text: string;
}

/**
 * Statements that no one would write, over the fixture's tables: few names, used for everything, so that what a name
 * means depends on where it stands. Most of them mean something to PostgreSQL.
 */
export class SqlWriter extends QueryWriter {
  statement(): string {
    this.depth = 0;
    this.ctes = [];
    this.deepest = this.pick([1, 2, 2, 3]);
    this.sparse = this.chance(0.5);
    if (this.sparse && this.chance(0.8))
      return `select (${this.nested([[{ alias: 'users', columns: ['ssn'] }]], 1)}) from users`;
    if (this.chance(0.38)) return (this.chance(0.05) ? 'explain analyze ' : '') + this.#changeWith();
    const { text } = this.query([], this.pick([1, 2]));
    return this.weighted([
      [40, () => text],
      [1, () => `explain ${text}`],
      [1, () => `explain analyze ${text}`],
      [1, () => `copy (${text}) to stdout`],
      [1, () => `declare c cursor for ${text}`],
    ]);
  }

  #changeWith(): string {
    const prefix = this.chance(0.25) ? this.with([]) : '';
    return prefix + this.change().text;
  }

  change(): Written {
    return this.pick([
      () => this.#update(),
      () => this.#delete(),
      () => this.#insert(),
      () => this.#merge(),
      () => this.#merge(),
    ])();
  }

  #target(): Target {
    const table = this.pick(['users', 'orders', 'items', 'logs', 'name', 'parts', 'made', 'cheap']);
    const columns = COLUMNS[table] ?? [];
    if (this.chance(0.5)) return { table, item: { alias: table, columns }, text: table };
    const alias = this.pick(ALIASES);
    return { table, item: { alias, columns }, text: `${table} as ${alias}` };
  }

  #returning(items: readonly Item[], columns: readonly string[]): Written {
    if (this.chance(0.4)) return { text: '', columns: [] };
    if (this.chance(0.1)) return { text: ' returning *', columns: items.flatMap((item) => item.columns) };
    const renamed = this.chance(0.2) ? ` with (old as ${this.pick(ALIASES)}, new as n)` : '';
    const also = this.chance(0.3) ? ['old', 'new', 'n'].map((alias) => ({ alias, columns })) : [];
    const name = this.pick(OUTPUTS);
    const text = `returning${renamed} ${this.text([[...items, ...also]])}`;
    return { text: ` ${text} as ${name}`, columns: [name] };
  }

  #set(frames: Frames): string {
    return this.weighted([
      [6, () => `${this.pick(['name', 'ssn'])} = ${this.text(frames)}`],
      [2, () => `(name, ssn) = (${this.nested(frames, 2)})`],
      [1, () => `(name, ssn) = row(${this.text(frames)}, default)`],
      [1, () => `name = ${this.text(frames)}, ssn = (select ${this.text(frames)})`],
      [1, () => `name = default`],
    ]);
  }

  #update(): Written {
    const { item, text } = this.#target();
    const from = this.chance(0.4) ? this.from(this.chance(0.1) ? [[item]] : [], [item]) : undefined;
    const items = [item, ...(from?.items ?? [])];
    const where = this.chance(0.7) ? ` where ${this.condition([items])}` : '';
    const returning = this.#returning(items, item.columns);
    const source = from === undefined ? '' : ` from ${from.text}`;
    return { ...returning, text: `update ${text} set ${this.#set([items])}${source}${where}${returning.text}` };
  }

  #delete(): Written {
    const { item, text } = this.#target();
    const from = this.chance(0.4) ? this.from([], [item]) : undefined;
    const items = [item, ...(from?.items ?? [])];
    const where = this.chance(0.8) ? ` where ${this.condition([items])}` : '';
    const returning = this.#returning(items, item.columns);
    const source = from === undefined ? '' : ` using ${from.text}`;
    return { ...returning, text: `delete from ${text}${source}${where}${returning.text}` };
  }

  #insert(): Written {
    const { item, text } = this.chance(0.5) ? this.#logs() : this.#target();
    const source = this.weighted([
      [3, () => this.nested([], 2)],
      [1, () => `values (${this.text([])}, default), ('m', ${this.text([])})`],
      [1, () => `values (${this.text([])}, ${this.text([])})`],
    ]);
    const returning = this.#returning([item], item.columns);
    return { ...returning, text: `insert into ${text} (name, ssn) ${source}${this.#conflict(item)}${returning.text}` };
  }

  #logs(): Target {
    const alias = this.pick(['logs', ...ALIASES]);
    return { table: 'logs', item: { alias, columns: COLUMNS.logs ?? [] }, text: `logs as ${alias}` };
  }

  #conflict(item: Item): string {
    if (this.chance(0.5)) return '';
    const frames = [[item, { alias: 'excluded', columns: item.columns }]];
    const target = this.pick([
      '(message)',
      '(id, message)',
      'on constraint logs_message',
      `(message) where ${item.alias}.ssn is null`,
    ]);
    if (this.chance(0.2)) return ` on conflict ${this.pick(['', target])} do nothing`;
    const where = this.chance(0.5) ? ` where ${this.condition(frames)}` : '';
    return ` on conflict ${target} do update set ${this.#set(frames)}${where}`;
  }

  #merge(): Written {
    const { item, text } = this.#target();
    const source = this.chance(0.3) ? this.from([], [item]) : this.named([item]);
    // The server's own name for a join without an alias.
    const named = source.items.length < 2 ? [] : [{ alias: 'unnamed_join', columns: ['email', 'ssn', 'name'] }];
    const seen = [...source.items, ...named];
    const both = [item, ...seen];
    const whens = [this.#when(item, seen, both)];
    while (this.chance(0.4)) whens.push(this.#when(item, seen, both));
    const returning = this.#returning([item, ...source.items], item.columns);
    const body = `merge into ${text} using ${source.text} on ${this.condition([[item, ...source.items]])} ${whens.join(' ')}`;
    return { ...returning, text: body + returning.text };
  }

  #when(target: Item, source: readonly Item[], both: readonly Item[]): string {
    const [words, seen] = this.pick([
      ['when matched', both],
      ['when not matched', source],
      ['when not matched by source', [target]],
      ['when not matched by source', [target]],
    ] as const);
    // Now and then a name of what can't be seen there.
    const frames = [this.chance(0.3) ? both : seen];
    const and = this.chance(0.5) ? ` and ${this.condition(frames)}` : '';
    if (words === 'when not matched') {
      const action = this.chance(0.2)
        ? 'do nothing'
        : `insert (name, ssn) values (${this.text(frames)}, ${this.text(frames)})`;
      return `${words}${and} then ${action}`;
    }
    const action = this.pick([() => `update set ${this.#set(frames)}`, () => 'delete', () => 'do nothing'])();
    return `${words}${and} then ${action}`;
  }
}
