import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { expect } from 'chai';
import pg from 'pg';
import { acceptClient } from '#proxy/connection-accept';
import { tlsServerEndPoint } from '#proxy/crypto/channel-binding';
import { scramVerifier } from '#contract/snapshot/verifier';
import { decodeErrorFields, errorField } from '#proxy/protocols/postgres/decode';
import { encodeCommandComplete, encodeReadyForQuery } from '#proxy/protocols/postgres/encode';
import { encodeGssEncryptionRequest, encodeSslRequest, encodeStartup } from '#proxy/protocols/postgres/encode-login';
import { postgresql } from '#proxy/protocols/postgres/protocol';
import { makeCertificate } from '#test/harness/certificate';
import { skipUnless } from '#test/harness/skip';
import { WELCOME } from './servers.ts';
import type { Accepted } from '#proxy/connection-accept';
import type { ClientLogin } from '#proxy/protocols/login';

/** once() would reject on the errors that are to be. */
const closed = (socket: net.Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

/** The client's login as it is in the proxy, and behind it a server that answers each query by nothing. */
describe('accept: real clients', () => {
  const certificate = makeCertificate();
  const channel = {
    context: tls.createSecureContext({ cert: certificate.cert, key: certificate.key }),
    alpn: postgresql.alpn,
    serverEndPoint: tlsServerEndPoint(new X509Certificate(certificate.cert).raw),
  };
  const verifiers = new Map(
    ['pencil', 'ümläut', '\u2168'].map((password) => [password, scramVerifier(password, Buffer.alloc(16, 1))]),
  );
  let password = 'pencil';
  let requireTls = false;
  let outcomes: (Accepted | undefined)[] = [];
  let port = 0;

  const listener = net.createServer((socket) => {
    socket.on('error', () => undefined);
    void serve(socket);
  });

  async function serve(tcp: net.Socket): Promise<void> {
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(18))).toString('base64');
    const context = { tlsAvailable: true, requireTls, nonce, mockSecret: Buffer.from('x') };
    const accepted = await acceptClient(tcp, {
      acceptance: postgresql.startAccept(context),
      tls: channel,
      identify: (user) => ({ kind: 'verifier', verifier: user === 'nobody' ? undefined : verifiers.get(password) }),
      signal: AbortSignal.timeout(5_000),
    });
    outcomes.push(accepted);
    if (accepted?.kind !== 'login') return void tcp.end();
    const { socket } = accepted;
    socket.write(WELCOME);
    socket.on('data', (bytes: Buffer) => {
      if (bytes[0] === 'X'.charCodeAt(0)) socket.end();
      else socket.write(Buffer.concat([encodeCommandComplete('SELECT 0'), encodeReadyForQuery('I')]));
    });
  }

  before(async () => {
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    port = (listener.address() as net.AddressInfo).port;
  });

  after(() => listener.close());

  beforeEach(() => {
    outcomes = [];
    password = 'pencil';
    requireTls = false;
  });

  const login = (): ClientLogin => {
    const found = outcomes.find((outcome) => outcome?.kind === 'login');
    if (found?.kind !== 'login') throw new Error('nobody logged in');
    return found.login;
  };

  describe('pg', () => {
    const connect = async (config: pg.ClientConfig = {}): Promise<void> => {
      const client = new pg.Client({
        host: '127.0.0.1',
        port,
        user: 'u',
        password: 'pencil',
        database: 'd',
        ...config,
      });
      await client.connect();
      await client.query('select');
      await client.end();
    };

    it('plain', async () => {
      await connect({ application_name: 'app', options: '-c statement_timeout=1s' });
      expect(login()).to.deep.include({ user: 'u', database: 'd', minor: 0, tls: false });
      expect(login().settings).to.deep.include(['statement_timeout', '1s']);
    });

    it('TLS, with and without channel binding', async () => {
      const ssl = { ca: certificate.ca, servername: 'localhost' };
      await connect({ ssl });
      await connect({ ssl, enableChannelBinding: true });
      expect(outcomes.map((outcome) => outcome?.kind)).to.deep.equal(['login', 'login']);
    });

    it('passwords that SASLprep changes', async () => {
      for (const each of verifiers.keys()) {
        password = each;
        await connect({ password: each });
      }
      password = '\u2168';
      await connect({ password: 'IX' });
    });

    it('a wrong password, an unknown user, a setting that is not allowed', async () => {
      const refused = async (config: pg.ClientConfig): Promise<unknown[]> => {
        try {
          await connect(config);
          return [];
        } catch (error) {
          if (error instanceof pg.DatabaseError) return [error.code, error.message];
          throw error;
        }
      };
      expect(await refused({ password: 'x' })).to.deep.equal(['28P01', 'password authentication failed for user "u"']);
      expect(await refused({ user: 'nobody' })).to.deep.equal([
        '28P01',
        'password authentication failed for user "nobody"',
      ]);
      expect((await refused({ options: '-c local_preload_libraries=x' }))[0]).to.equal('42501');
      requireTls = true;
      expect((await refused({}))[0]).to.equal('28000');
    });
  });

  describe('psql', () => {
    before(function () {
      skipUnless(this, spawnSync('psql', ['--version']).status === 0, 'psql');
    });

    const psql = async (parameters: string, secret = 'pencil'): Promise<string> => {
      const child = spawn('psql', ['-X', '-c', 'select', `host=127.0.0.1 port=${port} user=u dbname=d ${parameters}`], {
        env: { ...process.env, PGPASSWORD: secret },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
      const [status] = (await once(child, 'close')) as [number];
      return status === 0 ? 'ok' : output;
    };

    it('plain, and TLS with channel binding required', async () => {
      expect(await psql('sslmode=disable')).to.equal('ok');
      expect(await psql('sslmode=require channel_binding=require')).to.equal('ok');
      expect(outcomes.map((outcome) => outcome?.kind === 'login' && outcome.login.tls)).to.deep.equal([false, true]);
    });

    it('is refused in the words that it knows', async () => {
      expect(await psql('sslmode=disable', 'x')).to.contain('FATAL:  password authentication failed for user "u"');
      expect(await psql('sslmode=disable replication=database')).to.contain('FATAL:  replication connections');
    });
  });

  describe('by hand', () => {
    /** Everything that comes back until the connection ends. */
    const talk = async (...chunks: readonly Buffer[]): Promise<Buffer> => {
      const socket = net.connect(port, '127.0.0.1');
      const received: Buffer[] = [];
      socket.on('data', (bytes: Buffer) => received.push(bytes)).on('error', () => undefined);
      for (const chunk of chunks) socket.write(chunk);
      socket.end();
      await closed(socket);
      return Buffer.concat(received);
    };

    const sqlstate = (bytes: Buffer): string | undefined => errorField(decodeErrorFields(bytes.subarray(5)), 'C');

    it('a start-up message behind SSLRequest, to be taken for an encrypted one, is not answered', async () => {
      const answer = await talk(Buffer.concat([encodeSslRequest(), encodeStartup(0, [['user', 'u']])]));
      expect(answer.toString()).to.equal('S');
      expect(outcomes[0]).to.deep.equal({ kind: 'refused', reason: 'tls' });
    });

    it('a start-up message behind GSSENCRequest is none of an encrypted channel, and goes on', async () => {
      const answer = await talk(Buffer.concat([encodeGssEncryptionRequest(), encodeStartup(0, [['user', 'u']])]));
      expect(answer.toString('latin1')).to.match(/^NR[^]*SCRAM-SHA-256\0/);
    });

    it('HTTP, a length beyond all limits, and nothing', async () => {
      expect(sqlstate(await talk(Buffer.from('GET / HTTP/1.1\r\n\r\n')))).to.equal('08P01');
      expect(sqlstate(await talk(Buffer.from('7fffffff00030000', 'hex')))).to.equal('08P01');
      expect((await talk()).length).to.equal(0);
    });

    it('byte by byte', async () => {
      const bytes = encodeStartup(2, [['user', 'u']]);
      const answer = await talk(...Array.from(bytes, (byte) => Buffer.from([byte])));
      expect(answer[0]).to.equal('R'.charCodeAt(0));
    });

    const direct = async (ALPNProtocols: string[]): Promise<string> => {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ...(ALPNProtocols.length > 0 ? { ALPNProtocols } : {}),
      });
      let received = '';
      socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1'))).on('error', () => undefined);
      socket.write(encodeStartup(2, [['user', 'u']]));
      const timer = setTimeout(() => socket.end(), 300);
      await closed(socket);
      clearTimeout(timer);
      return received;
    };

    it('direct TLS, by ALPN only', async () => {
      expect(await direct(['postgresql'])).to.contain('SCRAM-SHA-256-PLUS');
      expect(await direct([])).to.equal('');
      expect(await direct(['h2'])).to.equal('');
    });
  });
});
