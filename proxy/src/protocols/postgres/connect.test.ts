import { pbkdf2Sync } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { md5Password } from '#proxy/crypto/md5';
import { SCRAM, SCRAM_PLUS } from '#proxy/crypto/scram-messages';
import { scramVerifier } from '#contract/snapshot/verifier';
import { parseScramVerifier } from '#proxy/crypto/scram';
import { serverScramFinal, serverScramFirst } from '#proxy/crypto/scram-server';
import { connect, connectStart } from './connect.ts';
import { decodePassword, decodeSaslInitialResponse, decodeStartup } from './decode-login.ts';
import * as login from './encode-login.ts';
import * as encode from './encode.ts';
import type { TlsMode } from '#contract/snapshot/types';
import type { ServerScram } from '#proxy/crypto/scram-server';
import type { ConnectEffect, ConnectInput, TlsFacts } from '../login.ts';
import type { ConnectContext, ConnectState } from './connect.ts';

const CONTEXT: ConnectContext = {
  login: { username: 'upstream', password: 'pencil' },
  database: 'orders',
  tlsMode: 'disable',
  allowCleartextPassword: false,
  settings: [['search_path', 'public']],
  nonce: 'clientnonce',
  minor: 2,
};

const VERIFIER = parseScramVerifier(scramVerifier('pencil', Buffer.alloc(16, 1), 4096))!;
const END_POINT = Buffer.alloc(32, 5);

/** What PostgreSQL 18 reports at login. */
const PARAMETERS: Readonly<Record<string, string>> = {
  in_hot_standby: 'off',
  integer_datetimes: 'on',
  TimeZone: 'UTC',
  IntervalStyle: 'postgres',
  search_path: 'public',
  is_superuser: 'off',
  application_name: '',
  default_transaction_read_only: 'off',
  scram_iterations: '4096',
  DateStyle: 'ISO, MDY',
  standard_conforming_strings: 'on',
  session_authorization: 'upstream',
  client_encoding: 'UTF8',
  server_version: '18.1 (Debian 18.1-1)',
  server_encoding: 'UTF8',
};

class Login {
  state: ConnectState;
  effects: readonly ConnectEffect[] = [];

  constructor(context: Partial<ConnectContext> = {}) {
    this.state = connectStart({ ...CONTEXT, ...context });
    this.feed({ kind: 'connected' });
  }

  feed(...inputs: readonly ConnectInput[]): this {
    for (const input of inputs) [this.state, this.effects] = connect(this.state, input);
    return this;
  }

  /** Server messages, each whole. */
  say(...messages: readonly Buffer[]): this {
    for (const bytes of messages) {
      this.feed({ kind: 'frame', frame: { type: bytes[0]!, body: bytes.subarray(5) } });
      const derive = this.effects.at(-1);
      if (derive?.kind !== 'derive-key') continue;
      const { password, salt, iterations } = derive;
      this.feed({ kind: 'derived-key', saltedPassword: pbkdf2Sync(password, salt, iterations, 32, 'sha256') });
    }
    return this;
  }

  get kinds(): readonly string[] {
    return this.effects.map((effect) => effect.kind);
  }

  get sent(): Buffer {
    return Buffer.concat(this.effects.flatMap((effect) => (effect.kind === 'to-server' ? [effect.bytes] : [])));
  }

  get failure(): string {
    const last = this.effects.at(-1);
    return last?.kind === 'failed' ? last.reason : `not failed: ${this.kinds.join(' ')}`;
  }
}

const report = (changes: Readonly<Record<string, string | undefined>> = {}): Buffer[] =>
  Object.entries({ ...PARAMETERS, ...changes }).flatMap(([name, value]) =>
    value === undefined ? [] : [encode.encodeParameterStatus(name, value)],
  );

const KEY = login.encodeBackendKeyData(7, Buffer.from([1, 2, 3, 4]));
const READY = encode.encodeReadyForQuery('I');
const OK = login.encodeAuthenticationOk();

interface Scram {
  readonly mechanisms?: readonly string[];
  readonly endPoint?: Buffer;
}

/** An honest server's SCRAM up to its proof. Returns the proof unsaid. */
function scram(client: Login, { mechanisms = [SCRAM], endPoint }: Scram = {}): { state: ServerScram; proof: Buffer } {
  client.say(login.encodeAuthenticationSasl(mechanisms));
  const { mechanism, data } = decodeSaslInitialResponse(client.sent.subarray(5));
  const [state, first] = serverScramFirst(
    {
      mechanism: mechanism.toString() === SCRAM_PLUS ? SCRAM_PLUS : SCRAM,
      verifier: VERIFIER,
      nonce: 'servernonce',
      endPoint,
    },
    data!,
  );
  client.say(login.encodeAuthenticationSaslContinue(first));
  const outcome = serverScramFinal(state, client.sent.subarray(5));
  if (!outcome.ok) throw new Error('wrong proof');
  return { state, proof: login.encodeAuthenticationSaslFinal(outcome.message) };
}

