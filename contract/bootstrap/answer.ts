import { z } from 'zod';
import { parseScopeKeys, type ScopeKeyText, type ScopeKeys } from '../snapshot/keys-scope.ts';
import type { RedisAddress } from '../snapshot/redis.ts';

/**
 * `POST /v1/bootstrap`, `Authorization: Bearer <projected token>`, no body: who a proxy is and what it needs to begin. The
 * answer (200, JSON) is a pure function of the key Secret, the resources and the API server's review of the token, so
 * every replica gives the same but for `now`. It is kept on a volume in memory and never expires by itself.
 */
export const BOOTSTRAP_PATH = '/v1/bootstrap';

export interface BootstrapAnswer {
  readonly scope: string;
  readonly podUid: string;
  readonly keys: readonly ScopeKeyText[];
  /** Where policy is, and the login that proxies have there. */
  readonly redis: RedisAddress;
  /** Of this scope's users alone. One that is missing makes the proxy ask again. */
  readonly logins: readonly ScopeLogin[];
  /** 32 bytes, base64url: what salts of unknown users come from. Of the scope, and equal on all its proxies. */
  readonly mock: string;
  /** Epoch milliseconds by the operator's clock. */
  readonly now: number;
  /** Milliseconds after which to ask again, for what may have changed. */
  readonly askAgain: number;
}

/** The login at a backend's server for these DbUsers. */
export interface ScopeLogin {
  /** `namespace/name` of the DatabaseBackend. */
  readonly backend: string;
  /** uids of DbUsers, sorted. */
  readonly users: readonly string[];
  readonly username: string;
  readonly password: string;
}

/** What a proxy makes of it. */
export interface Bootstrap {
  readonly scope: string;
  readonly podUid: string;
  readonly keys: ScopeKeys;
  readonly redis: RedisAddress;
  readonly logins: readonly ScopeLogin[];
  readonly mock: Buffer;
  readonly now: number;
  readonly askAgain: number;
}

/**
 * `POST /v1/policy`, authorised likewise, PolicyQuestion as JSON: the second feed. 200 PolicyText; the leader answers, and
 * other replicas forward to it, token and all.
 */
export const POLICY_PATH = '/v1/policy';

export interface PolicyQuestion {
  /** Digest of the document that is held: it is then left out of the answer if it is still the one. */
  readonly have?: string;
}

export interface PolicyText {
  readonly head: string;
  /** base64 of the sealed document. */
  readonly document?: string;
}

/** Every other status of both: 401 the token says nothing of who asks, 403 it is not a pod's, 429 and 503 ask again later. */
export interface Refusal {
  /** One CamelCase word for programs. */
  readonly reason: string;
  /** A sentence for people: what to do. Never part of a token. */
  readonly message: string;
}

/** Not as it must be. The message names no value. */
export class AnswerError extends Error {
  readonly code = 'ANSWER_INVALID';
}

const text = z.string().max(4096);
const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const shape = z.strictObject({
  scope: text.min(1),
  podUid: text.min(1),
  keys: z.unknown(),
  redis: z.strictObject({
    kind: z.enum(['single', 'sentinel', 'cluster']),
    nodes: z.array(z.strictObject({ host: text.min(1), port: z.number().int().min(1).max(65_535) })).min(1),
    master: text.optional(),
    username: text.optional(),
    password: text.optional(),
    tls: z.boolean(),
    database: whole,
  }),
  logins: z.array(
    z.strictObject({ backend: text.min(1), users: z.array(text), username: text.min(1), password: text }),
  ),
  mock: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  now: whole,
  askAgain: whole,
});

/** Reads the JSON of a BootstrapAnswer. Throws AnswerError. */
export function parseBootstrap(json: unknown): Bootstrap {
  const result = shape.safeParse(json);
  if (!result.success) throw new AnswerError('the answer is not as it must be');
  const { keys, mock, redis, ...rest } = result.data;
  return {
    ...rest,
    keys: parseScopeKeys(keys),
    redis: redis as RedisAddress,
    mock: Buffer.from(mock, 'base64url'),
  };
}

const policyShape = z.strictObject({ head: z.string().max(8192), document: z.string().optional() });

/** Reads the JSON of a PolicyText. Throws AnswerError. */
export function parsePolicyText(json: unknown): PolicyText {
  const result = policyShape.safeParse(json);
  if (!result.success) throw new AnswerError('the answer is not as it must be');
  const { head, document } = result.data;
  return document === undefined ? { head } : { head, document };
}
