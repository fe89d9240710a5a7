import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { makeCertificate } from '#test/harness/certificate';
import type { TestCertificate } from '#test/harness/certificate';
import { requirePostgres } from '#test/harness/postgres-server';
import type { PostgresServer } from '#test/harness/postgres-server';
import type { TestProxyOptions } from '#test/harness/proxy';
import { RawClient, errorFields, firstError } from '#test/harness/raw-client';
import type { Message } from '#test/harness/raw-client';
import { MAY_ALL, testSnapshot } from '#test/harness/snapshot';
import type { TestBackend } from '#test/harness/snapshot';
import { Bystander, describeExperience } from './bystander.ts';
import { startSeparateProxy } from './separate-proxy.ts';
import type { SeparateProxy } from './separate-proxy.ts';

const LOGIN = { username: 'shared_login', password: 'upstream' };
const USERS = [
  { name: 'app', password: 'secret', rules: [{ tables: ['open'], actions: ['select', 'insert'] }] },
  { name: 'boss', password: 'secret', rules: [MAY_ALL] },
] as const;

/** The word that no reply to `app` may hold. */
export const HUSH = 'the-hushed-word';

const SCHEMA = `create table open (id int, payload text); create table closed (word text); insert into closed values ('${HUSH}');
  insert into open select n, 'row ' || n from generate_series(1, 100) n`;

export interface SceneOptions {
  readonly limits?: TestProxyOptions['limits'];
  /** More backends besides the true one, which is the first. */
  readonly backends?: readonly Omit<TestBackend, 'users'>[];
}

/** A server, the proxy in a process of its own, and a bystander who works meanwhile. */
export class Scene {
  readonly server: PostgresServer;
  readonly proxy: SeparateProxy;
  readonly certificate: TestCertificate;
  #bystander: Bystander | undefined;

  private constructor(server: PostgresServer, proxy: SeparateProxy, certificate: TestCertificate) {
    this.server = server;
    this.proxy = proxy;
    this.certificate = certificate;
  }

  static async start(context: Mocha.Context, options: SceneOptions = {}): Promise<Scene> {
    const server = await requirePostgres(context, { major: 18 });
    const admin = await RawClient.login(server);
    await admin.query(`create role ${LOGIN.username} login password '${LOGIN.password}'`);
    await admin.query('create database scene owner shared_login');
    await admin.close();
    const owner = await RawClient.login({
      port: server.port,
      user: LOGIN.username,
      password: LOGIN.password,
      database: 'scene',
    });
    expect(firstError(await owner.query(SCHEMA))).to.equal(undefined);
    await owner.close();
    const certificate = makeCertificate();
    const timeouts = { connect: 1_500, login: 1_500 };
    const backends: TestBackend[] = [{ ...server, database: 'scene', users: USERS, timeouts }];
    for (const more of options.backends ?? []) backends.push({ database: 'scene', users: USERS, timeouts, ...more });
    const proxy = await startSeparateProxy({
      snapshot: testSnapshot(...backends),
      login: LOGIN,
      clientTls: { cert: certificate.cert, key: certificate.key },
      limits: { clientLogin: 1_500, connections: 20_000, ...options.limits },
    });
    return new Scene(server, proxy, certificate);
  }

  port(backend = 'test/main'): number {
    return this.proxy.ports[backend] ?? 0;
  }

  async connect(backend?: string): Promise<RawClient> {
    return await RawClient.connect({ port: this.port(backend) });
  }

  async login(user: 'app' | 'boss' = 'app', backend?: string): Promise<RawClient> {
    return await RawClient.login({ port: this.port(backend), user, password: 'secret' });
  }

  async arrive(): Promise<void> {
    this.#bystander = await Bystander.arrive({ port: this.port(), user: 'app', password: 'secret' });
  }

  /** What the bystander noticed, printed; `patience` is the worst wait that passes for normal on a busy machine. */
  async leave(patience = 500): Promise<void> {
    const experience = await this.#bystander?.leave();
    if (experience === undefined) return;
    console.log(`      ${describeExperience(experience)}`);
    expect(experience.worst).to.be.below(patience);
    expect(experience.median).to.be.below(patience / 10);
  }

  /** What the bystander noticed since it was last asked. */
  async lately(): Promise<string> {
    const experience = await this.#bystander?.lately();
    return experience === undefined ? '' : describeExperience(experience);
  }

  /** Nothing may be left of those who are gone. */
  async settled(connections = 0): Promise<void> {
    const deadline = Date.now() + 8_000;
    let facts = await this.proxy.facts();
    while ((facts.connections > connections || facts.links > connections) && Date.now() < deadline) {
      await sleep(50);
      facts = await this.proxy.facts();
    }
    expect(facts).to.include({ connections, links: connections });
  }

  async stop(): Promise<void> {
    const exit = this.proxy.exit();
    await this.proxy.stop();
    await this.server.stop();
    expect(exit).to.equal(undefined);
  }
}

/** The connection ends, and what was said before is at most one FATAL of this kind. Returns its SQLSTATE, '' for none. */
export async function endsWithError(client: RawClient, patience = 4_000): Promise<string> {
  const messages = await client.readToEnd(patience);
  client.destroy();
  const last = messages.at(-1);
  return last?.type === 'E' ? (errorFields(last).C ?? '') : '';
}

/** The wait for silence: what comes within so many milliseconds. */
export async function hear(client: RawClient, milliseconds: number): Promise<Message[]> {
  await sleep(milliseconds);
  return client.take();
}