const answered = (byte: string): ConnectInput => ({ kind: 'ssl-answer', byte: byte.charCodeAt(0) });
const secured = (facts: Partial<TlsFacts> = {}): ConnectInput => ({
  kind: 'tls-established',
  facts: { alpn: null, ...facts },
});

describe('connect: encryption', () => {
  it('disable and allow begin plainly, all others ask', () => {
    const first = (tlsMode: TlsMode): string => decodeStartup(new Login({ tlsMode }).sent.subarray(4)).kind;
    expect(['disable', 'allow'].map((mode) => first(mode as TlsMode))).to.deep.equal(['startup', 'startup']);
    for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full'] as const) expect(first(mode)).to.equal('ssl');
  });

  it('a server without TLS will do for prefer only', () => {
    expect(decodeStartup(new Login({ tlsMode: 'prefer' }).feed(answered('N')).sent.subarray(4)).kind).to.equal(
      'startup',
    );
    for (const tlsMode of ['require', 'verify-ca', 'verify-full'] as const) {
      expect(new Login({ tlsMode }).feed(answered('N')).failure).to.equal('tls-refused');
    }
  });

  it('an error as the answer is a no, whatever it says; any other byte is no PostgreSQL', () => {
    for (const tlsMode of ['prefer', 'require'] as const) {
      expect(new Login({ tlsMode }).feed(answered('E')).failure).to.equal('tls-refused');
      expect(new Login({ tlsMode }).feed(answered('H')).failure).to.equal('protocol');
    }
  });

  it('verify modes do not go on unverified', () => {
    for (const tlsMode of ['verify-ca', 'verify-full'] as const) {
      const unverified = new Login({ tlsMode }).feed(answered('S'), secured());
      expect(unverified.failure).to.equal('tls-unverified');
      const verified = new Login({ tlsMode }).feed(answered('S'), secured({ verified: true }));
      expect(decodeStartup(verified.sent.subarray(4)).kind).to.equal('startup');
    }
  });
});

describe('connect: the start-up packet', () => {
  const parameters = (settings: ConnectContext['settings']): unknown => {
    const packet = decodeStartup(new Login({ settings }).sent.subarray(4));
    return (
      packet.kind === 'startup' && packet.parameters.map(([name, value]) => `${name.toString()}=${value.toString()}`)
    );
  };

  it('ours first, then what the client asked for; encoding and strings stay ours', () => {
    expect(
      parameters([
        ['search_path', 'a, pg_temp'],
        ['Client_Encoding', 'LATIN1'],
        ['standard_conforming_strings', 'off'],
        ['timezone', 'UTC'],
      ]),
    ).to.deep.equal([
      'user=upstream',
      'database=orders',
      'client_encoding=UTF8',
      'standard_conforming_strings=on',
      'search_path=a, pg_temp',
      'timezone=UTC',
    ]);
  });

  it('a setting cannot be another user, database, option, or replication', () => {
    for (const name of ['user', 'DATABASE', 'options', 'replication', '_pq_.x']) {
      expect(() => parameters([[name, 'x']]), name).to.throw(RangeError);
    }
  });
});

