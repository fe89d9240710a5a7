import { pbkdf2Sync } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { clientScramFinal, clientScramFirst, readServerFirst, serverProves } from '#proxy/crypto/scram-client';
import { SCRAM, SCRAM_PLUS } from '#proxy/crypto/scram-messages';
import { scramVerifier } from '#contract/snapshot/verifier';
import { accept, acceptExpects, acceptStart } from './accept.ts';
import { splitOptions } from './accept-startup.ts';
import { decodeAuthentication, decodeNegotiateProtocolVersion } from './decode-login.ts';
import { decodeErrorFields, errorField } from './decode.ts';
import {
  encodeCancelRequest,
  encodeGssEncryptionRequest,
  encodeSaslInitialResponse,
  encodeSaslResponse,
  encodeSslRequest,
  encodeStartup,
} from './encode-login.ts';
import { encodeQuery } from './encode.ts';
import type { AcceptContext, AcceptState } from './accept.ts';
import type { AcceptEffect, AcceptInput, ClientLogin } from '../login.ts';
import type { ClientScram } from '#proxy/crypto/scram-client';

const CONTEXT: AcceptContext = {
  tlsAvailable: true,
  requireTls: false,
  nonce: 'servernonce',
  mockSecret: Buffer.from('secret'),
};
const END_POINT = Buffer.alloc(32, 3);
const VERIFIER = scramVerifier('pencil', Buffer.alloc(16, 1), 4096);

/** A client's frames as the caller would hand them in. */
const untyped = (bytes: Buffer): AcceptInput => ({ kind: 'frame', frame: { type: 0, body: bytes.subarray(4) } });
const typed = (bytes: Buffer): AcceptInput => ({ kind: 'frame', frame: { type: bytes[0]!, body: bytes.subarray(5) } });

/** A login that is fed step by step. */
class Login {
  state: AcceptState;
  effects: readonly AcceptEffect[] = [];

  constructor(context: Partial<AcceptContext> = {}) {
    this.state = acceptStart({ ...CONTEXT, ...context });
  }

  feed(...inputs: readonly AcceptInput[]): this {
    for (const input of inputs) [this.state, this.effects] = accept(this.state, input);
    return this;
  }

  get kinds(): readonly string[] {
    return this.effects.map((effect) => effect.kind);
  }

  get sent(): Buffer {
    return Buffer.concat(this.effects.flatMap((effect) => (effect.kind === 'to-client' ? [effect.bytes] : [])));
  }

  /** SQLSTATE and message of the error that it ends with. */
  get error(): readonly (string | undefined)[] {
    const last = this.effects.at(-1);
    if (last?.kind !== 'close' || last.bytes === undefined) return [last?.kind];
    const fields = decodeErrorFields(last.bytes.subarray(5));
    expect(errorField(fields, 'S')).to.equal('FATAL');
    return [errorField(fields, 'C'), errorField(fields, 'M')];
  }

  get login(): ClientLogin {
    const last = this.effects.at(-1);
    if (last?.kind !== 'accepted') throw new Error(`not accepted: ${this.error.join(' ')}`);
    return last.login;
  }
}

type Parameters = readonly (readonly [string, string])[];

const startup = (parameters: Parameters, minor = 0): AcceptInput => untyped(encodeStartup(minor, parameters));
const USER: Parameters = [['user', 'u']];

interface Password {
  readonly password?: string;
  readonly verifier?: string | undefined;
  readonly endPoint?: Buffer;
}

/** From need-verifier to the end. Returns every byte that was sent to the client, too. */
function authenticate(login: Login, options: Password = {}): Buffer {
  const { password = 'pencil', endPoint } = options;
  const verifier = 'verifier' in options ? options.verifier : VERIFIER;
  const sent: Buffer[] = [];
  login.feed({ kind: 'verifier', verifier });
  sent.push(login.sent);
  const request = decodeAuthentication(login.sent.subarray(5));
  if (request.kind !== 'sasl') throw new Error('no SASL');
  const [client, first] = clientScramFirst(request.mechanisms, 'clientnonce', endPoint)!;
  login.feed(typed(encodeSaslInitialResponse(client.mechanism, first)));
  sent.push(login.sent);
  const [final, signature] = answer(client, login.sent, password);
  login.feed(typed(encodeSaslResponse(final)));
  sent.push(login.sent);
  if (login.kinds.includes('accepted')) {
    const proof = decodeAuthentication(login.sent.subarray(5));
    expect(proof.kind === 'sasl-final' && serverProves(signature, proof.data)).to.equal(true);
  }
  return Buffer.concat(sent);
}

