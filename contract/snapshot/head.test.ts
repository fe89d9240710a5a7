import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { expect } from 'chai';
import * as heads from './head.ts';
import { makeKey, PAIR_BYTES } from './keys.ts';

const NOW = Date.parse('2026-11-24T09:08:34Z');
const KEY = makeKey(NOW, Buffer.alloc(PAIR_BYTES, 1));
const OTHER = makeKey(NOW, Buffer.alloc(PAIR_BYTES, 2));
const HEAD = { scope: 'shop/app', revision: 7, term: 3, digest: 'ab'.repeat(32), issuedAt: NOW } as const;

const known = (id: string): KeyObject | undefined => (id === KEY.id ? createPublicKey(KEY.signing) : undefined);
const read = (text: string): heads.ReadHead => heads.readHead(text, 'shop/app', known);

describe('a head', () => {
  const text = heads.signHead(HEAD, KEY);

  it('is read as it was signed', () => {
    expect(read(text)).to.deep.equal({ kind: 'head', head: { ...HEAD, key: KEY.id } });
  });

  it('with any one bit flipped is refused', () => {
    const bytes = Buffer.from(text);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(read(altered.toString('latin1')).kind, `bit ${String(bit)}`).not.to.equal('head');
    }
  });

  it('has one spelling: no padding, no other order or spacing of its JSON, no second dot', () => {
    const [first = '', second = ''] = text.split('.');
    const json = Buffer.from(first, 'base64url').toString();
    const respelt = (other: string): string => `${Buffer.from(other).toString('base64url')}.${second}`;
    for (const other of [`${text}=`, `${text}.`, ` ${text}`, `${first}=.${second}`, respelt(` ${json}`), first, '']) {
      expect(read(other).kind, other).to.equal('malformed');
    }
  });

  it('signed by another key under our key’s id is forged', () => {
    expect(read(heads.signHead(HEAD, OTHER)).kind).to.equal('forged');
  });

  it('by a key that is not held says which', () => {
    expect(heads.readHead(text, 'shop/app', () => undefined)).to.deep.equal({ kind: 'unknown-key', key: KEY.id });
  });

  it('of another scope is not ours', () => {
    expect(heads.readHead(text, 'shop/other', known).kind).to.equal('other-scope');
  });

  it('with a field more, or a number that is none, is malformed even when it is signed', () => {
    for (const change of [{ more: 1 }, { revision: -1 }, { revision: 1.5 }, { digest: 'AB'.repeat(32) }]) {
      const first = Buffer.from(JSON.stringify({ ...HEAD, key: KEY.id, ...change })).toString('base64url');
      const signature = sign(null, Buffer.from(`articdbm-head-1\n${first}`), KEY.signing);
      expect(read(`${first}.${signature.toString('base64url')}`).kind, JSON.stringify(change)).to.equal('malformed');
    }
  });

  it('that is any text at all is an answer, never an exception', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => read(`${a}.${b}`).kind === 'malformed'));
  });
});

describe('the order of heads', () => {
  const held: heads.Head = { ...HEAD, key: KEY.id };
  const cases: readonly (readonly [situation: string, change: Partial<heads.Head>, order: heads.HeadOrder])[] = [
    ['the same', {}, 'known'],
    ['the same signed before', { issuedAt: NOW - 1 }, 'known'],
    ['the same signed anew', { issuedAt: NOW + 1 }, 'confirms'],
    ['a later revision of the same document', { revision: 8 }, 'confirms'],
    ['the same from a new leader', { term: 4 }, 'confirms'],
    ['a later revision', { revision: 8, digest: 'cd' }, 'newer'],
    ['a new leader’s document', { term: 4, digest: 'cd' }, 'newer'],
    ['an earlier revision, dated now', { revision: 6, digest: 'cd', issuedAt: NOW + 1 }, 'older'],
    ['an old leader’s later revision', { term: 2, revision: 99, digest: 'cd' }, 'older'],
    ['an old leader’s beat', { term: 2, issuedAt: NOW + 1 }, 'older'],
    ['another document under the same revision', { digest: 'cd', issuedAt: NOW + 1 }, 'contradicts'],
  ];
  for (const [situation, change, order] of cases) {
    it(`${situation}: ${order}`, () => expect(heads.compareHeads({ ...held, ...change }, held)).to.equal(order));
  }

  it('the first is newer', () => expect(heads.compareHeads(held, undefined)).to.equal('newer'));

  it('a revision only rises, whatever the clock does', () => {
    expect(heads.nextRevision(undefined, NOW)).to.equal(NOW);
    expect(heads.nextRevision(NOW + 5, NOW)).to.equal(NOW + 6);
    expect(heads.nextRevision(NOW - 5, NOW)).to.equal(NOW);
  });
});

describe('the age of a head', () => {
  const day = 86_400_000;
  const limits: readonly (readonly [number, heads.Age])[] = [
    [0, 'fresh'],
    [74_999, 'fresh'],
    [75_000, 'pull'],
    [90_000, 'ask'],
    [900_000, 'warn'],
    [day, 'refuse'],
  ];
  for (const [age, verdict] of limits) {
    it(`${age} ms: ${verdict}`, () => expect(heads.judgeAge(age, day)).to.equal(verdict));
  }

  it('a refuseAfter shorter than the warning wins', () => expect(heads.judgeAge(60_000, 60_000)).to.equal('refuse'));

  it('counts from when it was seen when it is dated into the future', () => {
    const head: heads.Head = { ...HEAD, key: KEY.id, issuedAt: NOW + 10 * day };
    expect(heads.ageOf(head, NOW, NOW + 1000)).to.equal(1000);
    expect(heads.ageOf({ ...head, issuedAt: NOW - day }, NOW, NOW + 1000)).to.equal(day + 1000);
    expect(heads.ageOf(head, NOW, NOW - 1000), 'a clock that went back').to.equal(0);
  });
});
