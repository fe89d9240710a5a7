import fc from 'fast-check';
import { expect } from 'chai';
import { makeKey, PAIR_BYTES, sealKey, type MasterKey } from './keys.ts';
import { digestOf, openDocument, sealDocument } from './seal.ts';

const NOW = Date.parse('2026-11-24T09:08:34Z');
const KEY = makeKey(NOW, Buffer.alloc(PAIR_BYTES, 1));
const OTHER = makeKey(NOW + 1000, Buffer.alloc(PAIR_BYTES, 2));

const keysOf =
  (scope: string, ...keys: readonly MasterKey[]) =>
  (id: string): Buffer | undefined => {
    const key = keys.find((one) => one.id === id);
    return key === undefined ? undefined : sealKey(key, scope);
  };

describe('a sealed document', () => {
  it('opens to what was sealed, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 1 }), (plaintext, scope) => {
        const opened = openDocument(sealDocument(plaintext, scope, KEY).bytes, scope, keysOf(scope, KEY));
        expect(opened).to.deep.equal({ kind: 'opened', plaintext });
      }),
    );
  });

  it('of the same content is the same bytes, so that nothing is written when nothing changed', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, two) => {
        const [first, second] = [sealDocument(one, 'a/b', KEY), sealDocument(two, 'a/b', KEY)];
        expect(first.bytes.equals(second.bytes)).to.equal(one === two);
        expect(first.digest === second.digest).to.equal(one === two);
        expect(first.digest).to.equal(digestOf(first.bytes));
      }),
    );
  });

  it('with any one bit flipped is refused', () => {
    const { bytes } = sealDocument('{"format":1}', 'a/b', KEY);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(openDocument(altered, 'a/b', keysOf('a/b', KEY)).kind, `bit ${String(bit)}`).not.to.equal('opened');
    }
  });

  it('cut or lengthened anywhere is refused', () => {
    const { bytes } = sealDocument('{"format":1}', 'a/b', KEY);
    for (let length = 0; length < bytes.length; length++) {
      expect(openDocument(bytes.subarray(0, length), 'a/b', keysOf('a/b', KEY)).kind).not.to.equal('opened');
    }
    expect(openDocument(Buffer.concat([bytes, Buffer.of(0)]), 'a/b', keysOf('a/b', KEY)).kind).to.equal('forged');
  });

  it('that is any bytes at all is an answer, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const document = Buffer.concat([Buffer.from('ADB1'), bytes]);
        expect(openDocument(document, 'a/b', () => sealKey(KEY, 'a/b')).kind).to.be.oneOf(['malformed', 'forged']);
      }),
    );
  });

  it('is no other scope’s', () => {
    const { bytes } = sealDocument('{}', 'a/b', KEY);
    expect(openDocument(bytes, 'a/c', keysOf('a/c', KEY)).kind).to.equal('forged');
    expect(openDocument(bytes, 'a/c', keysOf('a/b', KEY)).kind, 'even by its key').to.equal('forged');
  });

  it('by a key that is not held says which', () => {
    const { bytes } = sealDocument('{}', 'a/b', OTHER);
    expect(openDocument(bytes, 'a/b', keysOf('a/b', KEY))).to.deep.equal({ kind: 'unknown-key', key: OTHER.id });
  });

  it('shows nothing of its content', () => {
    const { bytes } = sealDocument('SCRAM-SHA-256$verifier', 'a/b', KEY);
    expect(bytes.includes('SCRAM')).to.equal(false);
  });
});
