import type { Snapshot } from '#contract/snapshot/types';
import type { ProxyLimits } from '#proxy/config';
import { startTestProxy, type TestProxy } from '#test/harness/proxy';
import { requirePostgres, type PostgresServer } from '#test/harness/postgres-server';
import { RawClient } from '#test/harness/raw-client';
import { MAY_ALL, testSnapshot, type TestBackend, type TestUser } from '#test/harness/snapshot';

/** One server with a little schema, one proxy before it. `reader` may read `open` and write `notes`, nothing of `closed`. */
export interface Scene {
  readonly server: PostgresServer;
  readonly proxy: TestProxy;
  /** Straight to the server, as superuser. */
  direct(): Promise<RawClient>;
  /** Through the proxy. */
  login(user?: string, parameters?: Readonly<Record<string, string>>): Promise<RawClient>;
  snapshot(users?: readonly TestUser[], backend?: Partial<TestBackend>): Snapshot;
  /** The policy that it began with. */
  reset(): void;
  stop(): Promise<void>;
}

const SCHEMA = `
  create schema other;
  create table open (id int primary key, text text);
  insert into open select g, 'row ' || g from generate_series(1, 1000) g;
  create table closed (id int primary key, secret text);
  insert into closed values (1, 'ssn 078-05-1120');
  create table notes (id int primary key, text text);
  create table other.open (id int);
  insert into other.open values (666);
  create function moves_path() returns int language plpgsql as
    $$ begin perform set_config('search_path', 'other, public', false); return 1; end $$;
  create function stays() returns int language sql as 'select 1';
`;

export const READER: TestUser = {
  name: 'reader',
  password: 'r',
  rules: [
    { tables: ['open'], actions: ['select'] },
    { tables: ['notes'], actions: ['select', 'insert', 'update', 'delete'] },
    { functions: ['moves_path', 'stays'], actions: ['execute'] },
  ],
};

export const OWNER: TestUser = { name: 'owner', password: 'o', rules: [MAY_ALL] };

const PASSWORDS: Readonly<Record<string, string>> = { reader: 'r', owner: 'o' };

interface SceneOptions {
  readonly major?: 15 | 18;
  readonly limits?: Partial<ProxyLimits>;
  readonly backend?: Partial<TestBackend>;
}

export async function makeScene(
  context: Mocha.Context,
  { major = 18, limits = {}, backend = {} }: SceneOptions = {},
): Promise<Scene> {
  context.timeout(30_000);
  const server = await requirePostgres(context, { major });
  const setup = await RawClient.login(server);
  await setup.query(SCHEMA);
  await setup.close();
  const snapshot: Scene['snapshot'] = (users = [READER, OWNER], more = {}) =>
    testSnapshot({ host: server.host, port: server.port, users, ...backend, ...more });
  const login = { username: server.user, password: server.password };
  const proxy = await startTestProxy({ snapshot: snapshot(), login, limits });
  return {
    server,
    proxy,
    direct: () => RawClient.login(server),
    login: (user = 'reader', parameters = {}) =>
      RawClient.login({ port: proxy.port, user, password: PASSWORDS[user] ?? '', database: 'postgres', parameters }),
    snapshot,
    reset: () => {
      proxy.apply(snapshot());
    },
    stop: async () => {
      await proxy.stop();
      await server.stop();
    },
  };
}

/** Waits until it holds; throws after `patience` milliseconds. */
export async function until(holds: () => boolean | Promise<boolean>, patience = 5_000): Promise<void> {
  const deadline = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it never came to be');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