describe('connect: authentication', () => {
  it('SCRAM to the end', () => {
    const client = new Login();
    const { proof } = scram(client);
    client.say(proof, OK, ...report(), KEY, READY);
    const last = client.effects.at(-1);
    if (last?.kind !== 'ready') throw new Error(client.failure);
    expect([last.server.major, last.server.pid, last.server.key.length]).to.deep.equal([18, 7, 4]);
    expect(last.server.parameters).to.deep.equal(Object.entries(PARAMETERS));
  });

  it('SCRAM-PLUS over TLS where it is offered', () => {
    const client = new Login({ tlsMode: 'require' }).feed(answered('S'), secured({ serverEndPoint: END_POINT }));
    const { state } = scram(client, { mechanisms: [SCRAM_PLUS, SCRAM], endPoint: END_POINT });
    expect(state.context.mechanism).to.equal(SCRAM_PLUS);
  });

  it('md5', () => {
    const salt = Buffer.from([1, 2, 3, 4]);
    const client = new Login().say(login.encodeAuthenticationMd5Password(salt));
    expect(decodePassword(client.sent.subarray(5)).toString()).to.equal(md5Password('upstream', 'pencil', salt));
    expect(client.say(OK, ...report(), KEY, READY).kinds).to.deep.equal(['ready']);
  });

  it('the password in the clear: only if allowed, and only over a verified channel', () => {
    const cleartext = login.encodeAuthenticationCleartextPassword();
    const over = (allowCleartextPassword: boolean, facts: Partial<TlsFacts>): Login =>
      new Login({ tlsMode: 'require', allowCleartextPassword }).feed(answered('S'), secured(facts)).say(cleartext);
    expect(decodePassword(over(true, { verified: true }).sent.subarray(5)).toString()).to.equal('pencil');
    expect(over(true, { verified: false }).failure).to.equal('method');
    expect(over(true, {}).failure).to.equal('method');
    expect(over(false, { verified: true }).failure).to.equal('method');
    expect(new Login({ allowCleartextPassword: true }).say(cleartext).failure).to.equal('method');
  });

  it('Kerberos, GSSAPI, SSPI and what is to come are refused', () => {
    for (const request of [2, 6, 7, 9, 13, 99]) {
      expect(new Login().say(login.encodeAuthenticationOther(request)).failure, `${request}`).to.equal('method');
    }
    expect(new Login().say(login.encodeAuthenticationSasl(['OAUTHBEARER'])).failure).to.equal('method');
    expect(new Login().say(login.encodeAuthenticationSasl([])).failure).to.equal('method');
  });

  it('a refusal brings the SQLSTATE and the body', () => {
    const error = encode.encodeErrorResponse({ severity: 'FATAL', sqlstate: '28P01', message: 'no' });
    const client = new Login().say(error);
    expect(client.effects).to.deep.equal([
      { kind: 'failed', reason: 'refused', error: error.subarray(5), sqlstate: '28P01' },
    ]);
  });

  it('notices are heard and let go', () => {
    const notice = encode.encodeNoticeResponse({ sqlstate: '00000', message: 'hello' });
    const client = new Login().say(notice);
    const { proof } = scram(client);
    client.say(notice, proof, OK, notice, ...report(), KEY, notice, READY);
    expect(client.kinds).to.deep.equal(['ready']);
  });

  it('servers before 18 fall back to 3.0, once, before the authentication', () => {
    const older = login.encodeNegotiateProtocolVersion(0, []);
    const client = new Login().say(older);
    const { proof } = scram(client);
    client.say(proof, OK, ...report({ server_version: '15.14' }), KEY, READY);
    expect(client.kinds).to.deep.equal(['ready']);
    expect(new Login().say(older, older).failure).to.equal('protocol');
    expect(new Login().say(OK, older).failure).to.equal('protocol');
    expect(new Login().say(login.encodeNegotiateProtocolVersion(2, [])).failure).to.equal('protocol');
    expect(new Login().say(login.encodeNegotiateProtocolVersion(0, [Buffer.from('_pq_.x')])).failure).to.equal(
      'protocol',
    );
  });
});

