/**
 * Whatever the operator writes to Redis, it writes by these scripts, each of which is done whole or not at all, and does
 * nothing unless the leader's term is exactly the one that the writer holds. KEYS[1] is always the term.
 */
import { redisNames, TERM_KEY, type ScopeRedisNames } from '#contract/snapshot/redis';
import type { RedisClient } from './redis-client.ts';

const SAME_TERM = `
local held = redis.pcall('GET', KEYS[1])
if held ~= ARGV[1] then return {'term', type(held) == 'string' and held or ''} end`;

/** KEYS: term, head, document, the document before (or the same). ARGV: term, head, document, channel, seconds, grace. */
const PUBLISH = `${SAME_TERM}
redis.call('SET', KEYS[3], ARGV[3], 'EX', ARGV[5])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[5])
if KEYS[4] ~= KEYS[3] then redis.call('EXPIRE', KEYS[4], ARGV[6]) end
redis.call('PUBLISH', ARGV[4], ARGV[2])
return {'done', ''}`;

/** KEYS: term, head, document. ARGV: term, head, SHA-1 of the document, seconds. */
const BEAT = `${SAME_TERM}
local document = redis.pcall('GET', KEYS[3])
if type(document) ~= 'string' or redis.sha1hex(document) ~= ARGV[3] then return {'gone', ''} end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[4])
redis.call('EXPIRE', KEYS[3], ARGV[4])
return {'done', ''}`;

/**
 * A new leader's term: max(last + 1, ARGV[1]), if the term is still ARGV[2] ('' for none). Says which stands then. One
 * beyond ARGV[3] was nobody's: it counts for nothing.
 */
const CLAIM = `
local held = redis.pcall('GET', KEYS[1])
held = type(held) == 'string' and held or ''
if held ~= ARGV[2] then return {'moved', held} end
local last = tonumber(held) or 0
if not (last <= tonumber(ARGV[3])) then last = 0 end
local term = string.format('%.0f', math.max(last + 1, tonumber(ARGV[1])))
redis.call('SET', KEYS[1], term)
return {'claimed', term}`;

/** Puts a term back, or into a scope's fence, unless a newer one is there, up to ARGV[2]; says which is there then. */
const RAISE = `
local held = redis.pcall('GET', KEYS[1])
local last = type(held) == 'string' and tonumber(held) or 0
if last > tonumber(ARGV[1]) and last <= tonumber(ARGV[2]) then return held end
if held ~= ARGV[1] then redis.call('SET', KEYS[1], ARGV[1]) end
return ARGV[1]`;

/** Seconds for which a document that was replaced stays: a proxy may have read the head before. */
const GRACE_S = 600;
/** Seconds after which a scope that nobody beats any more is gone from Redis. */
const KEEP_S = 30 * 86_400;
/**
 * Milliseconds ahead of now at which a term is no clock's any more but somebody's who writes to Redis. Taken for a leader's it
 * would be the last: beyond 2 ** 53 no head is read. It moves on faster than terms are claimed, so none is ever stuck at it.
 */
const TERM_AHEAD_MS = 100 * 365 * 86_400_000;

export type Written =
  | { readonly kind: 'done' }
  /** Redis holds another document than it should, or none. */
  | { readonly kind: 'gone' }
  /** Another term is held: a newer leader's, or an older one, or 0 for none, after Redis lost what it had. */
  | { readonly kind: 'term'; readonly held: number };

export interface ScopeWrite {
  readonly scope: string;
  readonly term: number;
  readonly head: string;
  readonly digest: string;
}

export class PolicyRedis {
  readonly #client: RedisClient;
  readonly #clustered: boolean;
  readonly #now: () => number;

  /** now: epoch milliseconds. */
  constructor(client: RedisClient, clustered: boolean, now: () => number) {
    this.#client = client;
    this.#clustered = clustered;
    this.#now = now;
  }

  /** previous: digest of the document that this one replaces. */
  async publish(write: ScopeWrite, document: Buffer, previous: string | undefined): Promise<Written> {
    const names = redisNames(write.scope);
    const keys = [this.#termKey(names), names.head, names.doc(write.digest), names.doc(previous ?? write.digest)];
    const values = [String(write.term), write.head, document, names.channel, KEEP_S, GRACE_S];
    return this.#written(await this.#client.eval(PUBLISH, keys.length, ...keys, ...values));
  }

  /** sha1: of the document, hexadecimal. */
  async beat(write: ScopeWrite, sha1: string): Promise<Written> {
    const names = redisNames(write.scope);
    const keys = [this.#termKey(names), names.head, names.doc(write.digest)];
    const values = [String(write.term), write.head, sha1, KEEP_S];
    return this.#written(await this.#client.eval(BEAT, keys.length, ...keys, ...values));
  }

  /** The term as it stands; '' for none. */
  async term(): Promise<string> {
    return (await this.#client.get(TERM_KEY)) ?? '';
  }

  /** The new term; undefined: it is not `held` any more. */
  async claim(floor: number, held: string): Promise<number | undefined> {
    const reply: unknown = await this.#client.eval(CLAIM, 1, TERM_KEY, String(floor), held, this.#mostTerm);
    const [kind, term] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
    return kind === 'claimed' ? Number(term) : undefined;
  }

  /** The term that stands afterwards: this one, or a newer leader's. On a Cluster the scope's fence is raised with it. */
  async raise(term: number, scope?: string): Promise<number> {
    const held = await this.#raise(TERM_KEY, term);
    if (held > term || scope === undefined || !this.#clustered) return held;
    return this.#raise(redisNames(scope).term, term);
  }

  /** Before a scope is read by a new leader on a Cluster: after this no older leader's write to it takes effect. */
  async fence(scope: string, term: number): Promise<number> {
    return this.#clustered ? this.#raise(redisNames(scope).term, term) : term;
  }

  head(scope: string): Promise<string | null> {
    return this.#client.get(redisNames(scope).head);
  }

  async #raise(key: string, term: number): Promise<number> {
    return Number(await this.#client.eval(RAISE, 1, key, String(term), this.#mostTerm));
  }

  get #mostTerm(): string {
    return String(this.#now() + TERM_AHEAD_MS);
  }

  #written(reply: unknown): Written {
    const [kind, held] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
    if (kind === 'done' || kind === 'gone') return { kind };
    if (kind !== 'term') throw new Error('a script of ours answered what it never answers');
    const term = Number(held);
    return { kind, held: term <= Number(this.#mostTerm) ? term : 0 };
  }

  #termKey(names: ScopeRedisNames): string {
    return this.#clustered ? names.term : TERM_KEY;
  }
}
