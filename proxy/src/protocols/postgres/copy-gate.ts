import { ProtocolError } from '#proxy/bytes/protocol-error';
import type { Entry } from './in-flight.ts';
import { FRONTEND } from './messages.ts';

/**
 * COPY FROM STDIN (§54.2.6). Whether the server will read data or refuse the command is known only once it has answered,
 * and in COPY it swallows Syncs and ends the connection at anything else. So:
 *
 * | state   | Sync, Flush                      | CopyData, CopyDone, CopyFail | others |
 * |---------|----------------------------------|------------------------------|--------|
 * | none    | go                               | go (the server ignores them) | go     |
 * | awaited | go                               | wait                         | wait   |
 * | reading | Sync: held; Flush: goes          | go                           | 08P01  |
 *
 * `awaited` → `reading` at CopyInResponse, → `none` when the command has ended; `reading` → `none` at CopyDone or
 * CopyFail (→ `awaited` when the text has another COPY), and at an error.
 */
export class CopyGate {
  #state: 'none' | 'awaited' | 'reading' = 'none';
  #entry: Entry | undefined;
  #dataSent = false;
  /** Syncs that the server would swallow if the COPY goes well, and answer if not. */
  #held = 0;

  get reading(): Entry | undefined {
    return this.#state === 'reading' ? this.#entry : undefined;
  }

  accepts(type: number): boolean {
    if (this.#state === 'none') return true;
    if (type === FRONTEND.Sync || type === FRONTEND.Flush || type === FRONTEND.Terminate) return true;
    if (this.#state === 'awaited') return false;
    if (isCopy(type)) return true;
    throw new ProtocolError('08P01', 'unexpected message during COPY from stdin');
  }

  sent(entry: Entry): void {
    if (entry.copies === 0) return;
    this.#entry = entry;
    this.#state = 'awaited';
  }

  /** CopyInResponse. */
  began(entry: Entry): void {
    if (this.#entry !== entry || this.#state !== 'awaited') {
      throw new ProtocolError('08P01', 'CopyInResponse to something else than COPY');
    }
    this.#state = 'reading';
    this.#dataSent = false;
    this.#held = 0;
  }

  dataSent(): void {
    this.#dataSent = true;
  }

  /** CopyDone or CopyFail was sent: the server has swallowed the Syncs before it. */
  doneSent(): void {
    if (this.#state !== 'reading' || this.#entry === undefined) return;
    this.#entry.copies--;
    this.#held = 0;
    this.#state = this.#entry.copies > 0 ? 'awaited' : 'none';
    if (this.#state === 'none') this.#entry = undefined;
  }

  /** Whether a Sync goes to the server now. Before any data it is swallowed for certain, so it need not. */
  syncGoes(): boolean {
    if (this.#state !== 'reading') return true;
    if (this.#dataSent) this.#held++;
    return false;
  }

  /** The entry has ended, or never ran. Returns how many Syncs were held and are to go now. */
  ended(entry: Entry): number {
    if (this.#entry !== entry) return 0;
    const held = this.#held;
    this.#state = 'none';
    this.#entry = undefined;
    this.#held = 0;
    return held;
  }
}

const isCopy = (type: number): boolean =>
  type === FRONTEND.CopyData || type === FRONTEND.CopyDone || type === FRONTEND.CopyFail || type === 0;
