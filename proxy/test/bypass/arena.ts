import type { Snapshot } from '#contract/snapshot/types';
import type { Major } from '#test/harness/postgres-binaries';
import { requirePostgres } from '#test/harness/postgres-server';
import type { PostgresServer } from '#test/harness/postgres-server';
import { startTestProxy } from '#test/harness/proxy';
import type { TestProxy } from '#test/harness/proxy';
import { firstError, RawClient } from '#test/harness/raw-client';
import { testSnapshot } from '#test/harness/snapshot';
import type { TestRule } from '#test/harness/snapshot';
import { Attacker } from './attacker.ts';
import type { Surroundings, Target } from './attacker.ts';
import type { BypassCase, CaseUser } from './case.ts';
import { EDITOR_RULES, FIXTURE, REPORTING_RULES, TEMPORARY_RULES } from './fixture.ts';

const PASSWORD = 'a-password-of-the-limited';

/** One server, one proxy before it, and databases to attack. */
export class Arena {
  readonly server: PostgresServer;
  #proxy: TestProxy | undefined;
  readonly #admin: RawClient;
  readonly #spare: string[] = [];
  #made = 0;

  private constructor(server: PostgresServer, admin: RawClient) {
    this.server = server;
    this.#admin = admin;
  }

  static async open(context: Mocha.Context, major: Major): Promise<Arena> {
    const server = await requirePostgres(context, {
      major,
      settings: { max_prepared_transactions: 5, max_connections: 50 },
      hba: ['host replication all 127.0.0.1/32 scram-sha-256'],
    });
    const arena = new Arena(server, await RawClient.login(server));
    await arena.#run(arena.#admin, 'create database fixture');
    await arena.#inside('fixture', FIXTURE);
    return arena;
  }

  /** Apart from `open`, so that what is shown on the raw server needs no proxy. */
  async #gate(): Promise<TestProxy> {
    const { user: username, password } = this.server;
    this.#proxy ??= await startTestProxy({ snapshot: this.#policy(true), login: { username, password } });
    return this.#proxy;
  }

  /** A database as the fixture makes it, with the case's own setup. */
  async database(attacked: BypassCase): Promise<string> {
    const spare = plain(attacked) ? this.#spare.pop() : undefined;
    if (spare !== undefined) return spare;
    const name = `attacked_${String((this.#made += 1))}`;
    if (attacked.encoding === undefined) {
      await this.#run(this.#admin, `create database ${name} template fixture`);
    } else {
      const options = `encoding '${attacked.encoding}' template template0 lc_collate 'C' lc_ctype 'C'`;
      await this.#run(this.#admin, `create database ${name} ${options}`);
      await this.#inside(name, FIXTURE);
    }
    if (attacked.setup !== undefined) await this.#inside(name, attacked.setup);
    return name;
  }

  /** `untouched`: it is as it was made, and may be attacked again. */
  async giveBack(database: string, attacked: BypassCase, untouched: boolean): Promise<void> {
    if (untouched && plain(attacked)) {
      this.#spare.push(database);
      return;
    }
    if (attacked.undo !== undefined) await this.#undo(database, attacked.undo);
    await this.#run(this.#admin, `drop database ${database} with (force)`);
  }

  async owner(database: string): Promise<RawClient> {
    return await RawClient.login({ ...this.server, database, parameters: { client_encoding: 'UTF8' } });
  }

  /** With the shared login at the server itself. */
  async attackServer(attacked: BypassCase, database: string, owner: RawClient): Promise<Attacker> {
    const encoding: Record<string, string> = attacked.encoding === undefined ? {} : { client_encoding: 'UTF8' };
    const target = { ...this.server, database, parameters: { ...encoding, ...attacked.startup } };
    return await Attacker.login(target, this.#surroundings(owner));
  }

  /** As the limited user at the proxy. Throws ServerError where the login itself is refused. */
  async attackProxy(attacked: BypassCase, database: string, owner: RawClient): Promise<Attacker> {
    const proxy = await this.#gate();
    proxy.apply(this.#policy(true));
    const user: CaseUser = attacked.user ?? 'reporting';
    const { host, port } = proxy;
    const login = user === 'server' ? this.server : { user, password: PASSWORD };
    const target: Target = {
      host,
      port,
      database,
      user: login.user,
      password: login.password,
      parameters: attacked.startup ?? {},
    };
    const revoke = (): void => {
      proxy.apply(this.#policy(false));
    };
    return await Attacker.login(target, { ...this.#surroundings(owner), revoke });
  }

  async close(): Promise<void> {
    await this.#proxy?.stop();
    await this.#admin.close();
    await this.server.stop();
  }

  #surroundings(owner: RawClient): Surroundings {
    return { owner, serverPort: this.server.port, serverPassword: this.server.password, revoke: () => undefined };
  }

  #policy(trusted: boolean): Snapshot {
    const user = (
      name: CaseUser,
      rules: readonly TestRule[],
    ): { name: string; password: string; rules: readonly TestRule[] } => ({ name, password: PASSWORD, rules });
    return testSnapshot({
      host: this.server.host,
      port: this.server.port,
      audit: 'denied',
      users: [
        user('reporting', REPORTING_RULES),
        user('temporary', trusted ? TEMPORARY_RULES : TEMPORARY_RULES.slice(0, 1)),
        user('editor', EDITOR_RULES),
        user('elsewhere', [{ databases: ['elsewhere'], tables: ['*'], actions: ['select'] }]),
      ],
    });
  }

  /** What was refused needs no undoing, and then this fails. */
  async #undo(database: string, sql: string): Promise<void> {
    const client = await this.owner(database);
    await client.query(sql);
    await client.close();
  }

  async #inside(database: string, sql: string): Promise<void> {
    const client = await this.owner(database);
    await this.#run(client, sql);
    await client.close();
  }

  async #run(client: RawClient, sql: string): Promise<void> {
    const error = firstError(await client.query(sql));
    if (error !== undefined) throw new Error(`${error.M ?? ''} in: ${sql.slice(0, 200)}`);
  }
}

const plain = (attacked: BypassCase): boolean => attacked.setup === undefined && attacked.encoding === undefined;
