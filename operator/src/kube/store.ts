import { keyOf, type KubeObject } from './resource.ts';

export interface ReadableStore<T extends KubeObject> {
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  keys(): IterableIterator<string>;
  readonly size: number;
  onChange(listener: ChangeListener<T>): void;
}

/** now: undefined when it is gone. Several changes may come as one; an object deleted and made anew may come as a changed uid. */
export type ChangeListener<T> = (key: string, now: T | undefined, before: T | undefined) => void;

/** The objects that are there now, as far as its watch has heard. Objects are never edited. */
export class ObjectStore<T extends KubeObject> implements ReadableStore<T> {
  readonly #objects = new Map<string, T>();
  readonly #listeners: ChangeListener<T>[] = [];

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  onChange(listener: ChangeListener<T>): void {
    this.#listeners.push(listener);
  }

  put(object: T): void {
    const key = keyOf(object.metadata);
    const before = this.#objects.get(key);
    if (before !== undefined && sameVersion(before, object)) return;
    this.#objects.set(key, object);
    this.#tell(key, object, before);
  }

  remove(key: string): void {
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#objects.delete(key);
    this.#tell(key, undefined, before);
  }

  /** The whole truth of one moment: what it lacks is gone. */
  replace(objects: readonly T[]): void {
    const there = new Set(objects.map((object) => keyOf(object.metadata)));
    for (const key of [...this.#objects.keys()]) {
      if (!there.has(key)) this.remove(key);
    }
    for (const object of objects) this.put(object);
  }

  #tell(key: string, now: T | undefined, before: T | undefined): void {
    for (const listener of this.#listeners) listener(key, now, before);
  }
}

const sameVersion = (one: KubeObject, other: KubeObject): boolean =>
  one.metadata.uid === other.metadata.uid && one.metadata.resourceVersion === other.metadata.resourceVersion;
