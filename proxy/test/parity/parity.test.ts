import { expect } from 'chai';
import * as frontend from '#test/harness/frontend';
import { requirePostgres } from '#test/harness/postgres-server';
import type { PostgresServer } from '#test/harness/postgres-server';
import { startTestProxy } from '#test/harness/proxy';
import type { TestProxy } from '#test/harness/proxy';
import { RawClient, firstError, rows, types } from '#test/harness/raw-client';
import type { LoginOptions, Message } from '#test/harness/raw-client';
import { MAY_ALL, testSnapshot } from '#test/harness/snapshot';
import { EXTENDED_GROUPS } from './extended-scripts.ts';
import { SCHEMA } from './schema.ts';
import { play } from './script.ts';
import type { Pace, Script } from './script.ts';
import { SESSION_GROUPS } from './session-scripts.ts';
import { REFUSED_WHOEVER_ASKS, SIMPLE_GROUPS } from './simple-scripts.ts';

const GROUPS = { ...SIMPLE_GROUPS, ...SESSION_GROUPS, ...EXTENDED_GROUPS };
const PACES: readonly Pace[] = ['in turns', 'byte by byte', 'all at once'];
const SHARED = 'shared_login';
const PASSWORD = 'the shared password';

/** Both sides of the comparison: the login itself, and a user who may do all that it may. */
class Sides {
  readonly server: PostgresServer;
  readonly proxy: TestProxy;
  /** Settings that the proxy's start-up packet brings along: the direct side asks for the same. */
  settings: Record<string, string> = {};
  #direct: RawClient | undefined;
  #proxied: RawClient | undefined;

  constructor(server: PostgresServer, proxy: TestProxy) {
    this.server = server;
    this.proxy = proxy;
  }

  async direct(options: Partial<LoginOptions> = {}): Promise<RawClient> {
    const login = { user: SHARED, password: PASSWORD, database: 'parity', parameters: this.settings };
    return await RawClient.login({ port: this.server.port, ...login, ...options });
  }

  async proxied(options: Partial<LoginOptions> = {}): Promise<RawClient> {
    const login = { user: 'everything', password: 'secret', database: 'parity' };
    return await RawClient.login({ port: this.proxy.port, ...login, ...options });
  }

