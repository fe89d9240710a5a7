import type { KubeClient } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import { SECRETS, type KubeObject } from '../kube/resource.ts';
import { jittered, wait, type Clock, type Random } from '../runtime/clock.ts';
import { isSame, wantedValues, type HeldSecret } from './held-secret.ts';
import { NotLoadedError, type SecretName, type Secrets, type SecretTrouble } from './secrets.ts';

export interface ClusterSecretsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Keys of that Secret which resources name now: only these are held. None: the Secret is of no more interest. */
  readonly keysOf: (namespace: string, name: string) => ReadonlySet<string>;
  /** What kept a Secret that was read before from being read again; it is tried again. */
  readonly onError?: (error: unknown) => void;
}

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** Milliseconds. */
const FRESH_MS = 60_000;
/** What is missing may be about to be made: asked again after this, then ever later. */
const MISSING_MS = 1_000;
/** After an error. */
const AGAIN_MS = 5_000;
const LOOK_MS = 250;
/** Held though no resource names it, as while its resource is being replaced. */
const FORGET_MS = 60_000;
/** For a Secret that was read before. */
const PATIENCE_MS = 1_000;
/** Requests at once: the API server has others to serve, and so have our connections. */
const AT_ONCE = 6;

export class ClusterSecrets implements Secrets {
  readonly #options: ClusterSecretsOptions;
  readonly #held = new Map<string, HeldSecret>();
  readonly #fetching = new Map<string, Promise<void>>();
  readonly #listeners = new Set<(secret: SecretName) => void>();
  readonly #waiting: (() => void)[] = [];
  #requests = 0;

  constructor(options: ClusterSecretsOptions) {
    this.#options = options;
  }

