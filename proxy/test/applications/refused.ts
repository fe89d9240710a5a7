/**
 * What the recorded tools ask for that a limited user does not get, each with its reason. The suite makes sure that it is
 * refused, so that none stays on the list by mistake.
 */
export const REFUSED: readonly { readonly origin: string; readonly sql: RegExp; readonly why: string }[] = [
  { origin: 'psql \\dt+', sql: /pg_table_size/, why: 'the size of a table tells how much is in it' },
  { origin: 'psql \\sf order_total', sql: /pg_get_functiondef/, why: 'bodies of functions are not shown' },
  { origin: 'psql \\db', sql: /pg_tablespace_location/, why: 'paths of the server' },
  { origin: 'psql \\drds', sql: /pg_db_role_setting/, why: 'settings of other roles' },
  { origin: 'psql \\du', sql: /pg_roles/, why: 'who may do what on the server' },
  {
    origin: 'sqlalchemy',
    sql: /EXISTS \(SELECT \*\s+FROM customers/,
    why: 'PostgreSQL too wants every column of * to be allowed, in EXISTS as anywhere',
  },
];
