import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { ProtocolError } from '../protocol.ts';
import { LoginFraming } from './decode-frames.ts';
import { decodeAuthentication, decodeStartup } from './decode-login.ts';
import * as decode from './decode.ts';
import * as encode from './encode.ts';
import { encodeStartup } from './encode-login.ts';
import { BACKEND_NAMES, FRONTEND_NAMES, LARGE_MESSAGE_BYTES, MAX_NAME_BYTES, MAX_STARTUP_BYTES } from './messages.ts';
import { RECODE_BACKEND, RECODE_FRONTEND, RECODE_PASSWORD, recodeStartup } from './testdata/recode.ts';
import { BACKEND_VECTORS, FRONTEND_VECTORS, PASSWORD_VECTORS, STARTUP_VECTORS } from './testdata/vectors.ts';
import type { Frame } from '../protocol.ts';
import type { Recode } from './testdata/recode.ts';

const TYPED = { untyped: false, limit: LARGE_MESSAGE_BYTES } as const;
const UNTYPED = { untyped: true, limit: MAX_STARTUP_BYTES } as const;

/** One message split out of bytes that come in pieces of `size`. */
function split(bytes: Buffer, size: number, untyped: boolean): Frame {
  const framing = new LoginFraming();
  for (let at = 0; at < bytes.length; at += size) {
    expect(framing.next(untyped ? UNTYPED : TYPED), 'whole before its last byte').to.equal(undefined);
    framing.push(bytes.subarray(at, at + size));
  }
  const frame = framing.next(untyped ? UNTYPED : TYPED);
  expect(framing.length, 'bytes left').to.equal(0);
  if (frame === undefined) throw new Error('never whole');
  return frame;
}

const whole = (bytes: Buffer): Frame => split(bytes, bytes.length, false);
const body = (bytes: Buffer): Buffer => bytes.subarray(5);

interface Side {
  readonly side: string;
  readonly vectors: typeof FRONTEND_VECTORS;
  readonly recode: Readonly<Record<string, Recode>>;
  readonly untyped: boolean;
}

const SIDES: readonly Side[] = [
  { side: 'client', vectors: FRONTEND_VECTORS, recode: RECODE_FRONTEND, untyped: false },
  { side: 'client, password', vectors: PASSWORD_VECTORS, recode: RECODE_PASSWORD, untyped: false },
  { side: 'server', vectors: BACKEND_VECTORS, recode: RECODE_BACKEND, untyped: false },
  {
    side: 'client, start-up',
    vectors: STARTUP_VECTORS,
    recode: Object.fromEntries(STARTUP_VECTORS.map(({ name }) => [name, (b: Buffer) => recodeStartup(b)!])),
    untyped: true,
  },
];

describe('vectors of the manual', () => {
  for (const { side, vectors, recode, untyped } of SIDES) {
    for (const [index, vector] of vectors.entries()) {
      it(`${side}: ${vector.name} (${index}) whole, byte by byte, and round`, () => {
        for (const size of [vector.bytes.length, 1]) {
          const frame = split(vector.bytes, size, untyped);
          expect(recode[vector.name]!(frame.body).toString('hex')).to.equal(vector.bytes.toString('hex'));
        }
      });
    }
  }

  it('every message of the protocol has one', () => {
    const names = new Set([...FRONTEND_VECTORS, ...BACKEND_VECTORS].map((vector) => vector.name));
    const missing = [...FRONTEND_NAMES.values(), ...BACKEND_NAMES.values()].filter((name) => !names.has(name));
    expect(missing).to.deep.equal(['Password']);
  });

  it('cut anywhere, or with a byte more, none is a message', () => {
    const open = new Set(['CopyData', 'saslResponse', 'Authentication', 'BackendKeyData', 'CancelRequest']); // end where they end
    for (const { vectors, recode, untyped } of SIDES) {
      for (const vector of vectors.filter(({ name }) => !open.has(name))) {
        const whole = vector.bytes.subarray(untyped ? 4 : 5);
        for (let length = 0; length < whole.length; length += 1) {
          expect(() => recode[vector.name]!(whole.subarray(0, length)), `${vector.name} cut at ${length}`).to.throw(
            ProtocolError,
          );
        }
        expect(() => recode[vector.name]!(Buffer.concat([whole, Buffer.from([1])])), vector.name).to.throw(
          ProtocolError,
        );
      }
    }
  });
});

type Chunk = readonly [from: 'client' | 'server', base64: string];

/** One direction of a recorded connection: its framing, and the names of what came. */
class Direction {
  framing = new LoginFraming();
  readonly seen: string[] = [];
}

/** What the client's `p` is, is said by the server's last request. */
function passwordKind(last: Frame | undefined): keyof typeof RECODE_PASSWORD {
  const request = last === undefined ? undefined : decodeAuthentication(last.body).kind;
  return request === 'sasl' ? 'saslInitial' : request === 'sasl-continue' ? 'saslResponse' : 'password';
}