function answer(client: ClientScram, sent: Buffer, password: string): readonly [Buffer, Buffer] {
  const request = decodeAuthentication(sent.subarray(5));
  if (request.kind !== 'sasl-continue') throw new Error('no challenge');
  const challenge = readServerFirst(client, request.data);
  const salted = pbkdf2Sync(password, challenge.salt, challenge.iterations, 32, 'sha256');
  const { message, serverSignature } = clientScramFinal(client, challenge, salted);
  return [message, serverSignature];
}

const loggedIn = (parameters: Parameters, minor = 0, context: Partial<AcceptContext> = {}): Login => {
  const login = new Login(context).feed(startup(parameters, minor));
  authenticate(login);
  return login;
};

describe('accept: the first packets', () => {
  it('SSLRequest is answered S and upgraded, or N', () => {
    const yes = new Login().feed(untyped(encodeSslRequest()));
    expect([yes.sent.toString(), yes.kinds]).to.deep.equal(['S', ['to-client', 'upgrade-tls']]);
    const no = new Login({ tlsAvailable: false }).feed(untyped(encodeSslRequest()));
    expect([no.sent.toString(), no.kinds]).to.deep.equal(['N', ['to-client']]);
    expect(no.feed(startup(USER)).kinds).to.deep.equal(['need-verifier']);
  });

  it('GSSENCRequest is answered N, and may precede or follow SSLRequest', () => {
    const gss = untyped(encodeGssEncryptionRequest());
    const ssl = untyped(encodeSslRequest());
    expect(new Login().feed(gss).sent.toString()).to.equal('N');
    expect(new Login().feed(gss, ssl).kinds).to.deep.equal(['to-client', 'upgrade-tls']);
    expect(new Login({ tlsAvailable: false }).feed(ssl, gss, startup(USER)).kinds).to.deep.equal(['need-verifier']);
  });

  it('each encryption is asked for once, and not inside TLS', () => {
    const gss = untyped(encodeGssEncryptionRequest());
    const ssl = untyped(encodeSslRequest());
    const message = (minor: number): string =>
      `unsupported frontend protocol 1234.${minor}: server supports 3.0 to 3.2`;
    expect(new Login({ tlsAvailable: false }).feed(ssl, ssl).error).to.deep.equal(['0A000', message(5679)]);
    expect(new Login().feed(gss, gss).error).to.deep.equal(['0A000', message(5680)]);
    const inside: AcceptInput = { kind: 'tls-established', facts: { alpn: null } };
    expect(new Login().feed(ssl, inside, ssl).error).to.deep.equal(['0A000', message(5679)]);
    expect(new Login().feed(ssl, inside, gss).error).to.deep.equal(['0A000', message(5680)]);
  });

  it('direct TLS needs ALPN postgresql; after a request in the clear it is none', () => {
    const first: AcceptInput = { kind: 'tls-first-byte' };
    const established = (alpn: string | null): AcceptInput => ({ kind: 'tls-established', facts: { alpn } });
    expect(new Login().feed(first).kinds).to.deep.equal(['upgrade-tls']);
    expect(new Login().feed(first, established('postgresql'), startup(USER)).kinds).to.deep.equal(['need-verifier']);
    for (const alpn of [null, 'h2']) {
      expect(new Login().feed(first, established(alpn)).effects).to.deep.equal([{ kind: 'close', reason: 'tls' }]);
    }
    expect(new Login({ tlsAvailable: false }).feed(first).kinds).to.deep.equal(['close']);
    expect(new Login().feed(untyped(encodeGssEncryptionRequest()), first).kinds).to.deep.equal(['close']);
    const nested = new Login().feed(first, established('postgresql'), first);
    expect(nested.kinds).to.deep.equal(['close']);
  });

  it('TLS after SSLRequest may come without ALPN, but not with another protocol', () => {
    const ssl = untyped(encodeSslRequest());
    const other = new Login().feed(ssl, { kind: 'tls-established', facts: { alpn: 'h2' } });
    expect(other.kinds).to.deep.equal(['close']);
  });

  it('CancelRequest with keys of 4 to 256 bytes', () => {
    for (const length of [4, 32, 256]) {
      const key = Buffer.alloc(length, 9);
      const login = new Login().feed(untyped(encodeCancelRequest(77, key)));
      expect(login.effects).to.deep.equal([{ kind: 'cancel', pid: 77, key }]);
    }
    for (const length of [0, 3, 257]) {
      expect(new Login().feed(untyped(encodeCancelRequest(77, Buffer.alloc(length)))).error[0]).to.equal('08P01');
    }
  });

  it('protocol 2.0 and garbage are refused in the words of the server', () => {
    const version = (code: number): AcceptInput => {
      const body = Buffer.alloc(8);
      body.writeUInt32BE(code);
      return { kind: 'frame', frame: { type: 0, body } };
    };
    expect(new Login().feed(version(2 << 16)).error[1]).to.equal(
      'unsupported frontend protocol 2.0: server supports 3.0 to 3.2',
    );
    expect(new Login().feed(version(0x47455420)).error[0]).to.equal('0A000'); // "GET "
  });

  it('3.0 and 3.2 are spoken, other minors and unknown options negotiated', () => {
    expect(new Login().feed(startup(USER, 0)).kinds).to.deep.equal(['need-verifier']);
    expect(new Login().feed(startup(USER, 2)).kinds).to.deep.equal(['need-verifier']);
    const negotiated = (login: Login): unknown => {
      expect(login.kinds).to.deep.equal(['to-client', 'need-verifier']);
      const { minor, unknown } = decodeNegotiateProtocolVersion(login.sent.subarray(5));
      return [minor, unknown.map(String)];
    };
    expect(negotiated(new Login().feed(startup(USER, 1)))).to.deep.equal([0, []]);
    expect(negotiated(new Login().feed(startup(USER, 9999)))).to.deep.equal([2, []]);
    expect(negotiated(new Login().feed(startup([...USER, ['_pq_.x', '1']], 0)))).to.deep.equal([0, ['_pq_.x']]);
    expect(loggedIn(USER, 9999).login.minor).to.equal(2);
    expect(loggedIn(USER, 1).login.minor).to.equal(0);
  });

  it('a start-up packet without end, or with more behind it, is refused', () => {
    for (const body of [
      '00030000',
      '0003000075',
      '000300007500',
      '00030000750078',
      '0003000075007800ff',
      '000300000000',
      '00',
    ]) {
      const login = new Login().feed({ kind: 'frame', frame: { type: 0, body: Buffer.from(body, 'hex') } });
      expect(login.error[0], body).to.equal('08P01');
    }
  });

  it('says how much it takes: 10,000 bytes untyped, then 1,024', () => {
    expect(acceptExpects(new Login().state)).to.deep.equal({ untyped: true, limit: 10_000 });
    expect(acceptExpects(loggedIn(USER).state)).to.deep.equal({ untyped: false, limit: 1_024 });
  });
});

