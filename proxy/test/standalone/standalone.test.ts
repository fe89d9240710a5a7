import { expect } from 'chai';
import { chmodSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import * as frontend from '../harness/frontend.ts';
import { makeCertificate } from '../harness/certificate.ts';
import { freePort } from '../harness/ports.ts';
import { requirePostgres } from '../harness/postgres-server.ts';
import type { PostgresServer } from '../harness/postgres-server.ts';
import { StandaloneProcess } from '../../../tools/demo/standalone-process.ts';

/** What a client is told before it proves anything (RFC 5802 §5.1: s). */
async function saltOf(port: number, user: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  const data = Buffer.from('n,,n=,r=0123456789abcdef');
  socket.write(frontend.startup({ user }));
  await once(socket, 'data');
  const length = Buffer.alloc(4);
  length.writeInt32BE(data.length);
  socket.write(frontend.passwordMessage(Buffer.concat([Buffer.from('SCRAM-SHA-256\0'), length, data])));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return /,s=([^,]+),/.exec(answer.toString('latin1'))?.[1] ?? '';
}

/** `articdbm standalone` as a process, over a folder that is edited while clients are connected. */
describe('articdbm standalone', () => {
  const PASSWORDS = { upstream: 'up-5f2c-secret', reader: 'reader-91ab-secret', other: 'other-77de-secret' };
  let server: PostgresServer;
  let stopServer: (() => Promise<void>) | undefined;
  let folder: string;
  let standalone: StandaloneProcess;
  let port: number;
  let admin: number;
  const clients: pg.Client[] = [];
  const processes: StandaloneProcess[] = [];

  before(async function () {
    server = await requirePostgres(this, { major: 18 });
    stopServer = () => server.stop();
    const { host, port: at, user, password } = server;
    const client = new pg.Client({ host, port: at, user, password, database: 'postgres' });
    await client.connect();
    await client.query(`create role shared login password '${PASSWORDS.upstream}'`);
    await client.query('grant create on schema public to shared');
    await client.query('create table public.t (id int, secret text); insert into t values (1, $$s$$)');
    await client.query('create table public.u (id int)');
    await client.query('grant all on public.t, public.u to shared');
    await client.end();
  });
  after(() => stopServer?.());

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'articdbm-standalone-'));
    chmodSync(folder, 0o755);
    write('backend.yaml', backendYaml('main', server.port));
    write('secrets.yaml', Object.entries(PASSWORDS).map(secretYaml).join('---\n'));
    write('users.yaml', `${userYaml('reader')}---\n${userYaml('other')}`);
    write('permissions.yaml', permissionYaml('reader', 'main', '[t]'));
  });
  afterEach(async () => {
    await Promise.allSettled(clients.splice(0).map((client) => client.end()));
    const output = processes.map((each) => each.told + each.logged).join('');
    await Promise.all(processes.splice(0).map((each) => each.stop()));
    rmSync(folder, { recursive: true });
    for (const password of Object.values(PASSWORDS)) expect(output).not.to.include(password);
  });

  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });

  async function start(drain = '500ms', ...flags: string[]): Promise<void> {
    port = await freePort();
    admin = await freePort();
    standalone = new StandaloneProcess([
      folder,
      `--listen=main=127.0.0.1:${port}`,
      `--admin=127.0.0.1:${admin}`,
      `--drain-timeout=${drain}`,
      ...flags,
    ]);
    processes.push(standalone);
    await standalone.until(/metrics on/);
  }

  async function connect(user: keyof typeof PASSWORDS, at = port): Promise<pg.Client> {
    const password = PASSWORDS[user];
    const client = new pg.Client({ host: '127.0.0.1', port: at, user, password, database: 'postgres' });
    client.on('error', () => undefined);
    clients.push(client);
    await client.connect();
    return client;
  }

  const codeOf = (query: Promise<unknown>): Promise<string | undefined> =>
    query.then(
      () => 'ok',
      (error: unknown) => (error as pg.DatabaseError).code ?? String(error),
    );

  /** Edits a file and waits for what the process says of it. */
  async function edit(name: string, text: string, told: RegExp): Promise<RegExpExecArray> {
    const from = standalone.told.length;
    write(name, text);
    return standalone.until(told, from);
  }

  it('serves logins by password, and shows the table', async () => {
    await start();
    const reader = await connect('reader');
    expect((await reader.query('select id from t')).rows).to.deep.equal([{ id: 1 }]);
    expect(await codeOf(reader.query('select * from u'))).to.equal('42501');
    const wrong = new pg.Client({ host: '127.0.0.1', port, user: 'reader', password: 'wrong', database: 'postgres' });
    expect(await codeOf(wrong.connect())).to.equal('28P01');
    expect(standalone.told).to.match(/^main +postgresql +127\.0\.0\.1:\d+ +postgres +127\.0\.0\.1:\d+ +True$/m);
    expect(standalone.told).to.match(/^reader-on-main +reader +main +1 +never +True$/m);
  });

  it('a restart changes the salts of known users no more than those of unknown ones', async () => {
    const salts: string[][] = [];
    for (let round = 0; round < 2; round += 1) {
      await start();
      salts.push([await saltOf(port, 'reader'), await saltOf(port, 'nobody'), await saltOf(port, 'no-one')]);
      await standalone.stop();
    }
    expect(new Set(salts[0]).size).to.equal(3);
    expect(salts[1]).to.deep.equal(salts[0]);
  });

  it('an edited permission is felt by an open session’s next statement, prepared ones too', async () => {
    await start();
    const reader = await connect('reader');
    const prepared = { name: 'p', text: 'select id from t' };
    expect(await codeOf(reader.query(prepared))).to.equal('ok');
    await edit('permissions.yaml', permissionYaml('reader', 'main', '[u]'), /is in force/);
    expect(await codeOf(reader.query(prepared))).to.equal('42501');
    expect(await codeOf(reader.query('select * from u'))).to.equal('ok');
    await edit('permissions.yaml', permissionYaml('reader', 'main', '[t]'), /is in force/);
    expect(await codeOf(reader.query(prepared))).to.equal('ok');
  });

  it('a file that is replaced by a rename, as editors do, is seen', async () => {
    await start();
    const reader = await connect('reader');
    const from = standalone.told.length;
    write('.permissions.yaml.new', permissionYaml('reader', 'main', '[u]'));
    renameSync(join(folder, '.permissions.yaml.new'), join(folder, 'permissions.yaml'));
    await standalone.until(/is in force/, from);
    expect(await codeOf(reader.query('select id from t'))).to.equal('42501');
  });

  it('a file that goes away takes its permissions with it', async () => {
    await start();
    const reader = await connect('reader');
    const from = standalone.told.length;
    unlinkSync(join(folder, 'permissions.yaml'));
    await standalone.until(/is in force/, from);
    expect(await codeOf(reader.query('select id from t'))).not.to.equal('ok');
  });

  it('what is not valid changes nothing, and says what is wrong with file and line', async () => {
    await start();
    const reader = await connect('reader');
    await edit('permissions.yaml', 'kind: [', /permissions\.yaml:1:\d+: error: [^]*stays in force/);
    expect(await codeOf(reader.query('select id from t'))).to.equal('ok');
    expect(await codeOf(reader.query('select id from u'))).to.equal('42501');
    await connect('reader');
    await edit('permissions.yaml', permissionYaml('reader', 'main', '[u]'), /is in force/);
    expect(await codeOf(reader.query('select id from t'))).to.equal('42501');
  });

  it('a wrong resource beside a good change holds the change up, and the policy’s age tells', async () => {
    await start();
    const bad = userYaml('other').replace('username', 'usernam');
    const [told] = await edit(
      'users.yaml',
      `${userYaml('reader')}---\n${bad}`,
      /users\.yaml:\d+:\d+: error: .*usernam: .*\n/,
    );
    expect(told).to.include('did you mean username?');
    const age = async (): Promise<number> =>
      Number(/^articdbm_proxy_policy_age_seconds (\S+)$/m.exec(await get('/metrics'))?.[1]);
    const before = await age();
    await delay(2_300); // longer than the regular look, which would have confirmed a sound folder
    expect(await age()).to.be.above(before + 2);
  });

  it('a user whose Secret is missing is not ready, and holds up no other', async () => {
    await start();
    const nobody = userYaml('other').replace('name: other-password', 'name: nowhere');
    const [told] = await edit(
      'users.yaml',
      `${userYaml('reader')}---\n${nobody}`,
      /users\.yaml:\d+:\d+: error: [^]*other.*SecretNotFound/,
    );
    expect(told).to.include('there is no Secret default/nowhere');
    await connect('reader');
    expect(await codeOf(connect('other'))).to.equal('28P01');
  });

  it('a disabled user’s open session is closed with its reason', async () => {
    await start();
    const reader = await connect('reader');
    const ended = new Promise<Error>((resolve) => reader.once('error', resolve));
    write('users.yaml', `${userYaml('reader', 'enabled: false')}---\n${userYaml('other')}`);
    expect((await ended).message).to.equal('terminating connection: user "reader" has been disabled');
    expect(await codeOf(connect('reader'))).to.equal('28P01');
  });

  it('a changed password holds from the next login on, and open sessions stay', async () => {
    await start();
    const reader = await connect('reader');
    const { reader: _old, ...rest } = PASSWORDS;
    await edit(
      'secrets.yaml',
      Object.entries({ ...rest, reader: 'another' })
        .map(secretYaml)
        .join('---\n'),
      /is in force/,
    );
    expect(await codeOf(connect('reader'))).to.equal('28P01');
    expect(await codeOf(reader.query('select id from t'))).to.equal('ok');
  });

  it('a backend that comes later gets a listener of its own', async () => {
    await start();
    write('permissions2.yaml', permissionYaml('reader', 'aaa', '[t]'));
    const [, later] = await edit(
      'backend2.yaml',
      backendYaml('aaa', server.port),
      /^aaa +.* 127\.0\.0\.1:(\d+) +True$/m,
    );
    expect(Number(later)).to.be.at.least(15_432);
    const reader = await connect('reader', Number(later));
    expect(await codeOf(reader.query('select id from t'))).to.equal('ok');
  });

  it('SIGTERM ends sessions with 57P01 and the process with 0', async () => {
    await start();
    const reader = await connect('reader');
    const ended = new Promise<Error>((resolve) => reader.once('error', resolve));
    expect(await standalone.stop()).to.equal(0);
    expect(await ended).to.have.property('code', '57P01');
  });

  it('a second signal ends it at once, whatever is going on', async () => {
    await start('60s');
    const reader = await connect('reader');
    void reader.query('select pg_sleep(30)').catch(() => undefined);
    void reader
      .query('select id from t cross join generate_series(1, 1000000000) where random() < 0')
      .catch(() => undefined);
    await delay(300);
    standalone.signal('SIGTERM');
    await standalone.until(/stopping/);
    const started = performance.now();
    standalone.signal('SIGINT');
    expect(await standalone.ended()).to.equal(1);
    expect(performance.now() - started).to.be.below(3_000);
  });

  it('a bad folder at the first start: all its problems and exit 1', async () => {
    write('users.yaml', 'kind: DbUser\n');
    write('permissions.yaml', 'x: [');
    const failed = new StandaloneProcess([folder]);
    expect(await failed.ended()).to.equal(1);
    expect(failed.told)
      .to.match(/permissions\.yaml:\d+:\d+: error/)
      .and.to.match(/users\.yaml:\d+:\d+: error/);
  });

  it('--require-tls refuses who does not encrypt; a new certificate is served to new connections', async () => {
    const [one, two] = [makeCertificate(), makeCertificate()];
    write('cert.pem', one.cert);
    write('key.pem', one.key);
    const tls = [`--tls-cert=${join(folder, 'cert.pem')}`, `--tls-key=${join(folder, 'key.pem')}`, '--require-tls'];
    await start('500ms', ...tls);
    const login = (ssl?: pg.ClientConfig['ssl']): pg.Client => {
      const client = new pg.Client({
        ...{ host: '127.0.0.1', port, user: 'reader', password: PASSWORDS.reader, database: 'postgres' },
        ...(ssl === undefined ? {} : { ssl }),
      });
      client.on('error', () => undefined);
      clients.push(client);
      return client;
    };
    const encrypted = (ca: string): pg.Client => login({ ca, servername: 'localhost' });
    expect(await codeOf(login().connect())).to.equal('28000');
    for (let wait = 0; wait < 200 && standalone.logged === ''; wait += 1) await delay(10);
    expect(standalone.logged).to.match(/"kind":"login".*"outcome":"refused".*"reason":"tls-required"/);
    const before = encrypted(one.ca);
    await before.connect();
    await edit('cert.pem', two.cert, /no certificate and its key \(PEM\): the certificate that is served stays/);
    await encrypted(one.ca).connect();
    await edit('key.pem', two.key, /new connections are served with the certificate as it is now/);
    await encrypted(two.ca).connect();
    expect(await codeOf(encrypted(one.ca).connect())).not.to.equal('ok');
    expect((await before.query('select id from t')).rows).to.deep.equal([{ id: 1 }]);
    const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
    const end = Number(/^articdbm_proxy_certificate_end_seconds (\d+)$/m.exec(metrics)?.[1]);
    expect(end * 1000).to.equal(new X509Certificate(two.cert).validToDate.getTime());
  }).timeout(30_000);

  it('serves TLS with the certificate that it is given, and refuses a key that is another’s', async () => {
    const [one, two] = [makeCertificate(), makeCertificate()];
    write('cert.pem', one.cert);
    write('key.pem', one.key);
    write('other.pem', two.key);
    const cert = `--tls-cert=${join(folder, 'cert.pem')}`;
    await start('500ms', cert, `--tls-key=${join(folder, 'key.pem')}`);
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'reader',
      password: PASSWORDS.reader,
      database: 'postgres',
      ssl: { ca: one.ca, servername: 'localhost' },
    });
    clients.push(client);
    await client.connect();
    expect((await client.query('select id from t')).rows).to.deep.equal([{ id: 1 }]);
    const wrong = new StandaloneProcess([folder, cert, `--tls-key=${join(folder, 'other.pem')}`]);
    expect(await wrong.ended()).to.equal(2);
    expect(wrong.told).to.include('no certificate and its key');
  });

  it('an address that is taken: says so, and exit 1', async () => {
    await start();
    const second = new StandaloneProcess([folder, `--listen=main=127.0.0.1:${port}`]);
    expect(await second.ended()).to.equal(1);
    expect(second.told).to.include(`127.0.0.1:${port} for default/main can not be opened (EADDRINUSE)`);
    const third = new StandaloneProcess([folder, `--admin=127.0.0.1:${admin}`]);
    expect(await third.ended()).to.equal(1);
    expect(third.told).to.equal(
      `articdbm: --admin: 127.0.0.1:${admin} can not be opened (EADDRINUSE): choose another\n`,
    );
  });

  it('admin endpoints: alive, ready, metrics; audit events on stdout, none with a text nobody asked for', async () => {
    await start();
    const reader = await connect('reader');
    await reader.query("select id from t where secret = 'constant-4711'");
    await codeOf(reader.query('select * from u'));
    expect(await get('/healthz')).to.equal('ok\n');
    expect(await get('/readyz')).to.equal('ok\n');
    const metrics = await get('/metrics');
    expect(metrics).to.match(
      /articdbm_proxy_statements_total\{backend="default\/main",action="read",outcome="ok"\} 1\n/,
    );
    expect(metrics).to.match(/articdbm_proxy_denials_total\{backend="default\/main",reason="permission"\} 1\n/);
    expect(metrics).to.match(/articdbm_proxy_policy_revision \d{13}\n/);
    expect(metrics).not.to.match(/reader|public\.t|select/);
    await standalone.stop();
    const events = standalone.logged
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ audit }) => audit === true);
    expect(events.map(({ kind, outcome }) => `${String(kind)} ${String(outcome)}`)).to.include.members([
      'login ok',
      'statement ok',
      'denial refused',
    ]);
    expect(standalone.logged).not.to.include('constant-4711');
  });

  it('salts are those of before after a restart', async () => {
    const verifierOf = async (): Promise<string> => {
      const { createVerifiers } = await import('#cli/standalone/verifiers');
      return createVerifiers(folder)({ metadata: { name: 'reader' } } as never, 'password');
    };
    expect(await verifierOf()).to.equal(await verifierOf());
  });

  const get = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${admin}${path}`)).text();
});

const backendYaml = (name: string, port: number): string => `apiVersion: articdbm.io/v1alpha1
kind: DatabaseBackend
metadata: {name: ${name}}
spec:
  protocol: postgresql
  endpoints: [{name: primary, host: 127.0.0.1, port: ${port}}]
  database: postgres
  credentialsSecretRef: {name: upstream-password}
  tls: {mode: disable}
  security: {audit: access}
`;

const secretYaml = ([name, password]: [string, string]): string => `apiVersion: v1
kind: Secret
metadata: {name: ${name}-password}
stringData: {username: shared, password: ${password}}
`;

const userYaml = (name: string, more = 'enabled: true'): string => `apiVersion: articdbm.io/v1alpha1
kind: DbUser
metadata: {name: ${name}}
spec:
  username: ${name}
  passwordSecretRef: {name: ${name}-password}
  ${more}
`;

const permissionYaml = (user: string, backend: string, tables: string): string => `apiVersion: articdbm.io/v1alpha1
kind: DbPermission
metadata: {name: ${user}-on-${backend}}
spec:
  userRef: {name: ${user}}
  backendRef: {name: ${backend}}
  rules: [{sql: {tables: ${tables}, actions: [read]}}]
`;
