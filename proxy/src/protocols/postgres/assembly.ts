/**
 * One message that comes in pieces. Grows as bytes arrive, never ahead of them by more than its own size: a length that
 * lies costs nothing, and a peer that drips byte by byte no more than one that does not.
 */
export class Assembly {
  #bytes: Buffer | undefined;
  #length = 0;
  #needed = 0;

  get active(): boolean {
    return this.#needed > 0;
  }

  get length(): number {
    return this.#length;
  }

  get complete(): boolean {
    return this.#length === this.#needed;
  }

  /** What has come so far. Stays valid after `reset`. */
  get bytes(): Buffer {
    return (this.#bytes ?? Buffer.alloc(0)).subarray(0, this.#length);
  }

  start(needed: number, chunk: Buffer, at: number): void {
    this.#needed = needed;
    this.#length = 0;
    this.fill(chunk, at);
  }

  /** More is needed than was thought. */
  need(needed: number): void {
    this.#needed = needed;
  }

  /** Takes what is missing, or what there is. Returns how many bytes it took. */
  fill(chunk: Buffer, at: number): number {
    const taken = Math.min(this.#needed - this.#length, chunk.length - at);
    this.#reserve(this.#length + taken);
    this.#bytes?.set(chunk.subarray(at, at + taken), this.#length);
    this.#length += taken;
    return taken;
  }

  reset(): void {
    this.#bytes = undefined;
    this.#length = 0;
    this.#needed = 0;
  }

  #reserve(length: number): void {
    const bytes = this.#bytes;
    if (bytes !== undefined && bytes.length >= length) return;
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#needed, Math.max(length, this.#length * 2, 64)));
    bytes?.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
