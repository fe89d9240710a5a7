import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { expect } from 'chai';
import pg from 'pg';
import { encodeAuthenticationSasl } from '#proxy/protocols/postgres/encode-login';
import { LoginFraming } from '#proxy/protocols/postgres/decode-frames';
import { BACKEND, LARGE_MESSAGE_BYTES } from '#proxy/protocols/postgres/messages';
import { encodeMessage, encodeQuery } from '#proxy/protocols/postgres/encode';
import { SCRAM } from '#proxy/crypto/scram-messages';
import { makeCertificate } from '#test/harness/certificate';
import { requirePostgres } from '#test/harness/postgres-server';
import { dialFailure, tryDial } from './servers.ts';
import type { SnapshotBackend } from '#contract/snapshot/types';
import type { PostgresServer } from '#test/harness/postgres-server';
import type { DialTest } from './servers.ts';

const HBA = [
  'host all md5user 127.0.0.1/32 md5',
  'host all plain 127.0.0.1/32 password',
  'hostssl all tlsonly 127.0.0.1/32 scram-sha-256',
  'hostnossl all tlsonly 127.0.0.1/32 reject',
  'hostssl all plainonly 127.0.0.1/32 reject',
  'hostnossl all plainonly 127.0.0.1/32 scram-sha-256',
  'host all trusted 127.0.0.1/32 trust',
];

const ROLES = `
  set password_encryption = 'md5'; create role md5user login password 'pencil';
  set password_encryption = 'scram-sha-256';
  create role plain login password 'pencil';
  create role tlsonly login password 'pencil';
  create role plainonly login password 'pencil';
  create role trusted login;
  create role busy login password 'pencil';
  create role nowhere login password 'pencil';
  create database latin encoding 'LATIN1' locale 'C' template template0;
  create database closed; alter database closed allow_connections false;
  create database private; revoke connect on database private from public;
`;

/** Passwords whose bytes SASLprep changes, forbids or leaves alone, each in its way. */
const PASSWORDS = [
  'pencil',
  'ümläut',
  'I\u00adX',
  '\u00aa\u2168',
  'a\u00a0b',
  'é\u0007',
  '\u06271',
  '\u00ad',
  '\u{1f600}',
  'e\u0301',
  '日本',
];

