import { openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { pino } from 'pino';
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

/**
 * Appends to a file, made with mode 0600 because audit lines name users and tables. What the file can't take (no space
 * left) waits in the queue and is tried again with the next line. Throws where the file can't be opened.
 */
export function fileOutput(path: string, bound = DEFAULT_BOUND): LineOutput {
  const stream = pino.destination({
    dest: openSync(path, 'a', 0o600),
    sync: false,
    minLength: 1, // with 0, flush would not wait
    maxLength: bound,
  });
  let taken = true;
  stream.on('drop', () => (taken = false));
  stream.on('error', () => (taken = false));
  const write = (text: string): boolean => {
    taken = true;
    stream.write(text);
    return taken;
  };
  return {
    write: (message) => void write(message),
    writeLine: (line) => write(`${line}\n`),
    flush: (milliseconds) => withDeadline(milliseconds, (done) => stream.flush(done)),
  };
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
