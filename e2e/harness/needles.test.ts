import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { foundIn, needlesOf } from './needles.ts';

const ofOne = (key: string, value: Buffer | string): Set<string> =>
  needlesOf({ items: [{ metadata: { name: 'one' }, data: { [key]: Buffer.from(value).toString('base64') } }] });

describe('the search for secrets', () => {
  const word = 'a-password-of-somebody';

  it('finds a password as it is, in hex, and within base64 wherever it begins', () => {
    const needles = ofOne('password', word);
    for (const before of ['', 'x', 'xy', 'xyz']) {
      const text = `${before}${word} and more`;
      for (const spelling of ['utf8', 'hex', 'base64', 'base64url'] as const) {
        expect(
          foundIn(Buffer.from(text).toString(spelling), needles),
          `${spelling} after "${before}"`,
        ).not.to.deep.equal([]);
      }
    }
    expect(foundIn('another-password', needles)).to.deep.equal([]);
  });

  it('finds a key of bytes, which are no text', () => {
    const bytes = Buffer.concat([Buffer.from([0xff]), randomBytes(31)]);
    const needles = ofOne('master', bytes);
    for (const spelling of ['hex', 'base64', 'base64url'] as const) {
      expect(foundIn(`key=${bytes.toString(spelling)}`, needles), spelling).not.to.deep.equal([]);
    }
  });

  it("knows the password in a URL, the strings of JSON and a key's lines", () => {
    expect(foundIn(word, ofOne('url', `redis://user:${word}@host:6379`))).not.to.deep.equal([]);
    expect(foundIn(word, ofOne('json', JSON.stringify({ deep: [word] })))).not.to.deep.equal([]);
    const pem = `-----BEGIN PRIVATE KEY-----\n${word}\n-----END PRIVATE KEY-----\n`;
    expect(foundIn(word, ofOne('tls.key', pem))).not.to.deep.equal([]);
    expect(ofOne('tls.crt', pem).size).to.equal(0);
  });
});
