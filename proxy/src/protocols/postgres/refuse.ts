/**
 * Refusing by substitution: in place of what is refused the server gets a statement that it must refuse at that very
 * point, so that transaction, pipeline and session are left as its own refusal leaves them. Its error is then replaced.
 */
import { encodeErrorResponse, encodeFunctionCall, encodeParse, encodeQuery } from './encode.ts';
import { decodeErrorFields, errorField, type MessageFields } from './decode.ts';
import { FRONTEND } from './messages.ts';
import type { Refusal } from '../refusal.ts';

/** undefined_function, syntax_error */
const SUBSTITUTE_REFUSED: ReadonlySet<string> = new Set(['42883', '42601']);

/** A call of a function that cannot exist: nobody but us knows its name. */
const absent = (nonce: string): string => `select pg_catalog."${nonce}"()`;

/** For a text that is not understood: like a syntax error, this one is found even in a failed transaction. */
const unreadable = (nonce: string): string => `"${nonce}"`;

/**
 * For all but a Query. A Parse of the unnamed statement stays one of it: the server drops the former one before it reads
 * the text (exec_parse_message). For a FunctionCall: no function has OID 0.
 */
export function substituteFor(type: number, body: Buffer, nonce: string, understood: boolean): Buffer {
  if (type === FRONTEND.FunctionCall) return encodeFunctionCall({ oid: 0 });
  const unnamed = type === FRONTEND.Parse && body[0] === 0;
  const text = understood || type !== FRONTEND.Parse ? absent(nonce) : unreadable(nonce);
  return encodeParse(Buffer.from(unnamed ? '' : nonce), Buffer.from(text));
}

/** For a Query of which nothing is understood. */
export const substituteUnreadable = (nonce: string): Buffer => encodeQuery(Buffer.from(unreadable(nonce)));

/** For a Query: what precedes the refused statement runs, and then this. `prefix`: the text up to that statement. */
export const substituteQuery = (nonce: string, prefix: Buffer): Buffer =>
  encodeQuery(Buffer.concat([prefix, Buffer.from(absent(nonce))]));

export interface ServerError {
  readonly severity: string;
  readonly sqlstate: string;
  readonly fields: MessageFields;
}

export function readError(body: Buffer): ServerError {
  const fields = decodeErrorFields(body);
  const severity = errorField(fields, 'V') ?? errorField(fields, 'S') ?? '';
  return { severity, sqlstate: errorField(fields, 'C') ?? '', fields };
}

/** Whether the server refused our substitute, and not something else went wrong before it came to that. */
export function isRefusalOf(error: ServerError, nonce: string, functionCall: boolean): boolean {
  if (!SUBSTITUTE_REFUSED.has(error.sqlstate)) return false;
  return functionCall || (errorField(error.fields, 'M') ?? '').includes(nonce);
}

/** query_canceled: what a cancel request and CopyFail lead to. */
export const isCancellation = (error: ServerError): boolean => error.sqlstate === '57014';

export const isFatal = (error: ServerError): boolean => error.severity === 'FATAL' || error.severity === 'PANIC';

/** What the client reads instead. */
export const encodeRefusal = (refusal: Refusal): Buffer => encodeErrorResponse(refusal);

export const encodeFarewell = (refusal: Refusal): Buffer => encodeErrorResponse({ ...refusal, severity: 'FATAL' });
