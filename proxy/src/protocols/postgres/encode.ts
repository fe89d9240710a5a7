/** Messages of the running session as bytes, both roles; those of the login are in encode-login.ts. Formats: §54.7. */
import { ByteWriter } from '#proxy/bytes/writer';
import { BACKEND, FRONTEND } from './messages.ts';

const TYPE_AND_LENGTH = 5;

/** A typed message around a body. */
export function encodeMessage(type: number, body: Uint8Array): Buffer {
  return new ByteWriter(TYPE_AND_LENGTH + body.length)
    .u8(type)
    .i32(body.length + 4)
    .bytes(body)
    .finish();
}

const build = (type: number, fill: (writer: ByteWriter) => void): Buffer => {
  const writer = new ByteWriter(128).u8(type).i32(0);
  fill(writer);
  const bytes = writer.finish();
  bytes.writeInt32BE(bytes.length - 1, 1);
  return bytes;
};

const bare = (type: number) => (): Buffer => encodeMessage(type, new Uint8Array(0));

// ---- client to server ----------------------------------------------------------------------------------------------

export const encodeSync = bare(FRONTEND.Sync);
export const encodeFlush = bare(FRONTEND.Flush);
export const encodeTerminate = bare(FRONTEND.Terminate);
export const encodeCopyDone = bare(FRONTEND.CopyDone);

export const encodeQuery = (text: Uint8Array): Buffer => build(FRONTEND.Query, (w) => w.cstring(text));

export const encodeParse = (name: Uint8Array, text: Uint8Array, oids: readonly number[] = []): Buffer =>
  build(FRONTEND.Parse, (w) => {
    w.cstring(name).cstring(text).u16(oids.length);
    for (const oid of oids) w.u32(oid);
  });

export interface BindFields {
  readonly portal: Uint8Array;
  readonly statement: Uint8Array;
  /** None: all text; one: for all; else one per parameter. 0 text, 1 binary. */
  readonly formats?: readonly number[];
  readonly parameters?: readonly (Uint8Array | null)[];
  readonly resultFormats?: readonly number[];
}

export const encodeBind = (fields: BindFields): Buffer =>
  build(FRONTEND.Bind, (w) => {
    w.cstring(fields.portal).cstring(fields.statement);
    shorts(w, fields.formats ?? []);
    values(w, fields.parameters ?? []);
    shorts(w, fields.resultFormats ?? []);
  });

/** maxRows 0: no limit. */
export const encodeExecute = (portal: Uint8Array, maxRows = 0): Buffer =>
  build(FRONTEND.Execute, (w) => w.cstring(portal).i32(maxRows));

/** S: prepared statement, P: portal. */
export type Target = 'S' | 'P';

export const encodeDescribe = (target: Target, name: Uint8Array): Buffer =>
  build(FRONTEND.Describe, (w) => w.u8(target.charCodeAt(0)).cstring(name));

export const encodeClose = (target: Target, name: Uint8Array): Buffer =>
  build(FRONTEND.Close, (w) => w.u8(target.charCodeAt(0)).cstring(name));

export interface FunctionCallFields {
  readonly oid: number;
  readonly formats?: readonly number[];
  readonly parameters?: readonly (Uint8Array | null)[];
  readonly resultFormat?: number;
}

export const encodeFunctionCall = (fields: FunctionCallFields): Buffer =>
  build(FRONTEND.FunctionCall, (w) => {
    w.u32(fields.oid);
    shorts(w, fields.formats ?? []);
    values(w, fields.parameters ?? []);
    w.i16(fields.resultFormat ?? 0);
  });

export const encodeCopyFail = (message: Uint8Array | string): Buffer =>
  build(FRONTEND.CopyFail, (w) => w.cstring(message));

// ---- server to client ----------------------------------------------------------------------------------------------

export const encodeParseComplete = bare(BACKEND.ParseComplete);
export const encodeBindComplete = bare(BACKEND.BindComplete);
export const encodeCloseComplete = bare(BACKEND.CloseComplete);
export const encodeNoData = bare(BACKEND.NoData);
export const encodeEmptyQueryResponse = bare(BACKEND.EmptyQueryResponse);
export const encodePortalSuspended = bare(BACKEND.PortalSuspended);

export interface ErrorFields {
  readonly severity?: 'ERROR' | 'FATAL' | 'PANIC';
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** 1-based, in characters of the statement. */
  readonly position?: number;
}

const REPLACEMENT = '\u{fffd}';

