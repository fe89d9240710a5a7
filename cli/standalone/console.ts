import type { Diagnostic } from '../folder/diagnostic.ts';
import { formatDiagnostic } from '../folder/diagnostic.ts';

/** What a person at the terminal reads. Never holds up the proxy: when nobody reads, it is lost. */
export class Console {
  readonly #stream: NodeJS.WritableStream & { readonly writableLength: number };
  #table = '';

  constructor(stream: NodeJS.WritableStream & { readonly writableLength: number }) {
    this.#stream = stream;
    stream.on('error', () => undefined); // the terminal is gone; the proxy goes on
  }

  say(text: string): void {
    this.#write(`articdbm: ${text}\n`);
  }

  diagnostics(diagnostics: readonly Diagnostic[]): void {
    this.#write(diagnostics.map((each) => `${formatDiagnostic(each)}\n`).join(''));
  }

  /** Prints it if it differs from the last one. */
  table(table: string): void {
    if (table === this.#table) return;
    this.#table = table;
    this.#write(`\n${table}\n`);
  }

  #write(text: string): void {
    if (this.#stream.writableLength < MAX_WAITING) this.#stream.write(text);
  }
}

/** Bytes. */
const MAX_WAITING = 1 << 20;