  async load(names: readonly SecretName[], signal: AbortSignal): Promise<void> {
    this.#forget();
    const unique = new Map(names.map((name) => [idOf(name), name]));
    const fetches = [...unique.values()].flatMap((name) => {
      const state = this.#stateOf(name);
      if (state === 'fresh') return [];
      return [state === 'held' ? this.#inPatience(this.#fetch(name)) : this.#fetch(name)];
    });
    if (fetches.length > 0) await aborted(Promise.all(fetches), signal);
  }

  state(names: readonly SecretName[]): 'fresh' | 'held' | 'unread' {
    const states = new Set(names.map((name) => this.#stateOf(name)));
    if (states.has('unread')) return 'unread';
    return states.has('held') ? 'held' : 'fresh';
  }

  read(namespace: string, name: string, key: string): string | undefined {
    const held = this.#held.get(idOf({ namespace, name }));
    if (held?.wanted.has(key) !== true) throw new NotLoadedError();
    return held.values.get(key);
  }

  resourceVersion(namespace: string, name: string): string | undefined {
    return this.#held.get(idOf({ namespace, name }))?.version;
  }

  trouble(namespace: string, name: string): SecretTrouble | undefined {
    return this.#held.get(idOf({ namespace, name }))?.trouble;
  }

  onChange(listener: (secret: SecretName) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks at all that is held and named again when its time comes, until the signal aborts. For the leader. */
  async keepFresh(signal: AbortSignal): Promise<void> {
    const { clock, onError = () => undefined } = this.#options;
    while (!signal.aborted) {
      this.#forget();
      for (const [id, { due }] of this.#held) {
        const name = nameOf(id);
        if (due <= clock.now() && this.#keysOf(name).size > 0) this.#fetch(name).catch(onError);
      }
      await wait(clock, LOOK_MS, signal);
    }
  }

  #keysOf({ namespace, name }: SecretName): ReadonlySet<string> {
    return this.#options.keysOf(namespace, name);
  }

  #stateOf(name: SecretName): 'fresh' | 'held' | 'unread' {
    const held = this.#held.get(idOf(name));
    if (held === undefined || !hasAll(held.wanted, this.#keysOf(name))) return 'unread';
    const now = this.#options.clock.now();
    const lacks = held.values.size < held.wanted.size && now >= held.due; // nobody looks by himself at a replica that doesn't lead
    return lacks || now - held.at > FRESH_MS ? 'held' : 'fresh';
  }

  async #inPatience(fetching: Promise<void>): Promise<void> {
    const enough = new AbortController();
    const patience = wait(this.#options.clock, PATIENCE_MS, enough.signal);
    await Promise.race([fetching, patience]).finally(() => enough.abort());
  }

  /** Callers of one time share one request. */
  #fetch(name: SecretName): Promise<void> {
    const id = idOf(name);
    const known = this.#fetching.get(id);
    if (known !== undefined) return known;
    const fetching = this.#fetchInTurn(name).finally(() => this.#fetching.delete(id));
    this.#fetching.set(id, fetching);
    return fetching;
  }

  async #fetchInTurn(name: SecretName): Promise<void> {
    if (this.#requests >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#requests++;
    try {
      this.#hold(name, await this.#ask(name));
    } catch (error) {
      this.#excuse(name, error);
    } finally {
      this.#requests--;
      this.#waiting.shift()?.();
    }
  }

  async #ask(name: SecretName): Promise<HeldSecret> {
    const { client, clock } = this.#options;
    const wanted = new Set(this.#keysOf(name));
    const at = clock.now();
    try {
      const secret = await client.get<Secret>(SECRETS, name);
      if (secret === undefined) return this.#nothing(name, 'missing', wanted, at);
      const version = secret.metadata.resourceVersion;
      const values = wantedValues(secret.data, wanted);
      if (values.size < wanted.size) return { ...this.#nothing(name, undefined, wanted, at), version, values };
      return { version, trouble: undefined, wanted, values, at, due: at + this.#later(FRESH_MS), misses: 0 };
    } catch (error) {
      if (!isStatus(error, 403) || this.#countsOn(name)) throw error;
      return this.#nothing(name, 'forbidden', wanted, at);
    }
  }

  /** What was read is not taken back because a RoleBinding is away: that would lock out whom nobody meant to. */
  #countsOn(name: SecretName): boolean {
    return this.#stateOf(name) !== 'unread' && (this.#held.get(idOf(name))?.values.size ?? 0) > 0;
  }

  /** There is nothing, or not all that is wanted: it is asked for again soon, and then ever later. */
  #nothing(name: SecretName, trouble: SecretTrouble | undefined, wanted: ReadonlySet<string>, at: number): HeldSecret {
    const misses = (this.#held.get(idOf(name))?.misses ?? 0) + 1;
    const due = at + this.#later(Math.min(MISSING_MS * 2 ** Math.min(misses - 1, 10), FRESH_MS));
    return { version: undefined, trouble, wanted, values: new Map(), at, due, misses };
  }

  /** Spread, so that what was asked for at once is not again. */
  #later(milliseconds: number): number {
    return jittered(milliseconds / 2, this.#options.random) + milliseconds / 2;
  }

  #hold(name: SecretName, now: HeldSecret): void {
    const id = idOf(name);
    const before = this.#held.get(id);
    this.#held.set(id, now);
    if (before === undefined || isSame(before, now)) return;
    for (const listener of this.#listeners) listener(name);
  }

  /** What was read before counts on. */
  #excuse(name: SecretName, error: unknown): void {
    const id = idOf(name);
    const held = this.#held.get(id);
    if (held === undefined || this.#stateOf(name) === 'unread') throw error;
    this.#held.set(id, { ...held, due: this.#options.clock.now() + this.#later(AGAIN_MS) });
    this.#options.onError?.(error);
  }

  /** Nothing is held of what no resource names any more. */
  #forget(): void {
    const now = this.#options.clock.now();
    for (const [id, { at }] of this.#held) {
      if (now - at > FORGET_MS && this.#keysOf(nameOf(id)).size === 0) this.#held.delete(id);
    }
  }
}

const hasAll = (held: ReadonlySet<string>, wanted: ReadonlySet<string>): boolean =>
  [...wanted].every((key) => held.has(key));

const idOf = ({ namespace, name }: SecretName): string => `${namespace}/${name}`;

function nameOf(id: string): SecretName {
  const slash = id.indexOf('/');
  return { namespace: id.slice(0, slash), name: id.slice(slash + 1) };
}

/** The work goes on for others who wait for it. */
async function aborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let stop: () => void = () => undefined;
  const end = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', stop, { once: true });
  });
  if (signal.aborted) stop();
  try {
    await Promise.race([work, end]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
