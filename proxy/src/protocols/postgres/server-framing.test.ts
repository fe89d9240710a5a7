import { expect } from 'chai';
import { Outbox } from '#proxy/bytes/outbox';
import { ProtocolError } from '#proxy/bytes/protocol-error';
import { encodeMessage } from './encode.ts';
import { BACKEND } from './messages.ts';
import { ServerFraming, VERDICT, type ServerReader, type Verdict } from './server-framing.ts';

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
