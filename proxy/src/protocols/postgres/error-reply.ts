/**
 * The server's error → what its client reads. An error of a substitute is replaced by the refusal that it stood for, the
 * cancellation of what was ended by the reason why; all others go on as they are, but for what tells of rows.
 */
import type { LinkContext } from '../protocol.ts';
import type { Refusal } from '../refusal.ts';
import { encodeMessageFields } from './encode.ts';
import type { Entry } from './in-flight.ts';
import { BACKEND } from './messages.ts';
import { encodeRefusal, isCancellation, isFatal, isRefusalOf, type ServerError } from './refuse.ts';
import { withoutRows } from './tell.ts';

export class ErrorReply {
  readonly #context: LinkContext;

  constructor(context: LinkContext) {
    this.#context = context;
  }

  /** true: the client was given something else; false: the server's own words may go to it. */
  replace(entry: Entry, error: ServerError): boolean {
    const ours = isFatal(error) ? undefined : this.#refusalOf(entry, error);
    if (ours !== undefined) {
      entry.replacedBy = ours;
      this.#context.toClient.add(encodeRefusal(ours));
      return true;
    }
    this.#context.failed(error.sqlstate);
    const told = withoutRows(error.fields, this.#context.tells);
    if (told === error.fields) return false;
    this.#context.toClient.add(encodeMessageFields(BACKEND.ErrorResponse, told));
    return true;
  }

  /** In place of one that is too long to be read, for who may not read all. true: it was given. */
  replaceUnread(): boolean {
    if (this.#context.tells.all()) return false;
    this.#context.toClient.add(encodeRefusal(TOO_LONG));
    return true;
  }

  #refusalOf(entry: Entry, error: ServerError): Refusal | undefined {
    const { refusal, ending } = entry;
    if (refusal !== undefined && isRefusalOf(error, this.#context.nonce, entry.kind === 'function')) return refusal;
    return isCancellation(error) ? ending : undefined;
  }
}

const TOO_LONG: Refusal = {
  reason: 'too-large',
  sqlstate: '54000',
  message: "the server's error is too long to be shown in part",
};
