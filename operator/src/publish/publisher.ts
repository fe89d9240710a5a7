import { createHash } from 'node:crypto';
import { signHead, type Head } from '#contract/snapshot/head';
import { currentKey, type KeyRing } from '#contract/snapshot/keys';
import type { History } from '../store/history.ts';
import type { RedisClient } from './redis-client.ts';
import { scopesInRedis } from './scopes.ts';
import { PolicyRedis, type Written } from './scripts.ts';
import {
  PUBLISH_STEPS,
  RedisAwayError,
  type Change,
  type Publication,
  type PublishStep,
  type Signed,
} from './steps.ts';

export interface PublisherOptions {
  readonly redis: RedisClient;
  /** Whether `redis` is a Cluster. */
  readonly clustered: boolean;
  readonly history: History;
  /** The key Secret as it stands. */
  readonly keys: () => KeyRing;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Asked afresh before a term is claimed, or put back into a Redis that lost it: only who holds the Lease now may. */
  readonly isLeader: () => Promise<boolean>;
  /** Called after each step, before the next; for tests. */
  readonly between?: (step: PublishStep['name'], scope: string) => Promise<void>;
}

export interface Published {
  readonly kind: 'published' | 'unchanged';
  readonly head: Head;
}

/** A newer leader is at work: whoever gets this stops. */
export class DeposedError extends Error {
  readonly code = 'DEPOSED';
  constructor() {
    super('a newer leader is at work');
    this.name = 'DeposedError';
  }
}

export interface BeatResult {
  /** Heads dated anew. */
  readonly confirmed: number;
  /** Scopes whose document Redis had lost, or held altered; it was written again. */
  readonly restored: readonly string[];
  /** Scopes that could not be written, by what went wrong. */
  readonly failed: ReadonlyMap<string, unknown>;
}

/** What the second feed answers; document: the sealed bytes. */
export interface PolicyAnswer {
  readonly head: string;
  readonly document: Buffer;
}

const CLAIM_ATTEMPTS = 5;