/** Walks a recorded connection; every message must be known and come out of its codec as it went in. */
function replay(chunks: readonly Chunk[], size: number): string[] {
  const client = new Direction();
  const server = new Direction();
  let startup = true;
  let sslAnswer = false;
  let request: Frame | undefined;
  const clientFrame = (): boolean => {
    const frame = client.framing.next(startup ? UNTYPED : TYPED);
    if (frame === undefined) return false;
    if (startup) {
      const packet = decodeStartup(frame.body);
      expect(recodeStartup(frame.body)!.subarray(4).equals(frame.body)).to.equal(true);
      startup = packet.kind !== 'startup';
      sslAnswer = packet.kind === 'ssl';
      client.seen.push(packet.kind);
      return true;
    }
    const name = FRONTEND_NAMES.get(frame.type);
    if (name === undefined) throw new Error('unknown message');
    const recoded =
      name === 'Password' ? RECODE_PASSWORD[passwordKind(request)](frame.body) : RECODE_FRONTEND[name](frame.body);
    expect(body(recoded).equals(frame.body), name).to.equal(true);
    client.seen.push(name);
    return true;
  };
  const serverFrame = (): boolean => {
    if (sslAnswer) {
      if (server.framing.peek() === undefined) return false;
      expect(server.framing.peek()).to.equal('N'.charCodeAt(0));
      const rest = server.framing.rest().subarray(1);
      server.framing = new LoginFraming();
      server.framing.push(rest);
      sslAnswer = false;
    }
    const frame = server.framing.next(TYPED);
    if (frame === undefined) return false;
    const name = BACKEND_NAMES.get(frame.type);
    if (name === undefined) throw new Error('unknown message');
    if (name === 'Authentication') request = frame;
    expect(body(RECODE_BACKEND[name](frame.body)).equals(frame.body), name).to.equal(true);
    server.seen.push(name);
    return true;
  };
  for (const [from, base64] of chunks) {
    const bytes = Buffer.from(base64, 'base64');
    for (let at = 0; at < bytes.length; at += size) {
      (from === 'client' ? client : server).framing.push(bytes.subarray(at, at + size));
      while (from === 'client' ? clientFrame() : serverFrame());
    }
  }
  expect(client.framing.length + server.framing.length, 'bytes left').to.equal(0);
  return [...client.seen, ...server.seen];
}

describe('recorded connections', () => {
  const seen = new Set<string>();
  for (const major of [15, 18]) {
    const file = new URL(`./testdata/capture-${major}.json`, import.meta.url);
    const captures = JSON.parse(readFileSync(file, 'utf8')) as { name: string; chunks: Chunk[] }[];
    for (const [index, { name, chunks }] of captures.entries()) {
      it(`PostgreSQL ${major}: ${name} (${index}) as recorded, byte by byte, and round`, () => {
        const names = replay(chunks, Number.POSITIVE_INFINITY);
        expect(names.length).to.be.greaterThan(10);
        expect(replay(chunks, 1)).to.deep.equal(names);
        for (const each of names) seen.add(each);
      });
    }
  }

  it('show what clients do: extended protocol, COPY, FunctionCall, notices', () => {
    expect([...seen]).to.include.members([
      'Bind',
      'Parse',
      'Describe',
      'CopyData',
      'FunctionCall',
      'NoticeResponse',
      'PortalSuspended',
      'NotificationResponse',
      'FunctionCallResponse',
      'ssl',
    ]);
  });
});

describe('bytes that lie', () => {
  it('NUL in a text cannot smuggle a second one', () => {
    expect(() => decode.decodeQuery(Buffer.from('select 1\0drop table t\0'))).to.throw(ProtocolError);
    expect(() => decode.decodeParse(Buffer.from('s\0select 1\0drop table t\0\0\0'))).to.throw(ProtocolError);
    expect(() => encode.encodeQuery(Buffer.from('select 1\0; drop'))).to.throw(RangeError);
    expect(() => encode.encodeParse(Buffer.from('s\0t'), Buffer.from(''))).to.throw(RangeError);
    expect(() => encodeStartup(2, [['application_name', 'x\0user\0postgres']])).to.throw(RangeError);
    expect(() => encodeStartup(2, [['', 'x']])).to.throw(RangeError);
  });

  it('a NUL in a message of ours ends nothing early', () => {
    const bytes = encode.encodeErrorResponse({ sqlstate: '42501', message: 'a\0b' });
    expect(decode.errorField(decode.decodeErrorFields(body(bytes)), 'M')).to.equal('a\u{fffd}b');
  });

  it('counts beyond the end cost nothing', () => {
    const many = Buffer.concat([Buffer.from('\0\0'), Buffer.from('ffff', 'hex'), Buffer.alloc(10)]);
    expect(() => decode.decodeBind(many)).to.throw(ProtocolError, 'count');
    expect(() => decode.decodeDataRow(Buffer.from('ffff0000', 'hex'))).to.throw(ProtocolError, 'count');
    expect(() => decode.decodeRowDescription(Buffer.from('ffff00', 'hex'))).to.throw(ProtocolError, 'count');
  });

  it('a parameter of negative length other than NULL is none', () => {
    expect(() => decode.decodeDataRow(Buffer.from('0001fffffffe', 'hex'))).to.throw(ProtocolError, 'negative');
  });

  it('a length below four or beyond the limit is refused before the body comes', () => {
    for (const head of ['5300000003', '53ffffffff', '5300002715', '537fffffff']) {
      const framing = new LoginFraming();
      framing.push(Buffer.from(head, 'hex'));
      expect(() => framing.next({ untyped: false, limit: 10_000 }), head).to.throw(ProtocolError);
    }
  });

  it('a name longer than any is refused', () => {
    const long = Buffer.alloc(MAX_NAME_BYTES + 1, 'n');
    expect(() => decode.decodeExecute(Buffer.concat([long, Buffer.alloc(5)]))).to.throw(ProtocolError, 'too long');
    const longest = Buffer.concat([long.subarray(1), Buffer.alloc(5)]);
    expect(decode.decodeExecute(longest).portal.length).to.equal(MAX_NAME_BYTES);
  });

  it('S and P are the only targets, I, T and E the only states', () => {
    expect(() => decode.decodeDescribe(Buffer.from('Xn\0'))).to.throw(ProtocolError);
    expect(() => decode.decodeReadyForQuery(Buffer.from('X'))).to.throw(ProtocolError);
  });
});

