import { expect } from 'chai';
import * as frontend from '#test/harness/frontend';
import { requirePostgres } from '#test/harness/postgres-server';
import type { PostgresServer } from '#test/harness/postgres-server';
import { startTestProxy } from '#test/harness/proxy';
import type { TestProxy } from '#test/harness/proxy';
import { ConnectionEnded, errorFields, firstError, RawClient, rows, tags } from '#test/harness/raw-client';
import type { LoginOptions, Message } from '#test/harness/raw-client';
import { testSnapshot } from '#test/harness/snapshot';
import { Chance } from './random.ts';
import { makeScript, NAMES } from './script.ts';
import type { Chunk } from './script.ts';
import { CONTENT, FIXTURE, RESET, RULES } from './statements.ts';

const PASSWORD = 'of-the-limited-one';
const SCRIPTS = Number(process.env.REFUSAL_SCRIPTS ?? '300');
const FIRST_SEED = Number(process.env.REFUSAL_SEED ?? '20260101');
/** Scripts per test, so that a report names a few and not three hundred. */
const BATCH = 25;

type Door = Pick<LoginOptions, 'user'> & { readonly host: string; readonly port: number };

/**
 * The same messages to PostgreSQL as a native role that lacks the privileges, and through the proxy as a user who lacks
 * them while its login at the server has them all. What a client can see, and what is left behind, must be the same.
 */
describe('a refusal by the proxy and one by PostgreSQL', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let proxy: TestProxy;
  let native: Side;
  let limited: Side;

  before(async function () {
    server = await requirePostgres(this, { major: 18 });
    const { host, port, user: username, password } = server;
    await asOwner('postgres', `create role limited login password '${PASSWORD}'`, 'create database direct');
    await asOwner('direct', FIXTURE);
    await asOwner('postgres', 'create database proxied template direct');
    const users = [{ name: 'limited', password: PASSWORD, rules: RULES }];
    proxy = await startTestProxy({ snapshot: testSnapshot({ host, port, users }), login: { username, password } });
    native = await Side.open(server, { host, port, user: 'limited' }, 'direct');
    limited = await Side.open(server, { host: proxy.host, port: proxy.port, user: 'limited' }, 'proxied');
  });
  after(async () => {
    await (native as Side | undefined)?.close();
    await (limited as Side | undefined)?.close();
    await (proxy as TestProxy | undefined)?.stop();
    await (server as PostgresServer | undefined)?.stop();
  });

  async function asOwner(database: string, ...commands: readonly string[]): Promise<void> {
    const client = await RawClient.login({ ...server, database });
    for (const command of commands) {
      const error = firstError(await client.query(command));
      if (error !== undefined) throw new Error(error.M);
    }
    await client.close();
  }

  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCRIPTS; seed += BATCH) {
    const last = Math.min(seed + BATCH, FIRST_SEED + SCRIPTS) - 1;
    it(`look alike in the scripts of seeds ${String(seed)} to ${String(last)}`, async () => {
      let refusals = 0;
      for (let each = seed; each <= last; each++) {
        const script = makeScript(new Chance(each));
        const wanted = await native.play(script);
        const got = await limited.play(script);
        expect(got, told(each, script)).to.eql(
          wanted.map((line, index) => (isBoth(line, got[index]) ? got[index] : line)),
        );
        refusals += wanted.filter((line) => line.includes('42501')).length;
      }
      expect(refusals, 'scripts in which nothing is refused prove nothing').to.be.greaterThan(BATCH / 2);
    });
  }
});

/** One of the two doors, and the owner's view of the data behind it. */
class Side {
  readonly #door: Door;
  readonly #database: string;
  readonly #owner: RawClient;

  private constructor(door: Door, database: string, owner: RawClient) {
    this.#door = door;
    this.#database = database;
    this.#owner = owner;
  }

  static async open(server: PostgresServer, door: Door, database: string): Promise<Side> {
    return new Side(door, database, await RawClient.login({ ...server, database }));
  }

  /** Everything that can be seen: replies, then which names mean something, then what the tables hold. */
  async play(script: readonly Chunk[]): Promise<readonly string[]> {
    await this.#owner.query(RESET);
    const client = await RawClient.login({ ...this.#door, password: PASSWORD, database: this.#database });
    const seen: string[] = [];
    for (const [index, chunk] of script.entries()) {
      client.send(...chunk.map(({ bytes }) => bytes));
      seen.push(`chunk ${String(index + 1)}`, ...(await untilMark(client)).map(described));
      if (client.ended) break;
    }
    if (!client.ended) seen.push('names', ...(await this.#names(client, seen.at(-1) === 'Z E')));
    const content = rows(await this.#owner.query(CONTENT)).map((row) => row.join(' '));
    await client.close();
    return [...seen, 'content', ...content];
  }

  async #names(client: RawClient, failed: boolean): Promise<readonly string[]> {
    const seen: string[] = [];
    const asked = NAMES.statements.map((name) => frontend.describeStatement(name));
    // In a failed transaction a portal can't be used, and whether a failed DECLARE left one there is nobody's business.
    if (!failed) asked.push(...NAMES.portals.map((name) => frontend.describePortal(name)));
    for (const message of asked) {
      client.send(message);
      seen.push((await untilMark(client)).map(described).join(' '));
    }
    return seen;
  }

  async close(): Promise<void> {
    await this.#owner.close();
  }
}

/**
 * Where something else is wrong too PostgreSQL looks at that first: no transaction, a cursor of that name, a statement or
 * portal that has gone by itself (with a Query, with its transaction) and that the proxy still judges by what it was.
 */
const isBoth = (native: string, proxied: string | undefined): boolean =>
  proxied === 'E 42501' && ['E 25P01', 'E 42P03', 'E 26000', 'E 34000'].includes(native);

const MARK = 'the_end_of_this';

/**
 * Sync, then a Describe of what does not exist: its error comes whatever state the transaction is in, and with the
 * ReadyForQuery behind it says that all before it has been answered.
 */
async function untilMark(client: RawClient): Promise<readonly Message[]> {
  client.send(frontend.sync(), frontend.describeStatement(MARK), frontend.sync());
  const messages: Message[] = [];
  try {
    let marked = false;
    for (;;) {
      const message = await client.readMessage();
      if (message.type === 'E' && message.body.includes(MARK)) marked = true;
      else messages.push(message);
      if (marked && message.type === 'Z') return messages;
    }
  } catch (error) {
    if (!(error instanceof ConnectionEnded)) throw error;
    return messages;
  }
}

/** All of a message that has to be equal: of errors and notices the SQLSTATE, of the rest the bytes. */
function described(message: Message): string {
  const { type, body } = message;
  if (type === 'E' || type === 'N') return `${type} ${errorFields(message).C ?? ''}`;
  if (type === 'C') return `C ${tags([message]).join('')}`;
  if (type === 'Z') return `Z ${body.toString()}`;
  return body.length === 0 ? type : `${type} ${body.toString('latin1')}`;
}

function told(seed: number, script: readonly Chunk[]): string {
  const lines = script.map((chunk, index) => `${String(index + 1)}. ${chunk.map(({ words }) => words).join(' | ')}`);
  return `seed ${String(seed)}:\n${lines.join('\n')}\n`;
}
