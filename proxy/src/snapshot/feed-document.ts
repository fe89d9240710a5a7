import { readHead, type Head } from '#contract/snapshot/head';
import type { ScopeKeys } from '#contract/snapshot/keys-scope';
import { parseSnapshot, SnapshotError } from '#contract/snapshot/parse';
import { digestOf, openDocument } from '#contract/snapshot/seal';
import type { Snapshot } from '#contract/snapshot/types';

/** Why something that was received is not believed. The key's id only names a key. */
export interface Unbelieved {
  readonly kind: 'unbelieved';
  readonly why: 'unknown-key' | 'forged-head' | 'forged-document' | 'invalid-document';
  /** What the people who run it read; nothing of the content. */
  readonly detail: string;
}

export function believeHead(
  text: string,
  scope: string,
  keys: ScopeKeys,
): { readonly kind: 'head'; readonly head: Head } | Unbelieved {
  const read = readHead(text, scope, (id) => keys.get(id)?.verify);
  if (read.kind === 'head') return read;
  if (read.kind === 'unknown-key') return unbelieved('unknown-key', 'a head is signed by a key that is not known here');
  return unbelieved('forged-head', `a head is ${read.kind}`);
}

/** The policy that a believed head stands for: these bytes and no others. */
export function believeDocument(
  bytes: Buffer,
  head: Head,
  keys: ScopeKeys,
): { readonly kind: 'snapshot'; readonly snapshot: Snapshot } | Unbelieved {
  if (digestOf(bytes) !== head.digest)
    return unbelieved('forged-document', 'a document is not the one that its head names');
  const opened = openDocument(bytes, head.scope, (id) => keys.get(id)?.seal);
  if (opened.kind === 'unknown-key')
    return unbelieved('unknown-key', 'a document is sealed by a key that is not known here');
  if (opened.kind !== 'opened') return unbelieved('forged-document', `a document is ${opened.kind}`);
  try {
    const snapshot = parseSnapshot(opened.plaintext);
    if (snapshot.scope === head.scope) return { kind: 'snapshot', snapshot };
    return unbelieved('invalid-document', 'a document is about another scope');
  } catch (error) {
    if (error instanceof SnapshotError) return unbelieved('invalid-document', error.message);
    throw error;
  }
}

const unbelieved = (why: Unbelieved['why'], detail: string): Unbelieved => ({ kind: 'unbelieved', why, detail });