describe('the head of a Bind', () => {
  const bind = body(
    encode.encodeBind({ portal: Buffer.from('por'), statement: Buffer.from('st'), parameters: [Buffer.from('x')] }),
  );

  it('is read from any prefix that holds both names', () => {
    for (let length = 0; length <= bind.length; length += 1) {
      const head = decode.decodeBindHead(bind.subarray(0, length));
      if (length < 7) expect(head).to.equal(undefined);
      else expect(head).to.deep.equal({ portal: Buffer.from('por'), statement: Buffer.from('st'), consumed: 7 });
    }
  });

  it('a name that never ends is refused once it is longer than any', () => {
    const endless = Buffer.alloc(MAX_NAME_BYTES, 'n');
    expect(decode.decodeBindHead(endless)).to.equal(undefined);
    expect(() => decode.decodeBindHead(Buffer.concat([endless, Buffer.from('n')]))).to.throw(ProtocolError);
    expect(() => decode.decodeBindHead(Buffer.concat([Buffer.from('p\0'), endless, Buffer.from('n')]))).to.throw(
      ProtocolError,
    );
  });
});

describe('fuzz: a message or a ProtocolError', () => {
  const orProtocolError = (run: () => unknown): void => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  };

  const decoders: [string, Recode][] = [
    ...Object.entries({ ...RECODE_FRONTEND, ...RECODE_PASSWORD }).map(([name, r]): [string, Recode] => [
      `client ${name}`,
      r,
    ]),
    ...Object.entries(RECODE_BACKEND).map(([name, r]): [string, Recode] => [`server ${name}`, r]),
    ['client start-up', (bytes) => (decodeStartup(bytes), bytes)],
  ];

  /** Encoders throw RangeError on what no decoder may let through: those would be found here as well. */
  for (const [name, recode] of decoders) {
    it(`${name}: any bytes`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => orProtocolError(() => recode(Buffer.from(bytes)))),
      );
    });
  }

  const vectors = SIDES.flatMap(({ vectors: list, recode, untyped }) =>
    list.map((vector) => ({ recode: recode[vector.name]!, bytes: vector.bytes.subarray(untyped ? 4 : 5) })),
  );

  it('vectors with bytes changed, cut out and put in', () => {
    const edit = fc.record({ at: fc.nat(400), cut: fc.nat(4), put: fc.uint8Array({ maxLength: 4 }) });
    fc.assert(
      fc.property(fc.constantFrom(...vectors), fc.array(edit, { minLength: 1, maxLength: 3 }), (vector, edits) => {
        let bytes = vector.bytes;
        for (const { at, cut, put } of edits) {
          const start = at % (bytes.length + 1);
          bytes = Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(start + cut)]);
        }
        orProtocolError(() => vector.recode(bytes));
      }),
      { numRuns: 5_000 },
    );
  });

  it('what is decoded whole is encoded to the same bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.entries(RECODE_FRONTEND)),
        fc.uint8Array({ maxLength: 40 }),
        ([name, recode], bytes) => {
          orProtocolError(() => {
            const out = body(recode(Buffer.from(bytes)));
            expect(out.equals(bytes), name).to.equal(true);
          });
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('framing: any stream in any pieces is messages or an error, and never stalls', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 10 }), fc.boolean(), (pieces, untyped) => {
        const framing = new LoginFraming();
        orProtocolError(() => {
          for (const piece of pieces) {
            framing.push(Buffer.from(piece));
            while (framing.next({ untyped, limit: 100 }) !== undefined);
            expect(framing.length).to.be.lessThan(105);
          }
        });
      }),
    );
  });

  it('a frame taken whole is what framing finds', () => {
    expect(whole(encode.encodeSync()).type).to.equal('S'.charCodeAt(0));
  });
});
