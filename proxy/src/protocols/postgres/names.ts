/**
 * What prepared statements and portals are called. A change that was sent and not yet confirmed is pending: until its
 * reply is there, a name can mean what it meant before or what it will mean then.
 *
 * Within one batch (what lies between two Syncs) the server stops at the first error: a message that is reached at all
 * finds every change that precedes it in its batch made. So the last change in the asker's own batch settles the name.
 */
export interface Kept {
  /** Bytes, roughly. */
  readonly cost: number;
}

export interface Change {
  confirm(): void;
  drop(): void;
  /** It failed, and may have been made all the same. */
  doubt(): void;
}

/** The name can mean several things until earlier batches have been answered. */
export const UNSETTLED = Symbol('unsettled');

/** The name can mean several things, and no reply will tell which: not before it is given anew or taken away. */
export const DOUBTFUL = Symbol('doubtful');

interface Slot<T extends Kept> {
  /** The name means this or nothing. */
  base: T | undefined;
  /** Or it means something else. */
  doubtful: boolean;
  readonly pending: Pending<T>;
}

/** Settled changes at the front that are kept before the rest moves up. */
const SLACK = 64;

/**
 * The changes of one name that wait for their reply, in order. Thousands may wait in a pipeline, and are settled from
 * the front one by one: that must take no longer for being many.
 */
class Pending<T extends Kept> {
  #changes: NameChange<T>[] = [];
  #first = 0;

  get length(): number {
    return this.#changes.length - this.#first;
  }

  add(change: NameChange<T>): void {
    this.#changes.push(change);
  }

  /** 0: the one that waits longest. */
  at(index: number): NameChange<T> | undefined {
    return this.#changes[this.#first + index];
  }

  /** -1: it does not wait. */
  indexOf(change: NameChange<T>): number {
    const index = this.#changes.indexOf(change, this.#first);
    return index === -1 ? -1 : index - this.#first;
  }

  remove(index: number): void {
    if (index > 0) this.#changes.splice(this.#first + index, 1);
    else this.#shift();
  }

  #shift(): void {
    this.#first++;
    if (this.#first < SLACK || this.#first * 2 < this.#changes.length) return;
    this.#changes = this.#changes.slice(this.#first);
    this.#first = 0;
  }
}

const SLOT_COST = 200;

export class NameTable<T extends Kept> {
  readonly #slots = new Map<string, Slot<T>>();
  #cost = 0;

  /** Of all that is kept, bytes. */
  get cost(): number {
    return this.#cost + this.#slots.size * SLOT_COST;
  }

  /** What the name means to a message of this batch. undefined: nothing, and the server knows no such name either. */
  lookup(key: string, batch: number): T | undefined | typeof UNSETTLED | typeof DOUBTFUL {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    let found: T | undefined;
    for (let index = slot.pending.length - 1; index >= 0; index--) {
      const change = slot.pending.at(index);
      if (change === undefined) break;
      if (change.value !== undefined) {
        if (found !== undefined && found !== change.value) return UNSETTLED;
        found = change.value;
      }
      if (change.batch === batch) return found;
    }
    if (slot.doubtful) return found === undefined ? DOUBTFUL : UNSETTLED;
    if (found !== undefined && slot.base !== undefined && found !== slot.base) return UNSETTLED;
    return found ?? slot.base;
  }

  /** undefined: the name is taken away. */
  change(key: string, value: T | undefined, batch: number): Change {
    const change = new NameChange(this, key, value, batch);
    this.#cost += value?.cost ?? 0;
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = { base: undefined, doubtful: false, pending: new Pending() };
      this.#slots.set(key, slot);
    }
    slot.pending.add(change);
    return change;
  }

  /** Every name is taken away, those that are pending too. */
  removeAll(batch: number): Change[] {
    return [...this.#slots.keys()].map((key) => this.change(key, undefined, batch));
  }

  /** Replies come in order: what was pending before it has been settled already. */
  confirm(change: NameChange<T>): void {
    const slot = this.#slots.get(change.key);
    const index = slot?.pending.indexOf(change) ?? -1;
    if (slot === undefined || index === -1) return;
    this.#cost -= slot.base?.cost ?? 0;
    slot.base = change.value;
    slot.doubtful = false;
    for (let left = index; left >= 0; left--) {
      if (left > 0) this.#cost -= slot.pending.at(0)?.value?.cost ?? 0;
      slot.pending.remove(0);
    }
    this.#tidy(change.key, slot);
  }

  drop(change: NameChange<T>): void {
    const slot = this.#slots.get(change.key);
    const index = slot?.pending.indexOf(change) ?? -1;
    if (slot === undefined || index === -1) return;
    slot.pending.remove(index);
    this.#cost -= change.value?.cost ?? 0;
    this.#tidy(change.key, slot);
  }

  /**
   * What gave the name a meaning failed at a point that isn't known: it means that now, or what it meant. What took one
   * away leaves it, for nothing is lost by judging a name that is gone.
   */
  doubt(change: NameChange<T>): void {
    const slot = this.#slots.get(change.key);
    const index = slot?.pending.indexOf(change) ?? -1;
    if (slot === undefined || index === -1) return;
    if (change.value === undefined) {
      this.drop(change);
      return;
    }
    slot.pending.remove(index);
    slot.doubtful ||= slot.base !== undefined;
    this.#cost -= slot.base?.cost ?? 0;
    slot.base = change.value;
  }

  /** Forgets what names mean by now, where `gone` says so; what is pending stays. */
  forget(gone: (value: T) => boolean): void {
    for (const [key, slot] of this.#slots) {
      if (slot.base === undefined || slot.doubtful || !gone(slot.base)) continue;
      this.#cost -= slot.base.cost;
      slot.base = undefined;
      this.#tidy(key, slot);
    }
  }

  #tidy(key: string, slot: Slot<T>): void {
    if (slot.base === undefined && slot.pending.length === 0) this.#slots.delete(key);
  }
}

class NameChange<T extends Kept> implements Change {
  readonly key: string;
  readonly value: T | undefined;
  readonly batch: number;
  readonly #table: NameTable<T>;

  constructor(table: NameTable<T>, key: string, value: T | undefined, batch: number) {
    this.#table = table;
    this.key = key;
    this.value = value;
    this.batch = batch;
  }

  confirm(): void {
    this.#table.confirm(this);
  }

  drop(): void {
    this.#table.drop(this);
  }

  doubt(): void {
    this.#table.doubt(this);
  }
}
