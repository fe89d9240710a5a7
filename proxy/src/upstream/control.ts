import type { Socket } from 'node:net';
import { LoginFraming } from '../protocols/postgres/decode-frames.ts';
import { decodeDataRow } from '../protocols/postgres/decode.ts';
import { encodeQuery, encodeTerminate } from '../protocols/postgres/encode.ts';
import { BACKEND } from '../protocols/postgres/messages.ts';
import { dial, type DialOptions } from './dial.ts';

/** Of one answer's message. */
const MAX_MESSAGE = 16 * 1024 * 1024;
const MAX_ROWS = 1_000_000;

type Row = readonly (string | null)[];

/** A connection for the proxy's own questions, one at a time, by simple queries. */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #framing = new LoginFraming();

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Names resolve to pg_catalog alone. Throws DialError. */
  static async open(options: Omit<DialOptions, 'settings'>): Promise<ControlConnection> {
    const settings = [
      ['search_path', 'pg_catalog, pg_temp'],
      ['application_name', 'articdbm'],
    ] as const;
    const { socket } = await dial({ ...options, settings });
    return new ControlConnection(socket);
  }

  get usable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  /** The rows of one query. Rejects when the server refuses it, breaks off or takes too long; the connection is closed then. */
  async query(text: string, milliseconds: number): Promise<readonly Row[]> {
    const late = setTimeout(() => this.#socket.destroy(), milliseconds);
    try {
      this.#socket.write(encodeQuery(Buffer.from(text)));
      return await this.#rows();
    } catch (error) {
      this.#socket.destroy();
      throw error;
    } finally {
      clearTimeout(late);
      this.#socket.removeAllListeners('data').removeAllListeners('close');
    }
  }

  close(): void {
    this.#socket.end(encodeTerminate());
  }

  #rows(): Promise<readonly Row[]> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const rows: Row[] = [];
      socket.once('close', () => reject(new Error('the control connection was closed')));
      socket.on('data', (chunk: Buffer) => {
        try {
          this.#framing.push(chunk);
          if (this.#readInto(rows)) resolve(rows);
        } catch (error) {
          reject(error instanceof Error ? error : new Error('unreadable answer'));
        }
      });
      socket.resume();
    });
  }

  /** true: the answer is complete. */
  #readInto(rows: Row[]): boolean {
    for (;;) {
      const frame = this.#framing.next({ untyped: false, limit: MAX_MESSAGE });
      if (frame === undefined) return false;
      if (frame.type === BACKEND.ErrorResponse) throw new Error('the server refused a question of the proxy');
      if (frame.type === BACKEND.ReadyForQuery) return true;
      if (frame.type !== BACKEND.DataRow) continue;
      if (rows.length === MAX_ROWS) throw new Error('too many rows');
      rows.push(decodeDataRow(frame.body).map((value) => value?.toString('utf8') ?? null));
    }
  }
}
