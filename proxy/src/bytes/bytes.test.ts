import { expect } from 'chai';
import { ProtocolError } from './protocol-error.ts';
import { ByteReader } from './reader.ts';
import { ByteWriter } from './writer.ts';

describe('bytes', () => {
  it('what is written is read', () => {
    const bytes = new ByteWriter(1)
      .u8(255)
      .u16(65_535)
      .i16(-1)
      .u32(4_294_967_295)
      .i32(-2)
      .bytes(Buffer.from('ab'))
      .cstring('ü')
      .cstring(Buffer.alloc(0))
      .finish();
    const r = new ByteReader(bytes);
    expect([r.u8(), r.u16(), r.i16(), r.u32(), r.i32()]).to.deep.equal([255, 65_535, -1, 4_294_967_295, -2]);
    expect([r.bytes(2).toString(), r.cstring().toString(), r.cstring().length]).to.deep.equal(['ab', 'ü', 0]);
    expect(r.offset).to.equal(bytes.length);
    r.end();
  });

  it('nothing is read beyond the end, and a failed read takes nothing', () => {
    const reads: ((r: ByteReader) => unknown)[] = [
      (r) => r.u8(),
      (r) => r.u16(),
      (r) => r.i16(),
      (r) => r.u32(),
      (r) => r.i32(),
      (r) => r.bytes(1),
      (r) => r.bytes(-1),
      (r) => r.cstring(),
      (r) => r.count(1, 1),
      (r) => r.count(-1, 1),
    ];
    for (const read of reads) {
      const r = new ByteReader(Buffer.alloc(0));
      expect(() => read(r), read.toString())
        .to.throw(ProtocolError)
        .with.property('code', '08P01');
      expect(r.offset).to.equal(0);
    }
    const r = new ByteReader(Buffer.from('abc'));
    expect(() => r.u32()).to.throw(ProtocolError);
    expect(() => r.cstring()).to.throw(ProtocolError);
    expect(r.remaining).to.equal(3);
  });

  it('what is left over is an error', () => {
    expect(() => new ByteReader(Buffer.from('x')).end()).to.throw(ProtocolError);
  });

  it('a string beyond its limit is refused, one of the limit is not', () => {
    expect(() => new ByteReader(Buffer.from('abc\0')).cstring(2)).to.throw(ProtocolError);
    expect(new ByteReader(Buffer.from('ab\0')).cstring(2).toString()).to.equal('ab');
  });

  it('an error never says what was received', () => {
    try {
      new ByteReader(Buffer.from('secret')).cstring();
    } catch (error) {
      expect((error as Error).message).not.to.contain('secret');
    }
  });

  it('numbers out of range and NULs in strings are not written', () => {
    const w = new ByteWriter();
    expect(() => w.u8(256)).to.throw(RangeError);
    expect(() => w.i16(40_000)).to.throw(RangeError);
    expect(() => w.u16(-1)).to.throw(RangeError);
    expect(() => w.i32(0x80000000)).to.throw(RangeError);
    expect(() => w.cstring('a\0b')).to.throw(RangeError);
  });
});