describe('connect: servers that lie', () => {
  const first = (text: string): Buffer => login.encodeAuthenticationSaslContinue(Buffer.from(text));
  const sasl = login.encodeAuthenticationSasl([SCRAM]);
  const SALT = 's=AAAA';
  const lies: [string, readonly Buffer[], string][] = [
    ['lets us in amid SCRAM', [sasl, OK], 'unproved'],
    ['lets us in before it proved itself', [sasl, first(`r=clientnonceX,${SALT},i=1`), OK], 'unproved'],
    [
      'proves itself wrongly',
      [sasl, first(`r=clientnonceX,${SALT},i=1`), login.encodeAuthenticationSaslFinal(Buffer.from('v=AAAA'))],
      'unproved',
    ],
    ['answers to a foreign nonce', [sasl, first(`r=other,${SALT},i=4096`)], 'protocol'],
    ['asks for no iterations', [sasl, first(`r=clientnonceX,${SALT},i=0`)], 'protocol'],
    ['asks for absurd iterations', [sasl, first(`r=clientnonceX,${SALT},i=1000001`)], 'protocol'],
    ['asks for the password amid SCRAM', [sasl, login.encodeAuthenticationCleartextPassword()], 'protocol'],
    ['begins SCRAM twice', [sasl, sasl], 'protocol'],
    ['goes on with a SCRAM that never began', [first(`r=clientnonceX,${SALT},i=1`)], 'protocol'],
    ['ends a SCRAM that never began', [login.encodeAuthenticationSaslFinal(Buffer.from('v=AAAA'))], 'protocol'],
    ['is ready without a login', [READY], 'protocol'],
    ['reports before the login', [encode.encodeParameterStatus('a', 'b')], 'protocol'],
    ['sends rows', [OK, encode.encodeDataRow([])], 'protocol'],
    ['authenticates twice', [OK, OK], 'protocol'],
    ['is in a transaction at once', [OK, ...report(), KEY, encode.encodeReadyForQuery('T')], 'protocol'],
    ['sends two keys', [OK, KEY, KEY], 'protocol'],
    ['sends no key', [OK, ...report(), READY], 'not-postgresql'],
    [
      'reports without end',
      [OK, ...Array.from({ length: 300 }, () => encode.encodeParameterStatus('a', 'b'))],
      'protocol',
    ],
    ['sends a message that no one knows', [encode.encodeMessage(0x21, Buffer.alloc(0))], 'protocol'],
    ['sends a malformed error', [encode.encodeMessage('E'.charCodeAt(0), Buffer.from('SERROR'))], 'protocol'],
  ];
  for (const [lie, messages, failure] of lies) {
    it(`one that ${lie}`, () => {
      const client = new Login();
      for (const message of messages) {
        if (client.kinds.includes('failed')) break;
        client.say(message);
      }
      expect(client.failure).to.equal(failure);
    });
  }

  const identities: [string, Record<string, string | undefined>, string, string?][] = [
    [
      'CockroachDB',
      { crdb_version: 'CockroachDB CCL v25.1.0', server_version: '13.0.0' },
      'not-postgresql',
      'CockroachDB',
    ],
    ['Redshift', { padb_version: '1.0', server_version: '8.0.2' }, 'not-postgresql', 'Amazon Redshift'],
    ['YugabyteDB', { server_version: '15.2-YB-2.25.0.0-b0' }, 'not-postgresql', 'YugabyteDB'],
    ['Materialize', { mz_version: 'v0.130', server_version: '9.5.0' }, 'not-postgresql', 'Materialize'],
    ['CrateDB', { crate_version: '5.9', server_version: '14.0' }, 'not-postgresql', 'CrateDB'],
    ['PgBouncer itself', { server_version: '1.24.0/bouncer' }, 'not-postgresql', 'PgBouncer'],
    ['an imitation that reports little', { in_hot_standby: undefined }, 'not-postgresql'],
    ['no version', { server_version: undefined }, 'not-postgresql'],
    ['a version in words', { server_version: 'eighteen' }, 'not-postgresql'],
    ['PostgreSQL 14', { server_version: '14.19' }, 'version'],
    ['PostgreSQL 19', { server_version: '19devel' }, 'version'],
    ['a LATIN1 database', { server_encoding: 'LATIN1' }, 'encoding'],
    ['SQL_ASCII', { server_encoding: 'SQL_ASCII' }, 'encoding'],
    ['another client encoding than asked for', { client_encoding: 'LATIN1' }, 'encoding'],
    ['backslashes that escape', { standard_conforming_strings: 'off' }, 'strings'],
  ];
  for (const [what, changes, failure, product] of identities) {
    it(`refuses ${what}`, () => {
      const client = new Login().say(OK, ...report(changes), KEY, READY);
      expect(client.failure).to.equal(failure);
      const last = client.effects.at(-1);
      expect(last?.kind === 'failed' && last.product).to.equal(product);
    });
  }

  for (const version of ['15.14', '16.10 (Ubuntu 16.10-0)', '17beta2', '18rc1', '18.4']) {
    it(`takes PostgreSQL ${version}`, () => {
      const client = new Login().say(OK, ...report({ server_version: version }), KEY, READY);
      expect(client.kinds).to.deep.equal(['ready']);
    });
  }

  it('fuzz: any messages end in effects, never in another error', () => {
    const type = fc.constantFrom(...Array.from('RSKZENvDT!').map((letter) => letter.charCodeAt(0)));
    const request = fc.constantFrom('00000000', '00000003', '00000005', '0000000a', '0000000b', '0000000c', '');
    const frame = fc.tuple(type, request, fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), (frames) => {
        const client = new Login();
        for (const [letter, head, rest] of frames) {
          if (client.state.kind === 'done') break;
          client.say(encode.encodeMessage(letter, Buffer.concat([Buffer.from(head, 'hex'), rest])));
        }
        expect(client.kinds).not.to.include('ready');
      }),
      { numRuns: 3_000 },
    );
  });
});
