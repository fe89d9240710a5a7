import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { serialiseSnapshot } from '#contract/snapshot/serialise';
import { makeCertificate, type TestCertificate } from '../harness/certificate.ts';
import { freePort } from '../harness/ports.ts';
import { requirePostgres } from '../harness/postgres-server.ts';
import type { PostgresServer } from '../harness/postgres-server.ts';
import { MAY_ALL, testSnapshot } from '../harness/snapshot.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** The small bundle, as a sidecar's image will have it: copied away from the sources and their packages. */
describe('the proxy bundle', () => {
  let server: PostgresServer;
  let folder: string;
  let child: ChildProcess;
  let output = '';
  const place = { port: 0, admin: 0 };
  /** Of what was started; nothing was where the suite is skipped. */
  const putAway: (() => unknown)[] = [];

  before(async function () {
    server = await requirePostgres(this, { major: 18 });
    putAway.push(() => server.stop());
    folder = mkdtempSync(join(tmpdir(), 'articdbm-bundle-'));
    putAway.push(() => rmSync(folder, { recursive: true }));
    const built = spawnSync(process.execPath, ['tools/build/bundle.ts', folder], { cwd: ROOT, encoding: 'utf8' });
    expect(built.status, built.stderr).to.equal(0);
    writePolicy(['t']);
    const logins = { 'test/main': { username: server.user, password: server.password } };
    writeFileSync(join(folder, 'logins.json'), JSON.stringify(logins), { mode: 0o600 });
    writeCertificate(makeCertificate());
    place.port = await freePort();
    place.admin = await freePort();
    child = spawn(
      process.execPath,
      [
        'articdbm-proxy.js',
        'proxy',
        '--policy=policy.json',
        '--logins=logins.json',
        `--listen=test/main=*:${place.port}`,
        `--admin=127.0.0.1:${place.admin}`,
        ...['--tls-cert=cert.pem', '--tls-key=key.pem'],
      ],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    putAway.push(async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      expect(output).not.to.include(server.password);
    });
    await ready();
  });
  after(async () => {
    for (const put of putAway.toReversed()) await put();
    for (const secret of ['admin-secret', 'reader-secret']) expect(output).not.to.include(secret);
  });

  function writePolicy(tables: string[]): void {
    const { host, port } = server;
    const rule = { databases: ['postgres'], schemas: ['public'], tables, actions: ['select' as const] };
    const users = [
      { name: 'admin', password: 'admin-secret', rules: [MAY_ALL] },
      { name: 'reader', password: 'reader-secret', rules: [rule] },
    ];
    writeFileSync(join(folder, 'policy.json'), serialiseSnapshot(testSnapshot({ host, port, users })));
  }

  function writeCertificate({ cert, key }: TestCertificate): void {
    writeFileSync(join(folder, 'cert.pem'), cert);
    writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
  }

  async function ready(): Promise<void> {
    for (let attempt = 0; attempt < 500; attempt += 1) {
      const answer = await fetch(`http://127.0.0.1:${place.admin}/readyz`).catch(() => undefined);
      if (answer?.ok === true) return;
      if (child.exitCode !== null) break;
      await delay(20);
    }
    throw new Error(`the bundle is not ready: ${output}`);
  }

  async function connect(user: string): Promise<pg.Client> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: place.port,
      user,
      password: `${user}-secret`,
      database: 'postgres',
    });
    await client.connect();
    return client;
  }

  it('has worker and grammars beside it, and nothing of the command line', () => {
    for (const file of ['articdbm-proxy.js', 'worker.js', 'ready.js', 'pg-query-15.wasm', 'pg-query-18.wasm']) {
      expect(existsSync(join(folder, file)), file).to.equal(true);
    }
  });

  it('has a startup probe that prints what /readyz says, by itself', () => {
    const probe = (admin: string): unknown[] => {
      const env = { ARTICDBM_ADMIN: admin };
      const { status, stdout, stderr } = spawnSync(process.execPath, ['ready.js'], {
        cwd: folder,
        encoding: 'utf8',
        env,
      });
      return [status, stdout, stderr];
    };
    expect(probe(`0.0.0.0:${place.admin}`)).to.deep.equal([0, 'ok\n', '']);
    expect(probe('127.0.0.1:1')).to.deep.equal([1, 'the proxy does not answer on port 1 yet (ECONNREFUSED)\n', '']);
    expect(readFileSync(join(folder, 'ready.js'), 'utf8').match(/from"[^"]+"/g)).to.deep.equal(['from"node:http"']);
  });

  it('serves, judges, and parses large texts in its worker', async () => {
    const admin = await connect('admin');
    await admin.query('create table t (id int); create table u (id int)');
    const reader = await connect('reader');
    const large = `select id from t where id in (${Array.from({ length: 5_000 }, (_, n) => n).join(',')})`;
    expect((await reader.query(large)).rows).to.deep.equal([]);
    const refused = await reader.query('select * from u').catch((error: unknown) => error);
    expect(refused).to.have.property('code', '42501');
    await Promise.all([admin.end(), reader.end()]);
    const metrics = await (await fetch(`http://127.0.0.1:${place.admin}/metrics`)).text();
    expect(Number(/event="elsewhere"\} (\d+)/.exec(metrics)?.[1])).to.be.above(0);
  });

  it('SIGHUP reads the policy again; one that is not valid changes nothing', async () => {
    const reader = await connect('reader');
    const tried = async (sql: string): Promise<unknown> =>
      reader.query(sql).then(
        () => 'ok',
        (error: unknown) => (error as pg.DatabaseError).code,
      );
    expect(await tried('select id from u')).to.equal('42501');
    writePolicy(['u']);
    child.kill('SIGHUP');
    for (let attempt = 0; attempt < 200 && (await tried('select id from u')) !== 'ok'; attempt += 1) await delay(20);
    expect(await tried('select id from u')).to.equal('ok');
    expect(await tried('select id from t')).to.equal('42501');
    writeFileSync(join(folder, 'policy.json'), '{"format": 99}');
    child.kill('SIGHUP');
    for (let attempt = 0; attempt < 200 && !output.includes('in force stays'); attempt += 1) await delay(20);
    expect(output).to.match(/policy\.json can not be read \(\w+\): what is in force stays/);
    expect(await tried('select id from u')).to.equal('ok');
    await reader.end();
  });

  it('SIGHUP looks at the certificate again; one that is not valid changes nothing', async () => {
    const served = async (ca: string): Promise<string> => {
      const client = new pg.Client({
        ...{ host: '127.0.0.1', port: place.port, user: 'reader', password: 'reader-secret', database: 'postgres' },
        ssl: { ca, servername: 'localhost' },
      });
      client.on('error', () => undefined);
      return client.connect().then(
        async () => client.end().then(() => 'ok'),
        (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
      );
    };
    const renewed = makeCertificate();
    expect(await served(renewed.ca)).not.to.equal('ok');
    writeCertificate(renewed);
    child.kill('SIGHUP');
    for (let attempt = 0; attempt < 200 && (await served(renewed.ca)) !== 'ok'; attempt += 1) await delay(20);
    expect(await served(renewed.ca)).to.equal('ok');
    writeCertificate({ ...makeCertificate(), key: renewed.key });
    child.kill('SIGHUP');
    for (let attempt = 0; attempt < 200 && !output.includes('served stays'); attempt += 1) await delay(20);
    expect(output).to.include('no certificate and its key (PEM): the certificate that is served stays');
    expect(await served(renewed.ca)).to.equal('ok');
  });

  it('is reached by IPv4, and by IPv6 where there is some; events have each peer by its own address', async () => {
    const six = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));
    for (const host of six ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
      const client = new pg.Client({ host, port: place.port, user: 'reader', password: 'no', database: 'postgres' });
      client.on('error', () => undefined);
      const refused = await client.connect().catch((error: unknown) => error);
      expect(refused, host).to.have.property('code', '28P01');
      const peer = `"client":"${host === '::1' ? '[::1]' : host}:`;
      for (let attempt = 0; attempt < 100 && !output.includes(peer); attempt += 1) await delay(20);
      expect(output).to.include(peer);
    }
  });
});