describe('accept: what the start-up packet says', () => {
  it('no user: 28000, as PostgreSQL says it', () => {
    const said = ['28000', 'no PostgreSQL user name specified in startup packet'];
    expect(new Login().feed(startup([])).error).to.deep.equal(said);
    expect(new Login().feed(startup([['user', '']])).error).to.deep.equal(said);
  });

  it('TLS required and not there: refused before anything about the user', () => {
    expect(new Login({ requireTls: true }).feed(startup(USER)).error[0]).to.equal('28000');
    const inside: AcceptInput = { kind: 'tls-established', facts: { alpn: null } };
    const login = new Login({ requireTls: true }).feed(untyped(encodeSslRequest()), inside, startup(USER));
    expect(login.kinds).to.deep.equal(['need-verifier']);
  });

  it('replication is refused before the password, however it is written', () => {
    for (const value of ['true', 'on', '1', 'yes', 'database', 'TRUE', 'tr', 'x', 'o', '']) {
      expect(new Login().feed(startup([...USER, ['replication', value]])).error[0], value).to.equal('0A000');
    }
    for (const value of ['false', 'off', '0', 'no', 'F']) {
      expect(new Login().feed(startup([...USER, ['replication', value]])).kinds, value).to.deep.equal([
        'need-verifier',
      ]);
    }
  });

  it('names are cut to 63 bytes, never inside a character', () => {
    const login = loggedIn([
      ['user', 'x'.repeat(70)],
      ['database', `${'x'.repeat(62)}üü`],
    ]);
    expect(login.login.user).to.equal('x'.repeat(63));
    expect(login.login.database).to.equal('x'.repeat(62));
  });

  it('of repeated parameters the last one wins', () => {
    const { user, database, settings } = loggedIn([
      ['user', 'a'],
      ['database', 'd'],
      ['TimeZone', 'UTC'],
      ['user', 'b'],
      ['timezone', 'CET'],
      ['database', ''],
    ]).login;
    expect([user, database, settings]).to.deep.equal(['b', undefined, [['timezone', 'CET']]]);
  });

  it('options are taken apart as the server does, and the packet overrides them', () => {
    const { settings } = loggedIn([
      ...USER,
      ['application_name', 'packet'],
      ['options', '-c TimeZone=UTC -cstatement_timeout=5s  --application-name=opt\\ ions --work_mem=1MB'],
    ]).login;
    expect(settings).to.deep.equal([
      ['timezone', 'UTC'],
      ['statement_timeout', '5s'],
      ['work_mem', '1MB'],
      ['application_name', 'packet'],
    ]);
  });

  it('words of options: white space, escapes, an escape at the end', () => {
    expect(splitOptions(' a\\ b\tc\\\\d  \\')).to.deep.equal(['a b', 'c\\d', '']);
    expect(splitOptions('')).to.deep.equal([]);
  });

  it('other switches are refused, after the password', () => {
    for (const options of ['-d 5', '-c', '-c x', '--', '-c =x', 'x', '-W 1', '-ctimezone', '-']) {
      expect(loggedIn([...USER, ['options', options]]).error[0], options).to.equal('42601');
    }
  });

  it('a setting that is not allowed is refused after the password, and only then', () => {
    const parameters: Parameters = [...USER, ['session_preload_libraries', 'x']];
    const login = new Login().feed(startup(parameters));
    expect(login.kinds).to.deep.equal(['need-verifier']);
    authenticate(login);
    expect(login.error[0]).to.equal('42501');
    const wrong = new Login().feed(startup(parameters));
    authenticate(wrong, { password: 'pen' });
    expect(wrong.error[0]).to.equal('28P01');
    const hidden = loggedIn([...USER, ['options', '-c session_preload_libraries=x']]);
    expect(hidden.error[0]).to.equal('42501');
  });

  it('values that are not UTF-8 are refused', () => {
    const body = Buffer.concat([
      Buffer.from('0003000075736572 00'.replace(' ', ''), 'hex'),
      Buffer.from('ff0000', 'hex'),
    ]);
    expect(new Login().feed({ kind: 'frame', frame: { type: 0, body } }).error[0]).to.equal('22021');
  });
});

