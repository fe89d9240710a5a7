import { readFileSync, readdirSync } from 'node:fs';
import { expect } from 'chai';
import * as frontend from '#test/harness/frontend';
import { requirePostgres } from '#test/harness/postgres-server';
import type { PostgresServer } from '#test/harness/postgres-server';
import { startTestProxy } from '#test/harness/proxy';
import type { TestProxy } from '#test/harness/proxy';
import { errorFields, firstError, RawClient } from '#test/harness/raw-client';
import type { Message } from '#test/harness/raw-client';
import { testSnapshot } from '#test/harness/snapshot';
import { REFUSED } from './refused.ts';
import { APPLICATION_RULES, SHOP } from './shop.ts';
import { STATEMENTS } from './statements.ts';
import type { ApplicationStatement } from './statements.ts';

const PASSWORD = 'the-application';
const RECORDED = new URL('recorded/', import.meta.url);

/** What the tools themselves sent to a server with log_statement = all: psql 15, TypeORM 1.1, SQLAlchemy 2.1 and so on. */
function recorded(): readonly ApplicationStatement[] {
  return readdirSync(RECORDED)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => JSON.parse(readFileSync(new URL(name, RECORDED), 'utf8')) as Recorded[])
    .map(({ origin, sql, extended, values }) => ({
      origin,
      sql,
      ...(extended === true ? { values: values ?? [] } : {}),
    }));
}

interface Recorded {
  readonly origin: string;
  readonly sql: string;
  readonly extended?: boolean;
  readonly values?: readonly (string | null)[];
}

/** Two servers made alike, so that both hand out the same OIDs and numbers: one asked directly, one through the proxy. */
interface Side {
  readonly server: PostgresServer;
  readonly client: RawClient;
}

describe('statements as applications, mappers and tools write them', function () {
  this.timeout(30_000);
  let direct: Side;
  let proxied: Side;
  let proxy: TestProxy;

  before(async function () {
    direct = await openShop(this, ({ server }) => server);
    proxied = await openShop(this, async ({ server }) => {
      const { host, port, user: username, password } = server;
      const users = [{ name: 'application', password: PASSWORD, rules: APPLICATION_RULES }];
      proxy = await startTestProxy({
        snapshot: testSnapshot({ host, port, database: 'shop', users }),
        login: { username, password },
      });
      return { host: proxy.host, port: proxy.port, user: 'application', password: PASSWORD };
    });
  });
  after(async () => {
    await (proxy as TestProxy | undefined)?.stop();
    await (direct as Side | undefined)?.server.stop();
    await (proxied as Side | undefined)?.server.stop();
  });

  const origins = Map.groupBy([...recorded(), ...STATEMENTS], ({ origin }) => origin);
  for (const [origin, statements] of origins) {
    describe(origin, () => {
      for (const statement of statements) {
        it(title(statement.sql), async () => {
          const wanted = await ask(direct.client, statement);
          expect(failure(wanted), 'the statement itself fails').to.equal(undefined);
          const got = await ask(proxied.client, statement);
          const refused = REFUSED.find(({ origin, sql }) => origin === statement.origin && sql.test(statement.sql));
          if (refused !== undefined) {
            expect(failure(got), `no longer refused: ${refused.why}`).to.match(/^42501/);
            return;
          }
          expect(failure(got) ?? '', failure(got)).to.equal('');
          expect(described(got)).to.eql(described(wanted));
        });
      }
    });
  }
});

type Login = Pick<PostgresServer, 'host' | 'port' | 'user' | 'password'>;

async function openShop(
  context: Mocha.Context,
  door: (shop: { server: PostgresServer }) => Login | Promise<Login>,
): Promise<Side> {
  const server = await requirePostgres(context, { major: 18 });
  const admin = await RawClient.login(server);
  await admin.query('create database shop');
  await admin.close();
  const owner = await RawClient.login({ ...server, database: 'shop' });
  const error = firstError(await owner.query(SHOP));
  if (error !== undefined) throw new Error(error.M);
  await owner.close();
  const { host, port, user, password } = await door({ server });
  const parameters = { client_encoding: 'UTF8' };
  return { server, client: await RawClient.login({ host, port, user, password, database: 'shop', parameters }) };
}

async function ask(client: RawClient, { sql, values }: ApplicationStatement): Promise<readonly Message[]> {
  if (values === undefined) return await client.query(sql);
  client.send(frontend.extended(sql, values), frontend.sync());
  return await client.readUntilReady();
}

function failure(messages: readonly Message[]): string | undefined {
  const error = messages.find(({ type }) => type === 'E');
  if (error === undefined) return undefined;
  const { C: code = '', M: message = '', H: hint = '' } = errorFields(error);
  return `${code} ${message} (${hint})`;
}

const described = (messages: readonly Message[]): readonly string[] =>
  messages.map(({ type, body }) => `${type} ${body.toString('latin1')}`);

function title(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim();
  return line.length > 100 ? `${line.slice(0, 97)}…` : line || '(nothing)';
}
