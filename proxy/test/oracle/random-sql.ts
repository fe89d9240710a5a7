/**
 * Statements that no one would write, over the fixture's tables: few names, used for everything, so that what a name
 * means depends on where it stands. Most of them mean something to PostgreSQL.
 */
export type Random = () => number;

/** A small generator with a seed (mulberry32), so that a failure can be repeated. */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  users: ['id', 'name', 'ssn', 'email', 'boss', 'tags', 'home'],
  orders: ['id', 'user_id', 'total', 'name', 'note', 'mood'],
  items: ['id', 'order_id', 'sku', 'price', 'users', 'o', 'name'],
  logs: ['id', 'message'],
  cheap: ['id', 'sku', 'price'],
};
const TABLES = Object.keys(COLUMNS);
const ALIASES = ['users', 'orders', 'items', 'o', 'x', 'y', 'name'];

/** What is in scope, as the writer believes: alias → columns. */
type Scope = readonly (readonly [string, readonly string[]])[];

export class SqlWriter {
  readonly #random: Random;
  #depth = 0;
  #ctes: (readonly [string, readonly string[]])[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  statement(): string {
    this.#depth = 0;
    this.#ctes = [];
    const kind = this.#random();
    if (kind < 0.72) return this.#query([]);
    if (kind < 0.82) return this.#update();
    if (kind < 0.88) return this.#delete();
    return kind < 0.95 ? this.#insert() : this.#merge();
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  #chance(p: number): boolean {
    return this.#random() < p;
  }

  #query(outer: Scope): string {
    const kept = this.#ctes;
    const prefix = this.#chance(this.#depth === 0 ? 0.3 : 0.08) ? this.#with(outer) : '';
    let text = this.#select(outer);
    if (this.#chance(0.06)) text = `(${text}) union all (${this.#select(outer)})`;
    this.#ctes = kept;
    return prefix + text;
  }

  #with(outer: Scope): string {
    const name = this.#pick(ALIASES);
    const recursive = this.#chance(0.2) ? 'recursive ' : '';
    const column = this.#pick(['id', 'ssn', 'c']);
    this.#depth += 1;
    const body = this.#scalar(outer);
    this.#depth -= 1;
    this.#ctes = [...this.#ctes, [name, [column]]];
    return `with ${recursive}${name}(${column}) as (${body}) `;
  }

  /** A query of one column. */
  #scalar(outer: Scope): string {
    const [from, scope] = this.#from(outer);
    const where = this.#chance(0.3) ? ` where ${this.#condition([...scope, ...outer])}` : '';
    return `select ${this.#expression([...scope, ...outer])} from ${from}${where}`;
  }

  #select(outer: Scope): string {
    const [from, own] = this.#from(outer);
    const scope = [...own, ...outer];
    const list = this.#chance(0.12) ? '*' : this.#list(scope);
    const where = this.#chance(0.4) ? ` where ${this.#condition(scope)}` : '';
    const order = this.#chance(0.2) ? ` order by ${this.#pick(['id', 'name', 'c', '1'])}` : '';
    const lock = this.#depth === 0 && this.#chance(0.06) ? ' for update' : '';
    return `select ${list} from ${from}${where}${order}${lock}`;
  }

  #list(scope: Scope): string {
    const items = Array.from({ length: 1 + Math.floor(this.#random() * 2) }, () => {
      if (this.#chance(0.06)) return `${this.#alias(scope)}.*`;
      return this.#expression(scope) + (this.#chance(0.3) ? ` as ${this.#pick(['c', 'id', 'users'])}` : '');
    });
    return items.join(', ');
  }

  #from(outer: Scope): [string, Scope] {
    let [text, scope] = this.#item(outer, []);
    if (this.#chance(0.25)) {
      const [next, more] = this.#item(outer, scope);
      text = `${text}, ${next}`;
      scope = [...scope, ...more];
    } else if (this.#chance(0.3)) {
      [text, scope] = this.#join(text, scope, outer);
    }
    return [text, scope];
  }

  #join(left: string, scope: Scope, outer: Scope): [string, Scope] {
    const [right, more] = this.#item(outer, scope);
    const both = [...scope, ...more];
    const kind = this.#random();
    const alias = this.#pick(['j', ...ALIASES]);
    if (kind < 0.2) return [`${left} join ${right} using (id)${this.#chance(0.4) ? ` as ${alias}` : ''}`, both];
    if (kind < 0.3) return [`${left} natural join ${right}`, both];
    const joined = `${left} left join ${right} on ${this.#condition([...both, ...outer])}`;
    if (kind < 0.45) return [`(${joined}) as ${alias}`, [[alias, both.flatMap(([, columns]) => columns)]]];
    if (kind < 0.5) return [`(${joined}) as ${alias}(p, q)`, [[alias, ['p', 'q', 'name']]]];
    return [joined, both];
  }

  #item(outer: Scope, siblings: Scope): [string, Scope] {
    const kind = this.#random();
    if (kind < 0.25 && this.#depth < 3) return this.#subselect(outer, siblings);
    if (kind < 0.32) return this.#functionItem([...siblings, ...outer]);
    return this.#named();
  }

  #named(): [string, Scope] {
    const cte = this.#ctes.length > 0 && this.#chance(0.4) ? this.#pick(this.#ctes) : undefined;
    const table = cte?.[0] ?? this.#pick(TABLES);
    const columns = cte?.[1] ?? COLUMNS[table] ?? [];
    const schema = cte === undefined && this.#chance(0.2) ? 'public.' : '';
    if (this.#chance(0.4)) return [schema + table, [[table, columns]]];
    const alias = this.#pick(ALIASES);
    if (this.#chance(0.12)) return [`${schema}${table} ${alias}(id)`, [[alias, ['id', 'name', 'ssn']]]];
    return [`${schema}${table} ${alias}`, [[alias, columns]]];
  }

  #subselect(outer: Scope, siblings: Scope): [string, Scope] {
    const alias = this.#pick(ALIASES);
    const lateral = this.#chance(0.35);
    this.#depth += 1;
    // Without LATERAL it can't see its siblings: names that it borrows from them mean something further out.
    const sees = lateral || this.#chance(0.3) ? [...siblings, ...outer] : outer;
    const body = this.#chance(0.15) ? 'values (1, 2)' : this.#query(sees);
    this.#depth -= 1;
    return [
      `${lateral ? 'lateral ' : ''}(${body}) ${alias}`,
      [[alias, ['id', 'name', 'c', 'ssn', 'users', 'column1']]],
    ];
  }

  #functionItem(scope: Scope): [string, Scope] {
    const alias = this.#pick(ALIASES);
    const argument = this.#chance(0.5) && scope.length > 0 ? `(${this.#column(scope)})::text` : "'a,b'";
    return [`regexp_split_to_table(${argument}, ',') ${alias}`, [[alias, [alias]]]];
  }

  #alias(scope: Scope): string {
    return scope.length === 0 || this.#chance(0.05) ? this.#pick(ALIASES) : this.#pick(scope)[0];
  }

  #column(scope: Scope): string {
    if (scope.length === 0) return this.#pick(['id', 'name']);
    const [alias, columns] = this.#pick(scope);
    const column =
      columns.length === 0 || this.#chance(0.1) ? this.#pick(['id', 'name', 'users', 'o']) : this.#pick(columns);
    const kind = this.#random();
    if (kind < 0.3) return column;
    if (kind < 0.35) return `(${alias}).${column}`;
    if (kind < 0.38) return `public.${alias}.${column}`;
    return `${alias}.${column}`;
  }

  #expression(scope: Scope): string {
    const kind = this.#random();
    if (kind < 0.55) return this.#column(scope);
    if (kind < 0.6) return this.#alias(scope);
    if (kind < 0.66) return `${this.#pick(['to_json', 'row_to_json', 'secret', 'num_nulls'])}(${this.#alias(scope)})`;
    if (kind < 0.7) return `${this.#alias(scope)}.${this.#pick(['to_json', 'secret', 'quote_literal', 'max'])}`;
    if (kind < 0.75) return `${this.#alias(scope)}::text`;
    if (kind < 0.8) return `coalesce(${this.#column(scope)}::text, ${this.#column(scope)}::text)`;
    if (kind < 0.84) return `array(select ${this.#column(scope)})`;
    if (this.#depth >= 3 || kind < 0.9) return this.#pick(['1', "'s'", '2 <+> 3', 'order_total(1)', "'calm'::mood"]);
    this.#depth += 1;
    const text = `(${this.#scalar(scope)} limit 1)`;
    this.#depth -= 1;
    return text;
  }

  #condition(scope: Scope): string {
    const kind = this.#random();
    if (kind < 0.5) return `${this.#column(scope)}::text = ${this.#column(scope)}::text`;
    if (kind < 0.7) return `${this.#column(scope)} is not null`;
    if (kind < 0.8 || this.#depth >= 3) return `${this.#alias(scope)} is not null`;
    this.#depth += 1;
    const inner = this.#scalar(scope);
    this.#depth -= 1;
    return kind < 0.9 ? `exists (${inner})` : `${this.#column(scope)}::text in (select x::text from (${inner}) q(x))`;
  }

  #returning(scope: Scope): string {
    if (this.#chance(0.5)) return '';
    return ` returning ${this.#chance(0.2) ? '*' : this.#list([...scope, ['old', ['id', 'name']], ['new', ['id']]])}`;
  }

  #update(): string {
    const table = this.#pick(['users', 'orders', 'items']);
    const alias = this.#chance(0.4) ? this.#pick(ALIASES) : table;
    const own: Scope = [[alias, COLUMNS[table] ?? []]];
    const [from, more] = this.#chance(0.4) ? this.#from([]) : ['', []];
    const scope = [...own, ...more];
    const set = this.#chance(0.2)
      ? `(name, id) = (select ${this.#expression(scope)}::text, 3)`
      : `name = ${this.#expression(scope)}::text`;
    const where = this.#chance(0.7) ? ` where ${this.#condition(scope)}` : '';
    const head = `update ${table}${alias === table ? '' : ` ${alias}`} set ${set}`;
    return `${head}${from === '' ? '' : ` from ${from}`}${where}${this.#returning(scope)}`;
  }

  #delete(): string {
    const table = this.#pick(['orders', 'items', 'logs']);
    const alias = this.#chance(0.4) ? this.#pick(ALIASES) : table;
    const [from, more] = this.#chance(0.4) ? this.#from([]) : ['', []];
    const scope: Scope = [[alias, COLUMNS[table] ?? []], ...more];
    const where = this.#chance(0.8) ? ` where ${this.#condition(scope)}` : '';
    const using = from === '' ? '' : ` using ${from}`;
    return `delete from ${table}${alias === table ? '' : ` ${alias}`}${using}${where}${this.#returning(scope)}`;
  }

  #insert(): string {
    const scope: Scope = [['logs', ['id', 'message']]];
    const columns = this.#chance(0.7) ? ' (id, message)' : '';
    const first = columns === '' ? '3, ' : '';
    const source = this.#chance(0.5) ? `values (${first}9, 'm')` : `select ${first}9, ${this.#expression([])}::text`;
    const target = this.#pick(['', ' (message)', ' (id, message)', ' on constraint logs_message']);
    const values = this.#expression([...scope, ['excluded', ['id', 'message']]]);
    const update = `do update set message = ${values}::text where ${this.#condition(scope)}`;
    const conflict = this.#chance(0.6) ? ` on conflict${target} ${target === '' ? 'do nothing' : update}` : '';
    return `insert into logs${columns} ${source}${conflict}${this.#returning(scope)}`;
  }

  #merge(): string {
    const source = this.#pick(['users', 'orders', '(select id, name from items)']);
    const alias = this.#pick(['s', 'x', 'name']);
    const scope: Scope = [
      ['logs', ['id', 'message']],
      [alias, ['id', 'name']],
    ];
    const when = this.#pick([
      `when matched then update set message = ${this.#expression(scope)}::text`,
      `when matched and ${this.#condition(scope)} then delete`,
      `when not matched then insert (id, message) values (${alias}.id + 10, ${this.#expression([[alias, ['id', 'name']]])}::text)`,
      'when matched then do nothing',
    ]);
    return `merge into logs using ${source} ${alias} on logs.id = ${alias}.id ${when}${this.#returning(scope)}`;
  }
}
