/**
 * Bytes on their way to one peer, in order. Neighbouring slices of one receive buffer are joined again, so that what
 * was received in one read and is forwarded unchanged leaves in one write. Holds views: drained in the turn it is filled.
 */
export class Outbox {
  #parts: Buffer[] = [];
  #run: Buffer | undefined;
  #start = 0;
  #end = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** All of `bytes`; joined with what precedes when both are neighbours in one ArrayBuffer. */
  add(bytes: Buffer): void {
    const length = bytes.length;
    if (length === 0) return;
    this.#bytes += length;
    const run = this.#run;
    if (run?.buffer === bytes.buffer && run.byteOffset + this.#end === bytes.byteOffset) {
      this.#end += length;
      return;
    }
    this.#close();
    this.#run = bytes;
    this.#start = 0;
    this.#end = length;
  }

  /** `source` from `start` to `end`, without making a view of it yet. */
  addSlice(source: Buffer, start: number, end: number): void {
    if (end <= start) return;
    this.#bytes += end - start;
    if (this.#run === source && this.#end === start) {
      this.#end = end;
      return;
    }
    this.#close();
    this.#run = source;
    this.#start = start;
    this.#end = end;
  }

  /** Everything, and is empty again. */
  take(): readonly Buffer[] {
    this.#close();
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    return parts;
  }

  #close(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    const whole = this.#start === 0 && this.#end === run.length;
    this.#parts.push(whole ? run : Buffer.from(run.buffer, run.byteOffset + this.#start, this.#end - this.#start));
  }
}
