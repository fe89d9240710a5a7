/** So much of something for all, and no more than a part of it for each: one who takes too much leaves the others theirs. */
export class FairBudget {
  readonly #all: number;
  readonly #each: number;
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(all: number, each: number) {
    this.#all = all;
    this.#each = each;
  }

  get taken(): number {
    return this.#total;
  }

  /** false: not now, and nothing was taken. */
  take(who: string, amount: number): boolean {
    const own = (this.#taken.get(who) ?? 0) + amount;
    if (own > this.#each || this.#total + amount > this.#all) return false;
    this.#taken.set(who, own);
    this.#total += amount;
    return true;
  }

  give(who: string, amount: number): void {
    const own = (this.#taken.get(who) ?? 0) - amount;
    if (own < 0) throw new Error('more is given back than was taken');
    if (own === 0) this.#taken.delete(who);
    else this.#taken.set(who, own);
    this.#total -= amount;
  }
}
