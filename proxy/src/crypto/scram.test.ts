import { pbkdf2Sync } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { ProtocolError } from '#proxy/bytes/protocol-error';
import { clientScramFinal, clientScramFirst, readServerFirst, serverProves } from './scram-client.ts';
import { SCRAM, SCRAM_PLUS } from './scram-messages.ts';
import { serverScramFinal, serverScramFirst } from './scram-server.ts';
import { MAX_SCRAM_ITERATIONS, SCRAM_ITERATIONS, scramVerifier } from '#contract/snapshot/verifier';
import { mockVerifier, parseScramVerifier } from './scram.ts';
import type { ScramMechanism } from './scram-messages.ts';
import type { ServerScramContext } from './scram-server.ts';
import type { ScramVerifier } from './scram.ts';

// RFC 7677 §3: user "user", password "pencil".
const RFC = {
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  clientNonce: 'rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

const verifierOf = (password: string, salt = RFC.salt, iterations = SCRAM_ITERATIONS): ScramVerifier => {
  const verifier = parseScramVerifier(scramVerifier(password, salt, iterations));
  if (verifier === undefined) throw new Error('not parsed');
  return verifier;
};

const PENCIL = verifierOf('pencil');
const END_POINT = Buffer.alloc(32, 7);

const server = (overrides: Partial<ServerScramContext> = {}): ServerScramContext => ({
  mechanism: SCRAM,
  verifier: PENCIL,
  nonce: RFC.serverNonce,
  endPoint: undefined,
  ...overrides,
});

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('SCRAM, server', () => {
  it('speaks the exchange of RFC 7677', () => {
    const [state, first] = serverScramFirst(server(), latin1(RFC.clientFirst));
    expect(first.toString()).to.equal(RFC.serverFirst);
    const outcome = serverScramFinal(state, latin1(RFC.clientFinal));
    expect(outcome.ok && outcome.message.toString()).to.equal(RFC.serverFinal);
  });

  it('a wrong password is a value, a foreign proof of any bytes too', () => {
    const [state] = serverScramFirst(server({ verifier: verifierOf('pen') }), latin1(RFC.clientFirst));
    expect(serverScramFinal(state, latin1(RFC.clientFinal)).ok).to.equal(false);
    const zeros = RFC.clientFinal.replace(/p=.*/, `p=${Buffer.alloc(32).toString('base64')}`);
    expect(serverScramFinal(state, latin1(zeros)).ok).to.equal(false);
  });

  const refusedFirst: [string, string, Partial<ServerScramContext>, string][] = [
    ['an authzid', 'n,a=root,n=user,r=abc', {}, '0A000'],
    ['a reserved extension', 'n,,m=x,n=user,r=abc', {}, '0A000'],
    ['no gs2 header', 'n=user,r=abc', {}, '08P01'],
    ['no nonce', 'n,,n=user', {}, '08P01'],
    ['an empty nonce', 'n,,n=user,r=', {}, '08P01'],
    ['a nonce that is not printable', 'n,,n=user,r=a\u0007b', {}, '08P01'],
    ['a NUL behind the message', 'n,,n=user,r=abc\0', {}, '08P01'],
    ['nothing', '', {}, '08P01'],
    ['binding without -PLUS', 'p=tls-server-end-point,,n=,r=abc', { endPoint: END_POINT }, '08P01'],
    ['-PLUS without binding', 'n,,n=,r=abc', { mechanism: SCRAM_PLUS, endPoint: END_POINT }, '08P01'],
    ['-PLUS with "y"', 'y,,n=,r=abc', { mechanism: SCRAM_PLUS, endPoint: END_POINT }, '08P01'],
    ['another kind of binding', 'p=tls-unique,,n=,r=abc', { mechanism: SCRAM_PLUS, endPoint: END_POINT }, '08P01'],
    ['"y" although -PLUS was offered: somebody took it away', 'y,,n=,r=abc', { endPoint: END_POINT }, '28000'],
  ];
  for (const [threat, message, context, code] of refusedFirst) {
    it(`refuses ${threat}`, () => {
      expect(() => serverScramFirst(server(context), latin1(message)))
        .to.throw(ProtocolError)
        .with.property('code', code);
    });
  }

  it('takes "y" where -PLUS was not offered', () => {
    const [state] = serverScramFirst(server(), latin1('y,,n=,r=abc'));
    expect(state.gs2Header).to.equal('y,,');
  });

  const refusedFinal: [string, (final: string) => string][] = [
    ['another nonce', (final) => final.replace('r=rOpr', 'r=xOpr')],
    ['another header than before', (final) => final.replace('c=biws', 'c=eSws')],
    ['no proof', (final) => final.replace(/,p=.*/, '')],
    ['a short proof', (final) => final.replace(/,p=.*/, ',p=AAAA')],
    ['a proof that is not base64', (final) => final.replace(/,p=.*/, `,p=${'!'.repeat(44)}`)],
    ['something behind the proof', (final) => `${final},x=y`],
    ['a NUL', (final) => `${final}\0`],
  ];
  for (const [threat, change] of refusedFinal) {
    it(`refuses ${threat}`, () => {
      const [state] = serverScramFirst(server(), latin1(RFC.clientFirst));
      expect(() => serverScramFinal(state, latin1(change(RFC.clientFinal)))).to.throw(ProtocolError);
    });
  }

  it('fuzz: an answer or a ProtocolError', () => {
    const [state] = serverScramFirst(server(), latin1(RFC.clientFirst));
    const piece = fc.constantFrom(
      'n',
      'y',
      'p=',
      ',',
      'a=',
      'm=',
      'n=',
      'r=',
      'c=',
      'biws',
      'tls-server-end-point',
      'ü',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 12 }), (parts) => {
        const message = latin1(parts.join(''));
        for (const run of [() => serverScramFirst(server(), message), () => serverScramFinal(state, message)]) {
          try {
            run();
          } catch (error) {
            if (!(error instanceof ProtocolError)) throw error;
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

interface Exchange {
  readonly offered: readonly string[];
  readonly clientEndPoint?: Buffer;
  readonly serverEndPoint?: Buffer;
  readonly password?: string;
}

/** Our client against our server. */
function exchange({ offered, clientEndPoint, serverEndPoint, password = 'pencil' }: Exchange): {
  mechanism: ScramMechanism;
  ok: boolean;
} {
  const [client, first] = clientScramFirst(offered, RFC.clientNonce, clientEndPoint)!;
  const context = server({ mechanism: client.mechanism, endPoint: serverEndPoint });
  const [state, serverFirst] = serverScramFirst(context, first);
  const challenge = readServerFirst(client, serverFirst);
  const salted = pbkdf2Sync(password, challenge.salt, challenge.iterations, 32, 'sha256');
  const final = clientScramFinal(client, challenge, salted);
  const outcome = serverScramFinal(state, final.message);
  return { mechanism: client.mechanism, ok: outcome.ok && serverProves(final.serverSignature, outcome.message) };
}

describe('SCRAM, client', () => {
  const BOTH = [SCRAM_PLUS, SCRAM];

  it('logs in at our server, with and without binding', () => {
    expect(exchange({ offered: [SCRAM] })).to.deep.equal({ mechanism: SCRAM, ok: true });
    const bound = { offered: BOTH, clientEndPoint: END_POINT, serverEndPoint: END_POINT };
    expect(exchange(bound)).to.deep.equal({ mechanism: SCRAM_PLUS, ok: true });
    expect(exchange({ offered: [SCRAM], password: 'pen' }).ok).to.equal(false);
  });

  it('a man in the middle with another certificate is found out', () => {
    const middle = { offered: BOTH, clientEndPoint: END_POINT, serverEndPoint: Buffer.alloc(32, 8) };
    expect(() => exchange(middle)).to.throw(ProtocolError, 'binding check failed');
  });

  it('a man in the middle who takes -PLUS out of the offer is found out', () => {
    const middle = { offered: [SCRAM], clientEndPoint: END_POINT, serverEndPoint: END_POINT };
    expect(() => exchange(middle)).to.throw(ProtocolError, 'negotiation error');
  });

  it('does not choose -PLUS without a channel to bind to, nor an unknown mechanism', () => {
    expect(clientScramFirst([SCRAM_PLUS], 'n', undefined)).to.equal(undefined);
    expect(clientScramFirst(['SCRAM-SHA-1', 'OAUTHBEARER'], 'n', END_POINT)).to.equal(undefined);
    expect(clientScramFirst(BOTH, 'n', undefined)![1].toString()).to.equal('n,,n=,r=n');
  });

  const [client] = clientScramFirst([SCRAM], RFC.clientNonce, undefined)!;
  const lies: [string, string][] = [
    ['a foreign nonce', RFC.serverFirst.replace('r=rOpr', 'r=xOpr')],
    ['our nonce and nothing of its own', `r=${RFC.clientNonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
    ['no iterations', RFC.serverFirst.replace('i=4096', 'i=0')],
    ['absurdly many iterations', RFC.serverFirst.replace('i=4096', `i=${MAX_SCRAM_ITERATIONS + 1}`)],
    ['negative iterations', RFC.serverFirst.replace('i=4096', 'i=-1')],
    ['an empty salt', RFC.serverFirst.replace(/s=[^,]*/, 's=')],
    ['a salt that is not base64', RFC.serverFirst.replace(/s=[^,]*/, 's=A')],
    ['a mandatory extension', `m=x,${RFC.serverFirst}`],
    ['nothing', ''],
  ];
  for (const [lie, message] of lies) {
    it(`refuses a server that says ${lie}`, () => {
      expect(() => readServerFirst(client, latin1(message))).to.throw(ProtocolError);
    });
  }

  it('a server that cannot sign has not proved itself', () => {
    const signature = Buffer.alloc(32, 1);
    expect(serverProves(signature, latin1(`v=${signature.toString('base64')}`))).to.equal(true);
    for (const message of ['', 'v=', 'e=invalid-proof', `v=${Buffer.alloc(32).toString('base64')}`, 'v=AQ==']) {
      expect(serverProves(signature, latin1(message)), message).to.equal(false);
    }
  });
});

describe('verifiers', () => {
  it('have the form that PostgreSQL keeps', () => {
    // The keys that belong to RFC 7677's example.
    const text = scramVerifier('pencil', RFC.salt, 4096);
    expect(text).to.equal(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
    expect(parseScramVerifier(text)!.iterations).to.equal(4096);
  });

  const good = scramVerifier('pencil', RFC.salt, 4096);
  const bad: [string, string][] = [
    ['a plain password', 'pencil'],
    ['md5', 'md5d8578edf8458ce06fbc5bb76a58c5ca4'],
    ['no iterations', good.replace('4096', '0')],
    ['absurd iterations', good.replace('4096', '9999999')],
    ['a leading zero', good.replace('4096', '04096')],
    ['a blank', ` ${good}`],
    ['a newline at the end', `${good}\n`],
    ['an empty salt', good.replace('W22ZaJ0SNY7soEsUEjb6gQ==', '')],
    ['a salt not canonical', good.replace('gQ==', 'gR==')],
    ['a key too short', good.replace(/[^$:]{4}=:/, '=:')],
    ['url-safe base64', good.replace('W22Z', 'W2_Z')],
    ['nothing', ''],
  ];
  for (const [what, text] of bad) {
    it(`${what} is none`, () => {
      expect(parseScramVerifier(text)).to.equal(undefined);
    });
  }

  it('are not made with an empty salt or absurd iterations', () => {
    expect(() => scramVerifier('x', Buffer.alloc(0), 4096)).to.throw(RangeError);
    expect(() => scramVerifier('x', RFC.salt, MAX_SCRAM_ITERATIONS + 1)).to.throw(RangeError);
    expect(() => scramVerifier('x', RFC.salt, 0.5)).to.throw(RangeError);
  });

  it('a mock looks like a real one, stays, and differs by user and by secret', () => {
    const secret = Buffer.from('secret');
    const mock = mockVerifier('nobody', secret);
    expect(mock).to.deep.equal(mockVerifier('nobody', secret));
    expect([mock.iterations, mock.salt.length, mock.storedKey.length]).to.deep.equal([
      PENCIL.iterations,
      PENCIL.salt.length,
      PENCIL.storedKey.length,
    ]);
    expect(mock.salt.equals(mockVerifier('nobody2', secret).salt)).to.equal(false);
    expect(mock.salt.equals(mockVerifier('nobody', Buffer.from('other')).salt)).to.equal(false);
  });
});
