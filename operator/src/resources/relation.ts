const NOTHING: ReadonlySet<string> = new Set();

/** Which keys are related to which: `of(a)` are those that were added with a. */
export class Relation {
  readonly #sets = new Map<string, Set<string>>();

  of(key: string): ReadonlySet<string> {
    return this.#sets.get(key) ?? NOTHING;
  }

  keys(): IterableIterator<string> {
    return this.#sets.keys();
  }

  add(key: string, related: string): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([related]));
    else set.add(related);
  }

  delete(key: string, related: string): void {
    const set = this.#sets.get(key);
    if (set?.delete(related) === true && set.size === 0) this.#sets.delete(key);
  }
}
