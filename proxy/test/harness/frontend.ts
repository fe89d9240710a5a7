/**
 * The client's messages, built from the manual's pages ("Message Formats", protocol.html) and from nothing of the
 * proxy's: the suites' own opinion of the protocol.
 */

export const PROTOCOL_3_0 = 0x0003_0000;
export const PROTOCOL_3_2 = 0x0003_0002;
export const SSL_REQUEST = 80877103;
export const GSSENC_REQUEST = 80877104;
export const CANCEL_REQUEST = 80877102;

export type Text = string | Buffer;
/** null: SQL NULL. A string goes as text, bytes as they are. */
export type Value = string | Buffer | null;

/** One message: its type, its length, its body. */
export function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(type, 0, 1, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** A start-up packet: no type. */
export function packet(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length + 4), body]);
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value & 0xffff);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function cstring(text: Text): Buffer {
  return Buffer.concat([typeof text === 'string' ? Buffer.from(text) : text, Buffer.from([0])]);
}

export type Parameters = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

export function startup(parameters: Parameters, version = PROTOCOL_3_0): Buffer {
  const pairs: readonly (readonly [string, string])[] = Array.isArray(parameters)
    ? parameters
    : Object.entries(parameters);
  const parts = pairs.flatMap(([name, value]) => [cstring(name), cstring(value)]);
  return packet(int32(version), ...parts, Buffer.from([0]));
}

export const sslRequest = (): Buffer => packet(int32(SSL_REQUEST));
export const gssencRequest = (): Buffer => packet(int32(GSSENC_REQUEST));
export const cancelRequest = (pid: number, key: Buffer): Buffer => packet(int32(CANCEL_REQUEST), int32(pid), key);

export const query = (text: Text): Buffer => message('Q', cstring(text));

export function parse(
  text: Text,
  { name = '', types = [] }: { readonly name?: Text; readonly types?: readonly number[] } = {},
): Buffer {
  return message('P', cstring(name), cstring(text), int16(types.length), ...types.map(int32));
}

export interface BindOptions {
  readonly portal?: Text;
  readonly statement?: Text;
  readonly values?: readonly Value[];
  /** 0 text, 1 binary; one for all, or one each. Default: none given, so text. */
  readonly formats?: readonly number[];
  readonly resultFormats?: readonly number[];
}

export function bind(options: BindOptions = {}): Buffer {
  const { portal = '', statement = '', values = [], formats = [], resultFormats = [] } = options;
  const parts = values.flatMap((value) => {
    if (value === null) return [int32(-1)];
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    return [int32(bytes.length), bytes];
  });
  return message(
    'B',
    cstring(portal),
    cstring(statement),
    int16(formats.length),
    ...formats.map(int16),
    int16(values.length),
    ...parts,
    int16(resultFormats.length),
    ...resultFormats.map(int16),
  );
}

export const describeStatement = (name: Text = ''): Buffer => message('D', Buffer.from('S'), cstring(name));
export const describePortal = (name: Text = ''): Buffer => message('D', Buffer.from('P'), cstring(name));
export const closeStatement = (name: Text = ''): Buffer => message('C', Buffer.from('S'), cstring(name));
export const closePortal = (name: Text = ''): Buffer => message('C', Buffer.from('P'), cstring(name));
/** `rows` 0: all. */
export const execute = (portal: Text = '', rows = 0): Buffer => message('E', cstring(portal), int32(rows));
export const sync = (): Buffer => message('S');
export const flush = (): Buffer => message('H');
export const terminate = (): Buffer => message('X');
export const copyData = (bytes: Text): Buffer => message('d', typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
export const copyDone = (): Buffer => message('c');
export const copyFail = (reason: Text): Buffer => message('f', cstring(reason));
/** Password, SASLInitialResponse and SASLResponse share this type. */
export const passwordMessage = (body: Buffer): Buffer => message('p', body);

export function functionCall(oid: number, values: readonly Value[], resultFormat = 0): Buffer {
  const parts = values.flatMap((value) => {
    if (value === null) return [int32(-1)];
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    return [int32(bytes.length), bytes];
  });
  return message('F', int32(oid), int16(0), int16(values.length), ...parts, int16(resultFormat));
}

/** Parse, Bind, Describe, Execute of one unnamed statement, without Sync. */
export function extended(text: Text, values: readonly Value[] = []): Buffer {
  return Buffer.concat([parse(text), bind({ values }), describePortal(), execute()]);
}
