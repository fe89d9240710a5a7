import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { saslprep } from '@mongodb-js/saslprep';
import { expect } from 'chai';
import fc from 'fast-check';
import { tlsServerEndPoint } from './channel-binding.ts';
import { equalInConstantTime } from './compare.ts';
import { md5Password } from './md5.ts';
import { preparePassword } from '#contract/snapshot/saslprep';

describe('SASLprep as PostgreSQL does it', () => {
  // RFC 4013 §3, and pg_saslprep's ways with what is prohibited.
  const cases: [string, string, string][] = [
    ['a soft hyphen is dropped', 'I\u00adX', 'IX'],
    ['ASCII stays', 'user', 'user'],
    ['case stays', 'USER', 'USER'],
    ['compatibility characters are replaced', '\u00aa', 'a'],
    ['several of them', '\u2168', 'IX'],
    ['ASCII control characters stay: no look at the tables', 'a\u0007b', 'a\u0007b'],
    ['a no-break space is a space', 'a\u00a0b', 'a b'],
    ['prohibited: the raw bytes', 'é\u0007', 'é\u0007'],
    ['both directions mixed: the raw bytes', '\u06271', '\u06271'],
    ['nothing left: the raw bytes', '\u00ad', '\u00ad'],
    ['unassigned in Unicode 3.2: the raw bytes', '\u{1f600}', '\u{1f600}'],
    ['composed', 'e\u0301', '\u00e9'],
    ['empty', '', ''],
  ];
  for (const [what, password, prepared] of cases) {
    it(what, () => {
      expect(preparePassword(password).toString('utf8')).to.equal(prepared);
    });
  }

  it('bytes that are not UTF-8 stay', () => {
    expect(preparePassword(Buffer.from('ff41', 'hex')).toString('hex')).to.equal('ff41');
  });

  /** Kept by MongoDB's driver team, on the same tables, in code of its own. */
  const oracle = (password: string): string => {
    try {
      return saslprep(password);
    } catch (error) {
      if (error instanceof Error) return password; // prohibited
      throw error;
    }
  };

  const strings = [
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.string({
      unit: fc.constantFrom('a', '1', '\u0627', '\u05d0', '\u00ad', '\u00a0', '\u2168', '\u0301', '\ufb01'),
      maxLength: 6,
    }),
  ];
  it('fuzz: as another implementation, wherever it is not ASCII', () => {
    fc.assert(
      fc.property(fc.oneof(...strings), (password) => {
        const ascii = Buffer.from(password).every((byte) => byte < 0x80);
        expect(preparePassword(password).toString()).to.equal(ascii ? password : oracle(password));
      }),
      { numRuns: 5_000 },
    );
  });

  it('each code point alone, and between two letters, as another implementation', function () {
    this.timeout(30_000);
    for (let point = 0x80; point <= 0x10ffff; point += point < 0x3000 ? 1 : 97) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const sign = String.fromCodePoint(point);
      for (const password of [sign, `a${sign}b`]) {
        if (preparePassword(password).toString() !== oracle(password)) expect.fail(point.toString(16));
      }
    }
  });
});

describe('md5', () => {
  it('is what PostgreSQL expects', () => {
    // select 'md5' || md5(md5('secretuser') || '\x01020304')
    const inner = createHash('md5').update('secretuser').digest('hex');
    const outer = createHash('md5')
      .update(Buffer.concat([Buffer.from(inner), Buffer.from([1, 2, 3, 4])]))
      .digest('hex');
    expect(md5Password('user', 'secret', Buffer.from([1, 2, 3, 4]))).to.equal(`md5${outer}`);
  });
});

describe('comparison', () => {
  it('equal is equal, else not, whatever the lengths', () => {
    expect(equalInConstantTime(Buffer.from('ab'), Buffer.from('ab'))).to.equal(true);
    expect(equalInConstantTime(Buffer.from('ab'), Buffer.from('ac'))).to.equal(false);
    expect(equalInConstantTime(Buffer.from('ab'), Buffer.from('abc'))).to.equal(false);
  });
});

describe('tls-server-end-point', () => {
  const file = new URL('./testdata/certificates.json', import.meta.url);
  const certificates = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;

  /** What RFC 5929 §4.1 says for the algorithm that openssl signed with; null: there is none. */
  const expected: Record<string, string | null> = {
    ecdsa256: 'sha256',
    ecdsa384: 'sha384',
    ecdsa512: 'sha512',
    ecdsa1: 'sha256',
    rsamd5: 'sha256',
    rsa1: 'sha256',
    rsa512: 'sha512',
    pss256: 'sha256',
    pss384: 'sha384',
    pss1: 'sha256',
    ed25519: null,
  };
  for (const [name, hash] of Object.entries(expected)) {
    it(`${name}: ${hash ?? 'none'}`, () => {
      const der = Buffer.from(certificates[name] ?? '', 'base64');
      expect(der.length).to.be.greaterThan(100);
      const wanted = hash === null ? undefined : createHash(hash).update(der).digest('hex');
      expect(tlsServerEndPoint(der)?.toString('hex')).to.equal(wanted);
    });
  }

  it('no certificate at all has none, and nothing throws', () => {
    const der = Buffer.from(certificates.pss384 ?? '', 'base64');
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void tlsServerEndPoint(Buffer.from(bytes))));
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(der);
        changed[at] = value;
        tlsServerEndPoint(changed.subarray(0, at + 1));
        tlsServerEndPoint(changed);
      }),
    );
  });
});