/** ErrorResponse (§54.8 for the fields). A NUL in a text would end it early and is replaced. */
export const encodeErrorResponse = (fields: ErrorFields): Buffer =>
  encodeFields(BACKEND.ErrorResponse, fields.severity ?? 'ERROR', fields);

export const encodeNoticeResponse = (
  fields: Omit<ErrorFields, 'severity'> & { readonly severity?: 'WARNING' | 'NOTICE' | 'INFO' },
): Buffer => encodeFields(BACKEND.NoticeResponse, fields.severity ?? 'NOTICE', fields);

function encodeFields(type: number, severity: string, fields: Omit<ErrorFields, 'severity'>): Buffer {
  const texts: readonly (readonly [string, string | undefined])[] = [
    ['S', severity],
    ['V', severity],
    ['C', fields.sqlstate],
    ['M', fields.message],
    ['D', fields.detail],
    ['H', fields.hint],
    ['P', fields.position?.toString()],
  ];
  return build(type, (w) => {
    for (const [letter, text] of texts) {
      if (text === undefined) continue;
      w.u8(letter.charCodeAt(0)).cstring(text.replaceAll('\0', REPLACEMENT));
    }
    w.u8(0);
  });
}

/** An ErrorResponse or NoticeResponse of these very fields, as decodeErrorFields gives them. */
export const encodeMessageFields = (
  type: number,
  fields: readonly (readonly [letter: string, text: Uint8Array])[],
): Buffer =>
  build(type, (w) => {
    for (const [letter, text] of fields) w.u8(letter.charCodeAt(0)).cstring(text);
    w.u8(0);
  });

export const encodeParameterStatus = (name: string, value: string): Buffer =>
  build(BACKEND.ParameterStatus, (w) => w.cstring(name).cstring(value));

/** I: idle, T: in a transaction, E: in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E';

export const encodeReadyForQuery = (status: TransactionStatus): Buffer =>
  build(BACKEND.ReadyForQuery, (w) => w.u8(status.charCodeAt(0)));

export const encodeCommandComplete = (tag: string): Buffer => build(BACKEND.CommandComplete, (w) => w.cstring(tag));

export const encodeNotificationResponse = (pid: number, channel: Uint8Array, payload: Uint8Array): Buffer =>
  build(BACKEND.NotificationResponse, (w) => w.i32(pid).cstring(channel).cstring(payload));

export const encodeParameterDescription = (oids: readonly number[]): Buffer =>
  build(BACKEND.ParameterDescription, (w) => {
    w.u16(oids.length);
    for (const oid of oids) w.u32(oid);
  });

export interface RowField {
  readonly name: Buffer;
  /** 0 where it is no column of a relation. */
  readonly relation: number;
  readonly column: number;
  readonly type: number;
  readonly typeSize: number;
  readonly typeModifier: number;
  readonly format: number;
}

export const encodeRowDescription = (fields: readonly RowField[]): Buffer =>
  build(BACKEND.RowDescription, (w) => {
    w.u16(fields.length);
    for (const f of fields) {
      w.cstring(f.name).u32(f.relation).i16(f.column).u32(f.type).i16(f.typeSize).i32(f.typeModifier).i16(f.format);
    }
  });

export const encodeDataRow = (columns: readonly (Uint8Array | null)[]): Buffer =>
  build(BACKEND.DataRow, (w) => values(w, columns));

export const encodeFunctionCallResponse = (result: Uint8Array | null): Buffer =>
  build(BACKEND.FunctionCallResponse, (w) => value(w, result));

/** CopyInResponse, CopyOutResponse, CopyBothResponse. Formats 0 text, 1 binary. */
export const encodeCopyResponse = (type: number, format: number, columns: readonly number[]): Buffer =>
  build(type, (w) => {
    w.u8(format);
    shorts(w, columns);
  });

// ---- both ----------------------------------------------------------------------------------------------------------

export const encodeCopyData = (data: Uint8Array): Buffer => encodeMessage(FRONTEND.CopyData, data);

function shorts(w: ByteWriter, list: readonly number[]): void {
  w.u16(list.length);
  for (const item of list) w.i16(item);
}

function values(w: ByteWriter, list: readonly (Uint8Array | null)[]): void {
  w.u16(list.length);
  for (const item of list) value(w, item);
}

function value(w: ByteWriter, item: Uint8Array | null): void {
  if (item === null) w.i32(-1);
  else w.i32(item.length).bytes(item);
}
