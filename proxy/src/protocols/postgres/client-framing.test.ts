import { expect } from 'chai';
import { ProtocolError } from '#proxy/bytes/protocol-error';
import { ClientFraming, type ClientFrame } from './client-framing.ts';
import { encodeBind, encodeCopyData, encodeQuery, encodeSync } from './encode.ts';
import { FRONTEND } from './messages.ts';

const LIMIT = 1_000;

function frames(framing: ClientFraming, bytes: Buffer, piece: number): ClientFrame[] {
  const found: ClientFrame[] = [];
  for (let at = 0; at < bytes.length; at += piece) {
    framing.push(bytes.subarray(at, at + piece));
    for (let frame = framing.next(); frame !== undefined; frame = framing.next()) found.push(frame);
  }
  return found;
}

describe('framing of what a client sends', () => {
  const bind = encodeBind({
    portal: Buffer.from('p'),
    statement: Buffer.from('s'),
    parameters: [Buffer.alloc(40_000)],
  });
  const before = [encodeQuery(Buffer.from('select 1')), bind, encodeCopyData(Buffer.alloc(3_000, 7)), encodeSync()];
  const bytes = Buffer.concat([...before, encodeQuery(Buffer.alloc(LIMIT + 1, 0x20)), encodeSync()]);

  for (const piece of [1, 3, 7, 4_096, 100_000]) {
    it(`gives the same bytes in pieces of ${String(piece)}, and skips only a text beyond the limit`, () => {
      const found = frames(new ClientFraming(LIMIT), bytes, piece);
      const skipped = found.filter(({ oversize }) => oversize);
      expect(skipped.map(({ type }) => type)).to.eql([FRONTEND.Query]);
      const kept = Buffer.concat(found.filter(({ oversize }) => !oversize).map((frame) => frame.bytes));
      expect(kept.equals(Buffer.concat([...before, encodeSync()]))).to.equal(true);
    });
  }

  it('builds no more of a Bind than its names can take', () => {
    const framing = new ClientFraming(LIMIT);
    framing.push(bind.subarray(0, 16 * 1024));
    const head = framing.next();
    expect([head?.bytes.length, head?.rest]).to.eql([16 * 1024, bind.length - 16 * 1024]);
  });

  it('a length that lies reserves nothing', () => {
    const framing = new ClientFraming(0x3fffffff);
    const head = Buffer.from([FRONTEND.Query, 0x3f, 0, 0, 0, 0x41]);
    const before = process.memoryUsage().arrayBuffers;
    framing.push(head);
    expect(framing.next()).to.equal(undefined);
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(100_000);
  });

  const illegal: readonly (readonly [string, Buffer])[] = [
    ['an unknown type', Buffer.from('?\0\0\0\x04', 'latin1')],
    ['a password after login', Buffer.from('p\0\0\0\x05\0', 'latin1')],
    ['a length below four', Buffer.from('S\0\0\0\x03', 'latin1')],
    ['a negative length', Buffer.from('Q\xff\xff\xff\xff', 'latin1')],
    ['a Sync that is too long', Buffer.from('S\0\x01\0\0', 'latin1')],
  ];
  for (const [what, wrong] of illegal) {
    it(`refuses ${what}, whole and byte by byte`, () => {
      expect(() => frames(new ClientFraming(LIMIT), wrong, 100)).to.throw(ProtocolError);
      expect(() => frames(new ClientFraming(LIMIT), wrong, 1)).to.throw(ProtocolError);
    });
  }
});
