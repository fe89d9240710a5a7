import { expect } from 'chai';
import { Outbox } from '#proxy/bytes/outbox';
import { ProtocolError } from '#proxy/bytes/protocol-error';
import { encodeBind, encodeCopyData, encodeMessage, encodeQuery, encodeSync } from './encode.ts';
import { ClientFraming, ServerFraming, VERDICT, type ClientFrame, type ServerReader, type Verdict } from './framing.ts';
import { BACKEND, FRONTEND } from './messages.ts';

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

class Recording implements ServerReader {
  readonly heads: string[] = [];
  readonly wholes: string[] = [];
  readonly #verdicts: Readonly<Record<string, Verdict>>;

  constructor(verdicts: Readonly<Record<string, Verdict>>) {
    this.#verdicts = verdicts;
  }

  head(type: number): Verdict {
    const letter = String.fromCharCode(type);
    this.heads.push(letter);
    return this.#verdicts[letter] ?? VERDICT.forward;
  }

  whole(type: number, body: Buffer): boolean {
    this.wholes.push(String.fromCharCode(type) + body.toString());
    return type !== BACKEND.ErrorResponse;
  }
}

describe('framing of what a server sends', () => {
  const row = encodeMessage(BACKEND.DataRow, Buffer.alloc(300, 1));
  const dropped = encodeMessage(BACKEND.CopyData, Buffer.alloc(200, 2));
  const error = encodeMessage(BACKEND.ErrorResponse, Buffer.from('error'));
  const ready = encodeMessage(BACKEND.ReadyForQuery, Buffer.from('I'));
  const bytes = Buffer.concat([row, dropped, row, error, row, ready, dropped, row]);

  for (const piece of [1, 2, 5, 6, 100, 301, 100_000]) {
    it(`drops, reads and forwards alike in pieces of ${String(piece)}`, () => {
      const reader = new Recording({ d: VERDICT.drop, E: VERDICT.whole, Z: VERDICT.whole });
      const outbox = new Outbox();
      const framing = new ServerFraming(reader, outbox);
      const sent: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += piece) {
        framing.receive(bytes.subarray(at, at + piece));
        sent.push(...outbox.take().map((part) => Buffer.from(part)));
      }
      expect(Buffer.concat(sent).equals(Buffer.concat([row, row, row, ready, row]))).to.equal(true);
      expect(reader.heads.join('')).to.equal('DdDEDZdD');
      expect(reader.wholes).to.eql(['Eerror', 'ZI']);
    });
  }

  it('forwards what it need not look at in one slice of what was received', () => {
    const outbox = new Outbox();
    const chunk = Buffer.concat([row, row, ready, row]);
    new ServerFraming(new Recording({ Z: VERDICT.whole }), outbox).receive(chunk);
    const parts = outbox.take();
    expect(parts.length).to.equal(1);
    expect(parts[0]?.buffer).to.equal(chunk.buffer);
  });

  it('puts what the reader adds between what was received before and after', () => {
    const outbox = new Outbox();
    const reader = new Recording({ E: VERDICT.whole });
    reader.whole = () => {
      outbox.add(Buffer.from('ours'));
      return false;
    };
    new ServerFraming(reader, outbox).receive(Buffer.concat([row, error, ready]));
    expect(Buffer.concat(outbox.take()).equals(Buffer.concat([row, Buffer.from('ours'), ready]))).to.equal(true);
  });

  it('refuses types that no server sends, and lengths that cannot be', () => {
    for (const wrong of ['?\0\0\0\x04', 'D\0\0\0\x03', 'D\xff\xff\xff\xff']) {
      const framing = new ServerFraming(new Recording({}), new Outbox());
      expect(() => framing.receive(Buffer.from(wrong, 'latin1'))).to.throw(ProtocolError);
    }
  });
});