/** The leader's hand. A process makes one when it is elected, and drops it when it is not leader any more. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #redis: PolicyRedis;
  readonly #signed = new Map<string, Signed>();
  /** Scopes whose policy may be another than the one that was last signed, though nobody can say which. */
  readonly #doubted = new Set<string>();
  /** The last work on each scope: what touches one scope goes one after another, or a beat could undo a publish. */
  readonly #queues = new Map<string, Promise<unknown>>();
  #term: number;
  #claimed = false;
  #deposed = false;
  #claiming: Promise<void> | undefined;
  /** The latest revision of each scope that history has or is told of; undefined: not known. */
  #recorded: Map<string, number> | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#redis = new PolicyRedis(options.redis, options.clustered, options.now);
    this.#term = options.now();
    options.history.enter(this.#term);
  }

  get term(): number {
    return this.#term;
  }

  /**
   * Claims the term, from when on no older leader's write takes effect. Returns the scopes that Redis knows: each is to be
   * published, with an empty document if no resource speaks of it. Rejects while Redis is away: publish all the same, for
   * the second feed, and call it again.
   */
  async takeOffice(): Promise<ReadonlySet<string>> {
    await this.#inOffice(() => this.#claim());
    if (this.#recorded === undefined) {
      const latest = await this.#options.history.latest();
      if (latest !== undefined) this.#recorded = new Map(latest);
    }
    return scopesInRedis(this.#options.redis);
  }

  /**
   * Brings a scope's policy into force. Unchanged content writes nothing. Throws DeposedError, or RedisAwayError: then the
   * change is signed and kept, so call it again later.
   */
  publish(change: Change): Promise<Published> {
    return this.#inTurn(change.snapshot.scope, () => this.#inOffice(() => this.#publish(change)));
  }

  /**
   * The scope's policy could not be made of what the resources say now. Its last head is dated no more, and the second feed
   * does not give it, until a publish is done: so proxies believe it no longer than its age allows.
   */
  doubt(scope: string): void {
    this.#doubted.add(scope);
  }

  /** How many scopes are in doubt. */
  get doubted(): number {
    return this.#doubted.size;
  }

  /** Signs all heads anew and sees that Redis has the documents. To be called every BEAT_MS. Throws DeposedError. */
  async beat(): Promise<BeatResult> {
    if (this.#deposed) throw new DeposedError();
    let confirmed = 0;
    const restored: string[] = [];
    const failed = new Map<string, unknown>();
    const dated = [...this.#signed.keys()].filter((scope) => !this.#doubted.has(scope));
    const work = dated.map(async (scope) => {
      try {
        const kind = await this.#inTurn(scope, () => this.#inOffice(() => this.#beat(scope)));
        if (kind === 'restored') restored.push(scope);
        else if (kind === 'confirmed') confirmed++;
      } catch (error) {
        failed.set(scope, error);
      }
    });
    await Promise.all(work);
    const deposed = [...failed.values()].find((error) => error instanceof DeposedError);
    if (deposed !== undefined) throw deposed;
    return { confirmed, restored, failed };
  }

  /** The scope's policy with a head dated now; undefined: not published by this leader yet, or in doubt. */
  answer(scope: string): PolicyAnswer | undefined {
    const signed = this.#doubted.has(scope) ? undefined : this.#signed.get(scope);
    return signed === undefined ? undefined : { head: this.#headNow(signed).text, document: signed.document.bytes };
  }

  /** Stops dating the heads of a scope that nobody needs; it fades from Redis by itself. */
  retire(scope: string): void {
    this.#signed.delete(scope);
    this.#doubted.delete(scope);
  }

  /** Once deposed, nothing is done or answered any more: what this leader signed may be old. */
  async #inOffice<T>(work: () => Promise<T>): Promise<T> {
    if (this.#deposed) throw new DeposedError();
    try {
      return await work();
    } catch (error) {
      if (error instanceof DeposedError) {
        this.#deposed = true;
        this.#signed.clear();
      }
      throw error;
    }
  }

  async #publish(change: Change): Promise<Published> {
    await this.#claim().catch(unlessDeposed);
    for (let attempt = 0; ; attempt++) {
      const done = await this.#walk(change);
      const written = done.written;
      if (done.head === undefined || written === undefined) throw new Error('a publish ended without having been done');
      if (written === 'nothing-to-do') return { kind: 'unchanged', head: done.head };
      if (written.kind === 'done') return { kind: 'published', head: done.head };
      if (attempt > 0) throw new RedisAwayError(new Error('the term does not stay in Redis'));
      await this.#restoreTerm(written, change.snapshot.scope);
    }
  }

  async #walk(change: Change): Promise<Publication> {
    const { scope } = change.snapshot;
    const { history, keys, now, between } = this.#options;
    const context = {
      redis: this.#redis,
      history,
      keys: keys(),
      term: this.#term,
      now,
      keep: (signed: Signed) => {
        this.#signed.set(scope, signed);
        this.#doubted.delete(scope);
      },
      unrecorded: (head: Head) => this.#unrecorded(head),
    };
    let publication: Publication = { change, before: this.#signed.get(scope) };
    for (const step of PUBLISH_STEPS) {
      publication = await step.run(publication, context);
      await between?.(step.name, scope);
      if (isDeposed(publication.written, this.#term)) throw new DeposedError();
    }
    return publication;
  }

  /** Once per scope: an earlier leader may have ended before history had what it wrote. */
  #unrecorded({ scope, revision }: Head): boolean {
    if (this.#recorded === undefined || (this.#recorded.get(scope) ?? 0) >= revision) return false;
    this.#recorded.set(scope, revision);
    return true;
  }

  async #beat(scope: string): Promise<'confirmed' | 'restored' | 'retired'> {
    const signed = this.#signed.get(scope);
    if (signed === undefined) return 'retired';
    await this.#claim();
    const { head, text } = this.#headNow(signed);
    const write = { scope, term: head.term, digest: head.digest, head: text };
    const sha1 = createHash('sha1').update(signed.document.bytes).digest('hex');
    let written = await this.#redis.beat(write, sha1);
    if (written.kind === 'term') {
      await this.#restoreTerm(written, scope);
      written = await this.#redis.beat(write, sha1);
    }
    if (written.kind === 'done') return 'confirmed';
    if (written.kind === 'gone') written = await this.#redis.publish(write, signed.document.bytes, undefined);
    if (written.kind !== 'done') throw new RedisAwayError(new Error('the document could not be written again'));
    return 'restored';
  }

  #headNow({ head }: Signed): { readonly head: Head; readonly text: string } {
    const key = currentKey(this.#options.keys());
    const now = { ...head, term: this.#term, issuedAt: this.#options.now(), key: key.id };
    return { head: now, text: signHead(now, key) };
  }

  /** The term may rise by it; what was signed under the lower one is signed anew by the beat. */
  async #claim(): Promise<void> {
    if (this.#claimed) return;
    this.#claiming ??= this.#claimOnce().finally(() => (this.#claiming = undefined));
    await this.#claiming;
  }

  /**
   * Reads the term, makes sure of the Lease, and only then raises the term, if it has not moved: a leader that was stopped
   * in the middle and lost the Lease meanwhile either finds the term moved, or is outdone by the next one's claim.
   */
  async #claimOnce(): Promise<void> {
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      const held = await this.#redis.term();
      if (!(await this.#options.isLeader())) throw new DeposedError();
      const term = await this.#redis.claim(this.#term, held);
      if (term === undefined) continue;
      this.#term = term;
      this.#claimed = true;
      this.#options.history.enter(term);
      return;
    }
    throw new Error('the term moved at every attempt to claim it');
  }

  /** Redis was emptied or put back, or (on a Cluster) the scope's fence is an earlier leader's. */
  async #restoreTerm(written: Written, scope: string): Promise<void> {
    if (isDeposed(written, this.#term) || !(await this.#options.isLeader())) throw new DeposedError();
    if ((await this.#redis.raise(this.#term, scope)) > this.#term) throw new DeposedError();
  }

  #inTurn<T>(scope: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(scope) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#queues.set(scope, settled);
    void settled.then(() => {
      if (this.#queues.get(scope) === settled) this.#queues.delete(scope);
    });
    return turn;
  }
}

const isDeposed = (written: Publication['written'], term: number): boolean =>
  typeof written === 'object' && written.kind === 'term' && written.held > term;

/** Redis is away: the steps will find that out, after the change has been signed. */
function unlessDeposed(error: unknown): void {
  if (error instanceof DeposedError) throw error;
}