describe('accept: passwords', () => {
  it('the right one is accepted; AuthenticationOk is left to what follows', () => {
    const login = new Login().feed(startup([...USER, ['database', 'd']], 2));
    authenticate(login);
    expect(login.kinds).to.deep.equal(['to-client', 'accepted']);
    expect(login.login).to.deep.equal({ user: 'u', database: 'd', minor: 2, settings: [], tls: false });
  });

  it('wrong, unknown, unreadable: one answer, message for message', () => {
    const shapes = new Set<string>();
    for (const options of [
      { password: 'pen' },
      { verifier: undefined },
      { verifier: 'md5d8578edf8458ce06fbc5bb76a58c5ca4' },
      { verifier: '' },
    ]) {
      const login = new Login().feed(startup(USER));
      const sent = authenticate(login, options);
      expect(login.error).to.deep.equal(['28P01', 'password authentication failed for user "u"']);
      expect(login.kinds).to.deep.equal(['close']);
      shapes.add(`${sent.length}`);
    }
    expect(shapes.size, 'lengths of all that was sent').to.equal(1);
  });

  it('an unknown user has the same salt at each try', () => {
    const salt = (): string => {
      const login = new Login().feed(startup([['user', 'nobody']]), { kind: 'verifier', verifier: undefined });
      login.feed(typed(encodeSaslInitialResponse(SCRAM, Buffer.from('n,,n=,r=abc'))));
      return login.sent.toString('latin1');
    };
    expect(salt()).to.equal(salt());
  });

  const inTls = (endPoint?: Buffer): Login =>
    new Login().feed(
      untyped(encodeSslRequest()),
      {
        kind: 'tls-established',
        facts: { alpn: null, ...(endPoint === undefined ? {} : { serverEndPoint: endPoint }) },
      },
      startup(USER),
    );

  it('-PLUS is offered over TLS with an end-point only, and works', () => {
    const mechanisms = (login: Login): unknown => {
      const request = decodeAuthentication(login.feed({ kind: 'verifier', verifier: VERIFIER }).sent.subarray(5));
      return request.kind === 'sasl' && request.mechanisms;
    };
    expect(mechanisms(inTls(END_POINT))).to.deep.equal([SCRAM_PLUS, SCRAM]);
    expect(mechanisms(inTls())).to.deep.equal([SCRAM]);
    expect(mechanisms(new Login({ serverEndPoint: END_POINT }).feed(startup(USER)))).to.deep.equal([SCRAM]);
    const login = inTls(END_POINT);
    authenticate(login, { endPoint: END_POINT });
    expect(login.login.tls).to.equal(true);
    const middle = inTls(END_POINT);
    authenticate(middle, { endPoint: Buffer.alloc(32, 4) });
    expect(middle.error).to.deep.equal(['28000', 'SCRAM channel binding check failed']);
  });

  const asked = (login = new Login().feed(startup(USER))): Login =>
    login.feed({ kind: 'verifier', verifier: VERIFIER });

  it('a downgrade ("y" though -PLUS was offered) is refused', () => {
    const login = asked(inTls(END_POINT)).feed(typed(encodeSaslInitialResponse(SCRAM, Buffer.from('y,,n=,r=abc'))));
    expect(login.error).to.deep.equal(['28000', 'SCRAM channel binding negotiation error']);
  });

  it('a mechanism that was not offered is refused', () => {
    for (const mechanism of [SCRAM_PLUS, 'PLAIN', '', 'SCRAM-SHA-1']) {
      const login = asked().feed(typed(encodeSaslInitialResponse(mechanism, Buffer.from('n,,n=,r=abc'))));
      expect(login.error).to.deep.equal(['08P01', 'client selected an invalid SASL authentication mechanism']);
    }
  });

  it('the first message may come after an empty challenge', () => {
    const login = asked().feed(typed(encodeSaslInitialResponse(SCRAM, undefined)));
    const request = decodeAuthentication(login.sent.subarray(5));
    expect(request.kind === 'sasl-continue' && request.data.length).to.equal(0);
    login.feed(typed(encodeSaslResponse(Buffer.from('n,,n=,r=abc'))));
    expect(login.sent.toString('latin1')).to.include('r=abcservernonce');
  });

  it('a query in place of a password is refused, at each step', () => {
    const query = typed(encodeQuery(Buffer.from('select 1')));
    expect(asked().feed(query).error).to.deep.equal(['08P01', 'expected SASL response, got message type 81']);
    const later = asked().feed(typed(encodeSaslInitialResponse(SCRAM, Buffer.from('n,,n=,r=abc'))), query);
    expect(later.error[0]).to.equal('08P01');
  });

  it('after the end nothing is taken any more', () => {
    const done = loggedIn(USER);
    expect(() => done.feed(typed(encodeSaslResponse(Buffer.from('x'))))).to.throw('input frame in state done');
  });
});