for (const major of [15, 18] as const) {
  describe(`dial: PostgreSQL ${major}`, () => {
    const certificate = makeCertificate('elsewhere.test');
    let server: PostgresServer;

    before(async function () {
      this.timeout(60_000);
      server = await requirePostgres(this, { major, tls: certificate, hba: HBA });
      for (const statement of ROLES.split(';')) await sql(statement);
    });

    after(() => (server as PostgresServer | undefined)?.stop()); // absent where the suite is skipped

    async function sql(text: string): Promise<void> {
      const { host, port, user, password } = server;
      const client = new pg.Client({ host, port, user, password, database: 'postgres' });
      await client.connect();
      try {
        await client.query(text);
      } finally {
        await client.end();
      }
    }

    const test = (changes: Partial<DialTest> = {}): DialTest => ({
      port: server.port,
      user: server.user,
      password: server.password,
      ...changes,
    });

    const works = async (changes: Partial<DialTest>): Promise<void> => {
      const { socket, server: found, rest } = await tryDial(test(changes));
      expect([found.major, rest.length, found.key.length]).to.deep.equal([major, 0, major === 18 ? 32 : 4]);
      socket.destroy();
    };

    const failure = async (changes: Partial<DialTest>): Promise<readonly [string, string, string]> => {
      const error = await dialFailure(test(changes));
      expect(error.message).not.to.contain(changes.user ?? server.user);
      expect(error.message).not.to.contain(changes.password ?? server.password);
      return [error.code, error.sqlstate, error.message];
    };

    it('SCRAM in every TLS mode', async () => {
      for (const mode of ['disable', 'allow', 'prefer', 'require'] as const) await works({ mode });
      for (const mode of ['require', 'verify-ca', 'verify-full'] as const) await works({ mode, ca: certificate.ca });
    });

    it('the session is what was asked for', async () => {
      const settings = [
        ['search_path', 'pg_catalog'],
        ['application_name', 'ü'],
      ] as const;
      const { socket } = await tryDial(test({ settings }));
      socket.write(
        encodeQuery(Buffer.from("select current_setting('search_path') || current_setting('client_encoding')")),
      );
      const [reply] = (await once(socket, 'data')) as [Buffer];
      expect(reply.toString('latin1')).to.contain('pg_catalogUTF8');
      socket.destroy();
    });

    it('another CA, or the system\u2019s: refused', async () => {
      for (const mode of ['require', 'verify-ca', 'verify-full'] as const) {
        expect((await failure({ mode, ca: makeCertificate().ca }))[0], mode).to.equal('tls-failed');
      }
      expect((await failure({ mode: 'verify-ca' }))[0]).to.equal('tls-failed');
    });

    it('another host: refused by verify-full, not by verify-ca', async () => {
      const host = 'localhost';
      expect(await failure({ mode: 'verify-full', ca: certificate.ca, host })).to.deep.equal([
        'tls-failed',
        '08001',
        'no secure connection to the database server could be made',
      ]);
      await works({ mode: 'verify-ca', ca: certificate.ca, host });
    });

    it('a wrong password, an unknown role: 08004, and no word of who we are', async () => {
      const refused = ['refused', '08004', "the database server refused the proxy's own login"];
      expect(await failure({ password: 'wrong!' })).to.deep.equal(refused);
      expect(await failure({ user: 'nobody' })).to.deep.equal(refused);
    });

    it('md5', () => works({ user: 'md5user', password: 'pencil' }));

    it('trust: no password is asked for', () => works({ user: 'trusted', password: 'pencil' }));

    it('cleartext: only if allowed, and over verified TLS', async () => {
      const plain = { user: 'plain', password: 'pencil' };
      const verified = { ...plain, mode: 'verify-full', ca: certificate.ca } as const;
      await works({ ...verified, allowCleartextPassword: true });
      expect((await failure(verified))[0]).to.equal('method');
      expect((await failure({ ...plain, allowCleartextPassword: true }))[0]).to.equal('method');
      const unverified = { ...plain, mode: 'require', allowCleartextPassword: true } as const;
      expect((await failure(unverified))[0]).to.equal('method');
    });

    it('allow turns to TLS, prefer away from it, where the server wants that; require does not', async () => {
      await works({ user: 'tlsonly', password: 'pencil', mode: 'allow' });
      await works({ user: 'plainonly', password: 'pencil', mode: 'prefer' });
      expect((await failure({ user: 'plainonly', password: 'pencil', mode: 'require' }))[0]).to.equal('refused');
      expect((await failure({ user: 'tlsonly', password: 'pencil', mode: 'disable' }))[0]).to.equal('refused');
    });

    it('databases that are not there, closed, private or of another encoding', async () => {
      const busy = { user: 'nowhere', password: 'pencil' };
      const said = async (database: string): Promise<readonly string[]> => failure({ ...busy, database });
      expect(await said('absent')).to.deep.equal(['refused', '3D000', 'database "absent" does not exist']);
      expect((await said('closed')).slice(0, 2)).to.deep.equal(['refused', '55000']);
      expect((await said('private')).slice(0, 2)).to.deep.equal(['refused', '42501']);
      expect((await said('latin')).slice(0, 2)).to.deep.equal(['encoding', '0A000']);
    });

    it('a setting that the server refuses is told in its words', async () => {
      expect(await failure({ settings: [['timezone', 'Nowhere/Land']] })).to.deep.equal([
        'refused',
        '22023',
        'invalid value for parameter "TimeZone": "Nowhere/Land"',
      ]);
      expect((await failure({ settings: [['no_such', 'x']] }))[1]).to.equal('42704');
    });

    it('too many connections: 53300', async () => {
      await sql('alter role busy connection limit 0');
      expect((await failure({ user: 'busy', password: 'pencil' }))[1]).to.equal('53300');
    });

    it('passwords that SASLprep changes, forbids or leaves alone', async () => {
      await sql('create role sasl login');
      for (const password of PASSWORDS) {
        await sql(`alter role sasl password '${password}'`);
        await works({ user: 'sasl', password });
      }
    });

    describe('somebody in the middle', () => {
      const theirs = makeCertificate();

      /** Ends TLS on either side; `change` sees each message of the server. */
      async function middle(change: (type: number, whole: Buffer) => Buffer): Promise<{ port: number; stop(): void }> {
        const listener = net.createServer((raw) => {
          raw.once('data', () => {
            raw.write('S');
            const client = new tls.TLSSocket(raw, { isServer: true, cert: theirs.cert, key: theirs.key });
            void join(client.on('error', () => undefined));
          });
        });
        const join = async (client: tls.TLSSocket): Promise<void> => {
          const plain = net.connect(server.port, server.host);
          plain.write(Buffer.from('0000000804d2162f', 'hex'));
          await once(plain, 'data');
          const upstream = tls.connect({ socket: plain, rejectUnauthorized: false, ALPNProtocols: ['postgresql'] });
          upstream.on('error', () => undefined);
          const framing = new LoginFraming();
          client.on('data', (bytes: Buffer) => upstream.write(bytes));
          upstream.on('data', (bytes: Buffer) => {
            framing.push(bytes);
            for (;;) {
              const frame = framing.next({ untyped: false, limit: LARGE_MESSAGE_BYTES });
              if (frame === undefined) break;
              client.write(change(frame.type, encodeMessage(frame.type, frame.body)));
            }
          });
          upstream.on('close', () => client.end());
          client.on('close', () => upstream.end());
        };
        listener.listen(0, '127.0.0.1');
        await once(listener, 'listening');
        return { port: (listener.address() as net.AddressInfo).port, stop: () => listener.close() };
      }

      const through = async (
        mode: SnapshotBackend['tls']['mode'],
        change: (type: number, whole: Buffer) => Buffer,
      ): Promise<string> => {
        const inTheMiddle = await middle(change);
        try {
          const [code] = await failure({ port: inTheMiddle.port, mode });
          return code;
        } finally {
          inTheMiddle.stop();
        }
      };

      it('is found out by channel binding, even where no certificate is checked', async () => {
        expect(await through('require', (_type, whole) => whole)).to.equal('refused');
        expect(server.log()).to.contain('SCRAM channel binding check failed');
      });

      it('is found out when it takes -PLUS out of the offer', async () => {
        const strip = (type: number, whole: Buffer): Buffer =>
          type === BACKEND.Authentication && whole.includes('PLUS') ? encodeAuthenticationSasl([SCRAM]) : whole;
        expect(await through('require', strip)).to.equal('refused');
        expect(server.log()).to.contain('SCRAM channel binding negotiation error');
      });
    });
  });
}