  async clients(): Promise<readonly [RawClient, RawClient]> {
    this.#direct ??= await this.direct();
    this.#proxied ??= await this.proxied();
    return [this.#direct, this.#proxied];
  }

  /** After a difference the sessions are no longer in step. */
  renew(): void {
    this.#direct?.destroy();
    this.#proxied?.destroy();
    this.#direct = this.#proxied = undefined;
  }
}

async function prepare(server: PostgresServer): Promise<void> {
  const admin = await RawClient.login(server);
  const made = await admin.query(`create role ${SHARED} login password '${PASSWORD}'`);
  expect(firstError(made)).to.equal(undefined);
  await admin.query(`create database parity owner ${SHARED}`);
  await admin.close();
  const owner = await RawClient.login({ port: server.port, user: SHARED, password: PASSWORD, database: 'parity' });
  expect(firstError(await owner.query(SCHEMA))).to.equal(undefined);
  await owner.close();
}

async function startSides(server: PostgresServer): Promise<Sides> {
  await prepare(server);
  const user = { name: 'everything', password: 'secret', rules: [MAY_ALL] };
  const proxy = await startTestProxy({
    snapshot: testSnapshot({ ...server, database: 'parity', users: [user] }),
    login: { username: SHARED, password: PASSWORD },
  });
  const sides = new Sides(server, proxy);
  const client = await sides.proxied();
  const set = await client.query("select name, setting from pg_settings where source = 'client' order by name");
  for (const [name, value] of rows(set)) if (name != null && value != null) sides.settings[name] = value;
  await client.close();
  return sides;
}

for (const major of [15, 18] as const) {
  describe(`byte-equal replies, PostgreSQL ${String(major)}`, function () {
    this.timeout(60_000);
    let sides: Sides;

    before(async function () {
      sides = await startSides(await requirePostgres(this, { major }));
    });
    after(async () => {
      const started = sides as Sides | undefined;
      started?.renew();
      await started?.proxy.stop();
      await started?.server.stop();
    });

    for (const pace of PACES) {
      describe(pace, () => {
        for (const [group, scripts] of Object.entries(GROUPS))
          describe(group, () => {
            compareAll(() => sides, scripts, pace, major);
          });
      });
    }
    describe('refused whoever asks', () => {
      refusals(() => sides);
    });
    describe('start-up', () => {
      startUps(() => sides, major);
    });
  });
}

function compareAll(sides: () => Sides, scripts: readonly Script[], pace: Pace, major: number): void {
  for (const script of scripts.filter(({ since = 0 }) => major >= since)) {
    it(script.name, async () => {
      try {
        const [direct, proxied] = await sides().clients();
        const expected = await play(direct, script, pace);
        const seen = await play(proxied, script, pace);
        expect(seen).to.eql(expected);
      } catch (error) {
        sides().renew();
        throw error;
      }
    });
  }
  after(() => {
    (sides() as Sides | undefined)?.renew();
  });
}

/** Login messages without what differs by nature: the SASL exchange, and the value of the cancel key. */
function loginFacts(messages: readonly Message[]): string[] {
  return messages
    .filter(({ type, body }) => type !== 'R' || body.readInt32BE(0) === 0)
    .map(({ type, body }) => (type === 'K' ? `K ${String(body.length)} bytes` : `${type} ${body.toString('latin1')}`));
}

function refusals(sides: () => Sides): void {
  for (const text of REFUSED_WHOEVER_ASKS) {
    it(text, async () => {
      const client = await sides().proxied();
      const reply = await client.query(`select 1; ${text}; select 2`);
      expect(firstError(reply)?.C).to.equal('42501');
      expect(types(reply)).to.equal('TDCEZ');
      expect(rows(await client.query('select 3'))).to.eql([['3']]);
      await client.close();
    });
  }
}

function startUps(sides: () => Sides, major: number): void {
  const compare = async (options: Partial<LoginOptions>): Promise<void> => {
    const { settings } = sides();
    const direct = await sides().direct({ ...options, parameters: { ...settings, ...options.parameters } });
    const proxied = await sides().proxied(options);
    expect(loginFacts(proxied.loginMessages)).to.eql(loginFacts(direct.loginMessages));
    expect(await proxied.query('select 1')).to.eql(await direct.query('select 1'));
    await Promise.all([direct.close(), proxied.close()]);
  };
  it('protocol 3.0', () => compare({}));
  if (major >= 18) {
    // Older servers know 3.0 only; the proxy speaks 3.2 to its clients whatever the server is.
    it('protocol 3.2', () => compare({ version: frontend.PROTOCOL_3_2 }));
    it('a minor version to come', () => compare({ version: 0x0003_0063 }));
  }
  it('protocol options to come', () => compare({ version: frontend.PROTOCOL_3_0, parameters: { '_pq_.absent': '1' } }));
  it("settings in the packet are told in PostgreSQL's order", () =>
    compare({
      parameters: {
        datestyle: 'SQL, DMY',
        application_name: 'at start',
        timezone: 'Asia/Tokyo',
        intervalstyle: 'iso_8601',
      },
    }));
  it('settings by options', () => compare({ parameters: { options: '-c datestyle=German -c extra_float_digits=0' } }));
  it('a setting with a bad value ends the login as PostgreSQL does', async () => {
    const failure = async (login: Promise<RawClient>): Promise<unknown> =>
      await login.then(
        () => 'logged in',
        (error: unknown) => withoutPlace((error as { fields: object }).fields),
      );
    const parameters = { datestyle: 'absent' };
    const direct = await failure(sides().direct({ parameters: { ...sides().settings, ...parameters } }));
    expect(await failure(sides().proxied({ parameters }))).to.eql(direct);
  });
}

function withoutPlace(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([letter]) => !['F', 'L', 'R'].includes(letter)));
}