describe('accept, fuzz', () => {
  it('any frames end in an effect, never in another error', () => {
    const frame = fc.record({ type: fc.constantFrom(0x70, 0x51, 0x58), body: fc.uint8Array({ maxLength: 80 }) });
    const codes = fc.constantFrom('04d2162f', '04d21630', '04d2162e', '00030000', '00030002', '00020000');
    fc.assert(
      fc.property(codes, fc.uint8Array({ maxLength: 60 }), fc.array(frame, { maxLength: 4 }), (code, rest, frames) => {
        const body = Buffer.concat([Buffer.from(code, 'hex'), rest]);
        const login = new Login().feed({ kind: 'frame', frame: { type: 0, body } });
        if (login.kinds.includes('need-verifier')) login.feed({ kind: 'verifier', verifier: VERIFIER });
        for (const { type, body: bytes } of frames) {
          if (!['initial', 'first', 'proof'].includes(login.state.kind)) break;
          login.feed({ kind: 'frame', frame: { type, body: Buffer.from(bytes) } });
        }
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { minLength: 1, maxLength: 4 }), (bodies) => {
        const login = new Login().feed(startup(USER), { kind: 'verifier', verifier: VERIFIER });
        for (const body of bodies) {
          if (login.state.kind === 'done') break;
          const prefix = Buffer.from('SCRAM-SHA-256\0\xff\xff\xff\xff', 'latin1');
          login.feed({ kind: 'frame', frame: { type: 0x70, body: Buffer.concat([prefix, body]) } });
        }
        expect(login.kinds).not.to.include('accepted');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('accept: where no password is asked for', () => {
  const trusted = (parameters: Parameters, minor = 0): Login =>
    new Login({ tlsAvailable: false }).feed(startup(parameters, minor), { kind: 'trusted', user: 'anna' });

  it('the client is whom the caller says, whatever it called itself, and hears nothing before', () => {
    const login = trusted([
      ['user', 'articdbm'],
      ['database', 'd'],
      ['application_name', 'a'],
    ]);
    expect(login.kinds).to.deep.equal(['accepted']);
    expect(login.login).to.deep.equal({
      user: 'anna',
      database: 'd',
      minor: 0,
      settings: [['application_name', 'a']],
      tls: false,
    });
    expect(trusted(USER, 2).login.minor).to.equal(2);
  });

  it('settings and options are judged all the same, after AuthenticationOk as the server does', () => {
    for (const parameters of [
      [...USER, ['role', 'postgres']],
      [...USER, ['options', '-c session_authorization=postgres']],
      [...USER, ['options', '-X']],
    ] as const) {
      const login = trusted(parameters);
      expect(login.kinds, JSON.stringify(parameters)).to.deep.equal(['to-client', 'close']);
      expect(decodeAuthentication(login.sent.subarray(5))).to.deep.equal({ kind: 'ok' });
    }
  });

  it('who names no user, or asks for replication, or for TLS that is required, is not even looked up', () => {
    expect(new Login().feed(startup([['user', '']])).error[0]).to.equal('28000');
    expect(new Login().feed(startup([])).error[0]).to.equal('28000');
    expect(new Login().feed(startup([...USER, ['replication', 'database']])).error[0]).to.equal('0A000');
    expect(new Login({ requireTls: true }).feed(startup(USER)).error[0]).to.equal('28000');
  });

  it('who is turned away hears why', () => {
    const why = { reason: 'not-bound', sqlstate: '28000', message: 'no', hint: 'yes' } as const;
    const login = new Login().feed(startup(USER), { kind: 'turned-away', why });
    expect(login.error).to.deep.equal(['28000', 'no']);
    expect(login.effects.at(-1)).to.have.property('reason', 'not-bound');
  });

  it('is decided once, and never in the midst of a password', () => {
    const login = new Login().feed(startup(USER), { kind: 'verifier', verifier: VERIFIER });
    expect(() => login.feed({ kind: 'trusted', user: 'anna' })).to.throw('input trusted in state initial');
    expect(() => new Login().feed({ kind: 'trusted', user: 'anna' })).to.throw('input trusted in state start-up');
    expect(() => trusted(USER).feed({ kind: 'trusted', user: 'bert' })).to.throw('input trusted in state done');
  });
});
