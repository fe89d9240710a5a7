import { openSync, write } from 'node:fs';
import type { Writable } from 'node:stream';
import type { DestinationStream } from 'pino';

/**
 * A bounded queue of lines before a file or standard output. The proxy never waits for whoever reads it: beyond the
 * bound, lines are dropped whole.
 */
export interface LineOutput extends DestinationStream {
  /** false: dropped. */
  writeLine(line: string): boolean;
  /** Waits until all is written, at most so many milliseconds. */
  flush(milliseconds: number): Promise<void>;
}

const NOTHING = Buffer.alloc(0);

/** Bytes; about 10,000 audit events. */
const DEFAULT_BOUND = 4 << 20;

/**
 * For process.stdout. Lines of one turn go out in one write. (A file descriptor written through the thread pool is no
 * way here: a pipe that nobody empties would hold its thread, and with it the process's exit.)
 */
export function streamOutput(stream: Writable, bound = DEFAULT_BOUND): LineOutput {
  let pending = '';
  let gone = false;
  stream.on('error', () => (gone = true));
  const send = (): void => {
    const text = pending;
    pending = '';
    if (!gone) stream.write(text);
  };
  const write = (text: string): boolean => {
    if (gone || pending.length + stream.writableLength + text.length > bound) return false;
    if (pending === '') setImmediate(send);
    pending += text;
    return true;
  };
  return {
    write: (message) => void write(message),
    writeLine: (line) => write(`${line}\n`),
    flush: (milliseconds) =>
      withDeadline(milliseconds, (done) => {
        send();
        if (gone) done();
        else stream.write('', () => done());
      }),
  };
}

/** Milliseconds that a line waits for others: a write for each would cost more than the statement that it tells of. */
const GATHER = 20;

/** Characters that are written at once, without waiting for more. */
const FULL = 64 << 10;

/**
 * Appends to a file, made with mode 0600 because audit lines name users and tables. What the file can't take (no space
 * left) waits in the queue and is tried again with the next line. Throws where the file can't be opened.
 */
export function fileOutput(path: string, bound = DEFAULT_BOUND): LineOutput {
  const output = new FileOutput(openSync(path, 'a', 0o600), bound);
  return {
    write: (message) => void output.add(message),
    writeLine: (line) => output.add(`${line}\n`),
    flush: (milliseconds) => withDeadline(milliseconds, (done) => output.flush(done)),
  };
}

/** One write at a time, so that lines stay in order and whole. */
class FileOutput {
  readonly #file: number;
  readonly #bound: number;
  /** What no write has been started for yet. */
  #pending = '';
  /** What the write under way is to write, or the last one left over. */
  #unwritten: Buffer = NOTHING;
  #writing = false;
  #timer: NodeJS.Timeout | undefined;
  #flushed: (() => void)[] = [];

  constructor(file: number, bound: number) {
    this.#file = file;
    this.#bound = bound;
  }

  /** false: dropped. */
  add(text: string): boolean {
    const fits = this.#pending.length + this.#unwritten.length + text.length <= this.#bound;
    if (fits) this.#pending += text;
    if (fits && this.#pending.length >= FULL) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), GATHER);
    return fits;
  }

  flush(done: () => void): void {
    this.#flushed.push(done);
    this.#write();
  }

  #write(): void {
    if (this.#writing) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unwritten.length === 0) {
      this.#unwritten = Buffer.from(this.#pending);
      this.#pending = '';
    }
    if (this.#unwritten.length === 0) {
      for (const done of this.#flushed.splice(0)) done();
      return;
    }
    this.#writing = true;
    write(this.#file, this.#unwritten, (error, written) => {
      this.#writing = false;
      if (error !== null) return;
      this.#unwritten = this.#unwritten.subarray(written);
      const more = this.#unwritten.length > 0 || this.#pending.length >= FULL || this.#flushed.length > 0;
      if (more) this.#write();
      else if (this.#pending !== '') this.#timer ??= setTimeout(() => this.#write(), GATHER);
    });
  }
}

function withDeadline(milliseconds: number, start: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    start(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
