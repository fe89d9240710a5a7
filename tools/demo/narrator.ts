import pg from 'pg';

const paint = (code: number) => (text: string) => (process.stdout.isTTY ? `\x1b[${code}m${text}\x1b[0m` : text);
const bold = paint(1);
const dim = paint(2);
const red = paint(31);
const green = paint(32);

let step = 0;

export function heading(text: string): void {
  step += 1;
  line(`\n${bold(`${step}. ${text}`)}`);
}

export function line(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Something worth knowing about what was just seen. */
export function note(text: string): void {
  line(dim(`   ${text}`));
}

/** The demo promises what it tells. */
export function mustBe(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`the demo expected: ${what}`);
}

/** Runs it and shows the rows. */
export async function allowed(client: pg.Client, who: string, sql: string | pg.QueryConfig): Promise<pg.QueryResult> {
  show(who, sql);
  const result = await client.query(sql);
  for (const row of result.rows as Readonly<Record<string, unknown>>[]) {
    line(
      green(
        `   ${Object.entries(row)
          .map(([name, value]) => `${name}=${String(value)}`)
          .join('  ')}`,
      ),
    );
  }
  if (result.rows.length === 0) line(green(`   ${result.command} ${result.rowCount ?? ''}`));
  return result;
}

/** Runs it, shows the error that the client reads, and makes sure that it is a refusal with that message. */
export async function refused(
  client: pg.Client,
  who: string,
  sql: string | pg.QueryConfig,
  message: string | RegExp,
): Promise<void> {
  show(who, sql);
  const error = await client.query(sql).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  mustBe(error instanceof pg.DatabaseError, `${sqlOf(sql)} is refused`);
  line(red(`   ERROR ${error.code ?? ''}: ${error.message}`));
  if (error.hint !== undefined) line(red(`   HINT: ${error.hint}`));
  mustBe(error.code === '42501', 'SQLSTATE 42501');
  const fits = typeof message === 'string' ? error.message === message : message.test(error.message);
  mustBe(fits, `the message ${String(message)}`);
}

function show(who: string, sql: string | pg.QueryConfig): void {
  line(`   ${bold(`${who}>`)} ${sqlOf(sql)}`);
}

const sqlOf = (sql: string | pg.QueryConfig): string => (typeof sql === 'string' ? sql : sql.text);
