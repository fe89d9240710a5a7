import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { addKey, dropKey, firstRing, nextRotation, useKey } from './keys-rotation.ts';
import { parseScopeKeys, scopeKeysFor } from './keys-scope.ts';
import * as keys from './keys.ts';

const NOW = Date.parse('2026-11-24T09:08:34.567Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

const key = (now: number, byte = 7): keys.MasterKey => keys.makeKey(now, Buffer.alloc(keys.PAIR_BYTES, byte));
const ring = firstRing(key(NOW));

describe('the key Secret', () => {
  it('is read as it was written', () => {
    const two = addKey(ring, key(NOW + HOUR, 8));
    const read = keys.parseKeyRing(keys.encodeKeyRing(two));
    expect(read.current).to.equal('20261124T090834Z');
    expect(read.since).to.equal(NOW - 567);
    expect([...read.keys.keys()]).to.deep.equal(['20261124T090834Z', '20261124T100834Z']);
    expect(keys.encodeKeyRing(read)).to.deep.equal(keys.encodeKeyRing(two));
  });

  const good = keys.encodeKeyRing(ring);
  const id = ring.current;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const wrong: readonly (readonly [situation: string, change: Record<string, Buffer | undefined>])[] = [
    ['without current', { current: undefined }],
    ['whose current names no key', { current: Buffer.from('20261124T090835Z 20261124T090834Z') }],
    ['whose current says nothing of since when', { current: Buffer.from(id) }],
    ['whose current ends in a line feed', { current: Buffer.from(`${id} ${id}\n`) }],
    ['with an entry that is not known', { extra: Buffer.alloc(1) }],
    ['with an id that is no moment', { 'master.20261324T090834Z': Buffer.alloc(32) }],
    ['with a short master', { [`master.${id}`]: Buffer.alloc(31) }],
    ['with a master in base64', { [`master.${id}`]: Buffer.from(Buffer.alloc(32).toString('base64')) }],
    ['with a master and no signing key', { [`sign.${id}`]: undefined }],
    ['with a signing key and no master', { [`master.${id}`]: undefined }],
    ['with a signing key that is no PEM', { [`sign.${id}`]: Buffer.from('secret') }],
    ['with an RSA key to sign by', { [`sign.${id}`]: Buffer.from(rsa) }],
    ['that is empty', Object.fromEntries(Object.keys(good).map((name) => [name, undefined]))],
  ];
  for (const [situation, change] of wrong) {
    it(`${situation} is refused, quoting nothing of it`, () => {
      const entries = Object.entries({ ...good, ...change }).filter(([, value]) => value !== undefined);
      const data = Object.fromEntries(entries) as Record<string, Buffer>;
      expect(() => keys.parseKeyRing(data)).to.throw(keys.KeysError, /^(?!.*secret)/);
    });
  }
});

describe('derived keys', () => {
  it('differ by purpose, scope, pod, user and number, and by master', () => {
    const [one, two] = [key(NOW), key(NOW, 8)];
    const all = [one, two].flatMap((master) => [
      keys.sealKey(master, 'a/b'),
      keys.sealKey(master, 'a/c'),
      keys.nonceKey(master, 'a/b'),
      keys.macKey(master, 'a/b'),
      keys.loginKey(master, 'a', 1),
      keys.loginKey(master, 'a', 2),
      keys.saltOf(master, 'a', '1'),
    ]);
    expect(new Set(all.map((bytes) => bytes.toString('hex'))).size).to.equal(14);
    expect(all.every((bytes) => bytes.length === 32)).to.equal(true);
  });

  it('are what RFC 5869 says, so that another implementation may derive them', () => {
    // HMAC(HMAC(zeros, master), info ‖ 0x01), checked with Python's hmac.
    expect(keys.sealKey(key(NOW), 'shop/app').toString('hex')).to.equal(EXPECTED_SEAL);
  });
});

const EXPECTED_SEAL = '3f004676a4463e4c73b531edbef56b6c1eb71e44986b4185bad7b3d31155e91d';

describe('the keys of a bootstrap answer', () => {
  const two = addKey(ring, key(NOW + HOUR, 8));

  it('are those of every key in the Secret, so that one is known before it is used', () => {
    const parsed = parseScopeKeys(JSON.parse(JSON.stringify(scopeKeysFor(two, 'shop/app', 'pod-1'))));
    expect([...parsed.keys()]).to.deep.equal([...two.keys.keys()]);
    const [first] = parsed.values();
    expect(first?.seal).to.deep.equal(keys.sealKey(keys.currentKey(ring), 'shop/app'));
    expect(first?.verify.type).to.equal('public');
  });

  it('hold no master, no signing key, and nothing of another scope or pod', () => {
    const text = JSON.stringify(scopeKeysFor(two, 'shop/app', 'pod-1'));
    for (const secret of [
      keys.currentKey(ring).master,
      Buffer.alloc(32, 7),
      keys.sealKey(keys.currentKey(ring), 'shop/other'),
      keys.macKey(keys.currentKey(ring), 'pod-2'),
      keys.nonceKey(keys.currentKey(ring), 'shop/app'),
    ]) {
      expect(text).not.to.contain(secret.toString('base64url'));
    }
  });

  for (const value of [[], [{}], 'x', [{ ...scopeKeysFor(ring, 'a/b', 'p')[0], more: 1 }]]) {
    it(`that are ${JSON.stringify(value).slice(0, 12)}… are refused`, () => {
      expect(() => parseScopeKeys(value)).to.throw(keys.KeysError);
    });
  }
});

describe('key rotation', () => {
  it('publishes, uses an hour later, drops a day after that', () => {
    const log: string[] = [];
    let now = keys.currentKey(ring).madeAt;
    let held = ring;
    const end = now + YEAR + 2 * DAY;
    while (now < end) {
      const step = nextRotation(held, now, YEAR);
      if (step.kind === 'wait') now = step.until;
      else log.push(`${step.kind} ${String((now - ring.since) / HOUR)}`);
      if (step.kind === 'publish') held = addKey(held, key(now, 9));
      if (step.kind === 'use') held = useKey(held, step.id, now);
      if (step.kind === 'drop') held = dropKey(held, step.id);
    }
    expect(log).to.deep.equal([`publish ${365 * 24}`, `use ${365 * 24 + 1}`, `drop ${365 * 24 + 25}`]);
    expect(held.keys.size).to.equal(1);
  });

  it('begins when there is no key', () =>
    expect(nextRotation(undefined, NOW, YEAR)).to.deep.equal({ kind: 'publish' }));

  it('that was asleep for a month does not drop the old key in the moment in which the new one is first used', () => {
    const two = addKey(ring, key(NOW + HOUR, 8));
    const late = NOW + 31 * DAY;
    expect(nextRotation(two, late, YEAR).kind).to.equal('use');
    const used = useKey(two, '20261124T100834Z', late);
    expect(nextRotation(used, late, YEAR)).to.deep.equal({ kind: 'wait', until: used.since + DAY });
  });

  it('waits when the clock has gone back', () => {
    expect(nextRotation(ring, NOW - DAY, YEAR).kind).to.equal('wait');
  });

  it('never drops the key in use', () => expect(() => dropKey(ring, ring.current)).to.throw(keys.KeysError));
});
