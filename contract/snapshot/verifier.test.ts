import { expect } from 'chai';
import { MAX_SCRAM_ITERATIONS, scramVerifier, scramVerifierAside } from './verifier.ts';

const SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
/** RFC 7677's password and salt; the keys checked with Python's hashlib and hmac. */
const PENCIL =
  'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=';

describe('a verifier', () => {
  it('is what the RFC says, on whatever thread it is made', async () => {
    expect(scramVerifier('pencil', SALT)).to.equal(PENCIL);
    expect(await scramVerifierAside('pencil', SALT)).to.equal(PENCIL);
  });

  it('is of the prepared password: how it was typed plays no part', async () => {
    expect(scramVerifier('e\u0301', SALT)).to.equal(scramVerifier('\u00e9', SALT));
    expect(await scramVerifierAside('e\u0301', SALT)).to.equal(scramVerifier('\u00e9', SALT));
  });

  for (const [what, salt, iterations] of [
    ['without a salt', Buffer.alloc(0), 1],
    ['without iterations', SALT, 0],
    ['of endless iterations', SALT, MAX_SCRAM_ITERATIONS + 1],
  ] as const) {
    it(`${what} is not made`, async () => {
      expect(() => scramVerifier('x', salt, iterations)).to.throw(RangeError);
      const made = await scramVerifierAside('x', salt, iterations).catch((error: unknown) => error);
      expect(made).to.be.instanceOf(RangeError);
    });
  }
});
