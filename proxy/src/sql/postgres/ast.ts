import type * as Pg from 'pg-query-18';

/**
 * The trees that libpg-query hands out (types only; nothing of the parser is loaded here). The types are those of
 * PostgreSQL 18; what older majors write otherwise is added below.
 */
export type Node = Pg.Node;
export type Statement = Pg.RawStmt;

type Flat<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer I) => void ? I : never;
/** Node name → what the node holds. */
export type Nodes = Flat<Node>;

/** 15 to 17 keep the list of RETURNING without a clause of its own. */
interface OldReturning {
  readonly returningList?: Node[];
}
export type Insert = Pg.InsertStmt & OldReturning;
export type Update = Pg.UpdateStmt & OldReturning;
export type Delete = Pg.DeleteStmt & OldReturning;
export type Merge = Pg.MergeStmt & OldReturning;
/** 15 and 16 say `matched` where later ones say `matchKind`. */
export type MergeWhen = Pg.MergeWhenClause & { readonly matched?: boolean };

/** The node's name, or undefined for the empty node that stands for a gap in a list. */
export function kindOf(node: Node | undefined): string | undefined {
  for (const kind in node) return kind;
  return undefined;
}

/** What the node holds if it is of that kind. */
export function as<K extends keyof Nodes>(kind: K, node: Node | undefined): Nodes[K] | undefined {
  return (node as Partial<Nodes> | undefined)?.[kind];
}

/** The names in a list of String nodes; an empty one is written without its value. Others are left out. */
export function namesOf(list: readonly Node[] | undefined): string[] {
  const names: string[] = [];
  for (const node of list ?? []) {
    const name = as('String', node);
    if (name !== undefined) names.push(name.sval ?? '');
  }
  return names;
}

/** The value of a string constant, or of one that is cast to text, varchar, name or regclass; undefined: anything else. */
export function literalText(node: Node | undefined): string | undefined {
  const constant = as('A_Const', node);
  if (constant !== undefined) return constant.sval === undefined ? undefined : (constant.sval.sval ?? '');
  const cast = as('TypeCast', node);
  const type = cast?.typeName;
  if (cast === undefined || type === undefined || type.arrayBounds !== undefined) return undefined;
  if (type.typmods !== undefined) return undefined; // varchar(n) cuts
  const names = namesOf(type.names);
  const name = names.pop() ?? '';
  if (!TEXT_TYPES.has(name) || (names.length > 0 && names.join('.') !== 'pg_catalog')) return undefined;
  return as('A_Const', cast.arg) === undefined ? undefined : literalText(cast.arg);
}

const TEXT_TYPES: ReadonlySet<string> = new Set(['text', 'varchar', 'regclass']);
