/**
 * Bodies of the running session's messages, both roles; those of the login are in decode-login.ts. Formats: §54.7.
 * A body is one message, or a ProtocolError is thrown: nothing is missing, nothing left over. Buffers are views.
 */
import { ByteReader, malformed } from '#proxy/bytes/reader';
import type { BindFields, FunctionCallFields, RowField, Target, TransactionStatus } from './encode.ts';
import { MAX_NAME_BYTES } from './messages.ts';

/** Reads a whole body: what `read` leaves over is an error. */
function whole<T>(body: Buffer, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(body);
  const message = read(reader);
  reader.end();
  return message;
}

/** Sync, Flush, CopyDone, the …Complete ones: no body at all. */
export const decodeEmpty = (body: Buffer): void => {
  new ByteReader(body).end();
};

// ---- client to server ----------------------------------------------------------------------------------------------

export const decodeQuery = (body: Buffer): { readonly text: Buffer } => whole(body, (r) => ({ text: r.cstring() }));

export interface ParseMessage {
  readonly name: Buffer;
  readonly text: Buffer;
  readonly oids: readonly number[];
}

export const decodeParse = (body: Buffer): ParseMessage =>
  whole(body, (r) => ({ name: r.cstring(MAX_NAME_BYTES), text: r.cstring(), oids: oids(r) }));

export interface BindHead {
  readonly portal: Buffer;
  readonly statement: Buffer;
  /** Bytes of the body that the names took, their NULs included. */
  readonly consumed: number;
}

/**
 * The names of a Bind, from the beginning of its body: the parameters behind them may be large and are streamed.
 * undefined: the names do not end in these bytes yet. Throws once they are longer than any name may be.
 */
export function decodeBindHead(prefix: Buffer): BindHead | undefined {
  const portalEnd = endOfName(prefix, 0);
  if (portalEnd === undefined) return undefined;
  const statementEnd = endOfName(prefix, portalEnd + 1);
  if (statementEnd === undefined) return undefined;
  return {
    portal: prefix.subarray(0, portalEnd),
    statement: prefix.subarray(portalEnd + 1, statementEnd),
    consumed: statementEnd + 1,
  };
}

function endOfName(prefix: Buffer, start: number): number | undefined {
  const window = prefix.subarray(start, start + MAX_NAME_BYTES + 1);
  const end = window.indexOf(0);
  if (end !== -1) return start + end;
  if (window.length > MAX_NAME_BYTES) throw malformed('string too long');
  return undefined;
}

export type BindMessage = Required<BindFields> & {
  readonly portal: Buffer;
  readonly statement: Buffer;
  readonly parameters: readonly (Buffer | null)[];
};

export const decodeBind = (body: Buffer): BindMessage =>
  whole(body, (r) => ({
    portal: r.cstring(MAX_NAME_BYTES),
    statement: r.cstring(MAX_NAME_BYTES),
    formats: shorts(r),
    parameters: values(r),
    resultFormats: shorts(r),
  }));

export const decodeExecute = (body: Buffer): { readonly portal: Buffer; readonly maxRows: number } =>
  whole(body, (r) => ({ portal: r.cstring(MAX_NAME_BYTES), maxRows: r.i32() }));

export interface TargetMessage {
  readonly target: Target;
  readonly name: Buffer;
}

const decodeTarget = (body: Buffer): TargetMessage =>
  whole(body, (r) => ({ target: oneOf(r.u8(), ['S', 'P']), name: r.cstring(MAX_NAME_BYTES) }));

export const decodeDescribe = decodeTarget;
export const decodeClose = decodeTarget;

export type FunctionCallMessage = Required<FunctionCallFields> & { readonly parameters: readonly (Buffer | null)[] };

export const decodeFunctionCall = (body: Buffer): FunctionCallMessage =>
  whole(body, (r) => ({ oid: r.u32(), formats: shorts(r), parameters: values(r), resultFormat: r.i16() }));

