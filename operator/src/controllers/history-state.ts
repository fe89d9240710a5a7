/** Whether revisions wait for a store that is away; told by createHistory's events. */
export class HistoryState {
  readonly #listeners = new Set<() => void>();
  #delayed = false;

  get isDelayed(): boolean {
    return this.#delayed;
  }

  /** waiting: how many revisions are not recorded yet. */
  delayed(waiting: number): void {
    if (waiting > 0 === this.#delayed) return;
    this.#delayed = waiting > 0;
    for (const listener of this.#listeners) listener();
  }

  /** Returns the way to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
