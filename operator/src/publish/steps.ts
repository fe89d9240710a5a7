import { createPublicKey } from 'node:crypto';
import { nextRevision, readHead, signHead, type Head } from '#contract/snapshot/head';
import { currentKey, type KeyRing } from '#contract/snapshot/keys';
import { sealDocument, type SealedDocument } from '#contract/snapshot/seal';
import { serialiseSnapshot } from '#contract/snapshot/serialise';
import type { Snapshot } from '#contract/snapshot/types';
import type { History } from '../store/history.ts';
import { withoutVerifiers } from '../store/revisions.ts';
import type { PolicyRedis, Written } from './scripts.ts';

export interface Change {
  readonly snapshot: Snapshot;
  /** For history: who made the change, and why it is published. */
  readonly who: string;
  readonly why: string;
}

/** What the leader last signed for a scope. */
export interface Signed {
  readonly head: Head;
  readonly document: SealedDocument;
}

export interface StepContext {
  readonly redis: PolicyRedis;
  readonly history: History;
  readonly keys: KeyRing;
  readonly term: number;
  readonly now: () => number;
  /** Keeps what was signed, for the beat and the second feed. */
  readonly keep: (signed: Signed) => void;
  /** Whether history is known to lack this revision; asked once, as it is recorded then. */
  readonly unrecorded: (head: Head) => boolean;
}

/** One publish, as far as it has come. */
export interface Publication {
  readonly change: Change;
  /** What this process signed last for the scope. */
  readonly before: Signed | undefined;
  readonly inRedis?: Head | undefined;
  /** Redis could not be read: it is not written to then either, for the next revision is not certain. */
  readonly unread?: unknown;
  readonly document?: SealedDocument;
  readonly head?: Head;
  readonly isNew?: boolean;
  readonly written?: Written | 'nothing-to-do';
}

export interface PublishStep {
  readonly name: 'read' | 'seal' | 'sign' | 'record' | 'write';
  readonly run: (publication: Publication, context: StepContext) => Promise<Publication> | Publication;
}

/**
 * A publish, in order. After any of them the process may end, and whoever publishes the scope next completes the change:
 *
 * | ended after | what others see | what the next publisher does |
 * |---|---|---|
 * | read, seal, sign | nothing | all of it |
 * | record | history tells of a revision that never came into force | all of it, under a revision of its own |
 * | write | head, document and message, at once (one script) | finds its document in force; records it if history lacks it |
 */
export const PUBLISH_STEPS: readonly PublishStep[] = [
  { name: 'read', run: read },
  { name: 'seal', run: seal },
  { name: 'sign', run: sign },
  { name: 'record', run: record },
  { name: 'write', run: write },
];

async function read(publication: Publication, { redis, keys, term }: StepContext): Promise<Publication> {
  const { scope } = publication.change.snapshot;
  try {
    const held = await redis.fence(scope, term);
    if (held > term) return { ...publication, written: { kind: 'term', held } };
    return { ...publication, inRedis: verified(await redis.head(scope), scope, keys) };
  } catch (unread) {
    return { ...publication, unread };
  }
}

/** A head that nobody of us signed is no head. */
function verified(text: string | null, scope: string, keys: KeyRing): Head | undefined {
  const result = readHead(text ?? '', scope, (id) => {
    const key = keys.keys.get(id);
    return key === undefined ? undefined : createPublicKey(key.signing);
  });
  return result.kind === 'head' ? result.head : undefined;
}

function seal(publication: Publication, { keys }: StepContext): Publication {
  const { snapshot } = publication.change;
  return { ...publication, document: sealDocument(serialiseSnapshot(snapshot), snapshot.scope, currentKey(keys)) };
}

/** The revision rises when the content is another than that of the last head that was signed, here or by an earlier leader. */
function sign(publication: Publication, { keys, term, now, keep }: StepContext): Publication {
  const { inRedis, before, change } = publication;
  const document = made(publication.document);
  const last = later(inRedis, before?.head);
  const isNew = last?.digest !== document.digest;
  const revision = isNew ? nextRevision(last?.revision, now()) : last.revision;
  const head: Head = {
    scope: change.snapshot.scope,
    revision,
    term,
    digest: document.digest,
    issuedAt: now(),
    key: keys.current,
  };
  keep({ head, document });
  return { ...publication, head, isNew };
}

async function record(publication: Publication, { history, unrecorded }: StepContext): Promise<Publication> {
  const { change, isNew } = publication;
  const head = made(publication.head);
  const lacking = unrecorded(head);
  if (isNew !== true && !lacking) return publication;
  await history.record({
    scope: head.scope,
    revision: head.revision,
    term: head.term,
    who: change.who,
    why: change.why,
    at: head.issuedAt,
    digest: head.digest,
    document: withoutVerifiers(change.snapshot),
  });
  return publication;
}

/** Nothing is written when Redis says the same already: the beat will date it. */
async function write(publication: Publication, { redis, keys }: StepContext): Promise<Publication> {
  const { inRedis, unread } = publication;
  if (unread !== undefined) throw new RedisAwayError(unread);
  const head = made(publication.head);
  if (inRedis?.digest === head.digest && inRedis.revision === head.revision) {
    return { ...publication, written: 'nothing-to-do' };
  }
  const { scope, term, digest } = head;
  const text = signHead(head, currentKey(keys));
  try {
    const document = made(publication.document).bytes;
    return {
      ...publication,
      written: await redis.publish({ scope, term, digest, head: text }, document, inRedis?.digest),
    };
  } catch (cause) {
    throw new RedisAwayError(cause);
  }
}

/** Redis did not take the change. It is signed and kept all the same: the second feed has it, and the beat tries again. */
export class RedisAwayError extends Error {
  readonly code = 'REDIS_AWAY';
  constructor(cause: unknown) {
    super('Redis could not be read or written', { cause });
    this.name = 'RedisAwayError';
  }
}

function later(one: Head | undefined, other: Head | undefined): Head | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.revision >= other.revision ? one : other;
}

function made<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a step of the publish ran before the one that it builds on');
  return value;
}