export const decodeCopyFail = (body: Buffer): { readonly message: Buffer } =>
  whole(body, (r) => ({ message: r.cstring() }));

// ---- server to client ----------------------------------------------------------------------------------------------

/**
 * Fields of an ErrorResponse or NoticeResponse (§54.8) by their letters, in order. A letter that comes twice is kept
 * twice: nothing is lost when they are written anew.
 */
export type MessageFields = readonly (readonly [letter: string, text: Buffer])[];

export const decodeErrorFields = (body: Buffer): MessageFields =>
  whole(body, (r) => {
    const fields: [string, Buffer][] = [];
    for (let letter = r.u8(); letter !== 0; letter = r.u8()) {
      fields.push([String.fromCharCode(letter), r.cstring()]);
    }
    return fields;
  });

export const decodeNoticeFields = decodeErrorFields;

/** The first field with this letter, as text. */
export const errorField = (fields: MessageFields, letter: string): string | undefined =>
  fields.find(([name]) => name === letter)?.[1].toString('utf8');

export const decodeParameterStatus = (body: Buffer): { readonly name: string; readonly value: string } =>
  whole(body, (r) => ({ name: r.cstring().toString('utf8'), value: r.cstring().toString('utf8') }));

export const decodeReadyForQuery = (body: Buffer): TransactionStatus =>
  whole(body, (r) => oneOf(r.u8(), ['I', 'T', 'E']));

export const decodeCommandComplete = (body: Buffer): { readonly tag: string } =>
  whole(body, (r) => ({ tag: r.cstring().toString('utf8') }));

export interface NotificationMessage {
  readonly pid: number;
  readonly channel: Buffer;
  readonly payload: Buffer;
}

export const decodeNotificationResponse = (body: Buffer): NotificationMessage =>
  whole(body, (r) => ({ pid: r.i32(), channel: r.cstring(), payload: r.cstring() }));

export const decodeParameterDescription = (body: Buffer): readonly number[] => whole(body, oids);

/** Name's NUL, and 18 bytes behind it. */
const ROW_FIELD_BYTES = 19;

export const decodeRowDescription = (body: Buffer): readonly RowField[] =>
  whole(body, (r) =>
    Array.from({ length: r.count(r.u16(), ROW_FIELD_BYTES) }, () => ({
      name: r.cstring(),
      relation: r.u32(),
      column: r.i16(),
      type: r.u32(),
      typeSize: r.i16(),
      typeModifier: r.i32(),
      format: r.i16(),
    })),
  );

export const decodeDataRow = (body: Buffer): readonly (Buffer | null)[] => whole(body, values);

export const decodeFunctionCallResponse = (body: Buffer): Buffer | null => whole(body, value);

export interface CopyResponse {
  /** 0 text, 1 binary. */
  readonly format: number;
  readonly columns: readonly number[];
}

/** CopyInResponse, CopyOutResponse, CopyBothResponse. */
export const decodeCopyResponse = (body: Buffer): CopyResponse =>
  whole(body, (r) => ({ format: r.u8(), columns: shorts(r) }));

// ---- parts ---------------------------------------------------------------------------------------------------------

function oneOf<Letter extends string>(byte: number, letters: readonly Letter[]): Letter {
  const found = letters.find((letter) => letter.charCodeAt(0) === byte);
  if (found === undefined) throw malformed('unknown letter');
  return found;
}

/** Counts are unsigned: the server allows 65,535 of each. */
const oids = (r: ByteReader): number[] => Array.from({ length: r.count(r.u16(), 4) }, () => r.u32());

const shorts = (r: ByteReader): number[] => Array.from({ length: r.count(r.u16(), 2) }, () => r.i16());

const values = (r: ByteReader): (Buffer | null)[] => Array.from({ length: r.count(r.u16(), 4) }, () => value(r));

/** -1 is NULL; what is below is refused. */
function value(r: ByteReader): Buffer | null {
  const length = r.i32();
  return length === -1 ? null : r.bytes(length);
}
