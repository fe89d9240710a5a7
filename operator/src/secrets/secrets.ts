/** Where a resource refers to. */
export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** Why there is nothing to read: there is no such Secret, or the operator may not get it. */
export type SecretTrouble = 'missing' | 'forbidden';

/**
 * Secrets that resources name, by `get` alone and again every 60 s while they are named; never listed, never watched.
 * What is held is only the keys that resources name.
 */
export interface Secrets {
  /**
   * Those not looked at in the last 60 s are fetched (all at once, each once). Rejects if one can't be that never could:
   * not when it isn't there or may not be read, and not when it could be read before: then that still counts, for what
   * must be revoked does not wait for a Secret.
   */
  load(names: readonly SecretName[], signal: AbortSignal): Promise<void>;
  /** The worst of them: `fresh` needs no load; `held` was looked at longer ago; `unread` can't be read from. */
  state(names: readonly SecretName[]): 'fresh' | 'held' | 'unread';
  /** undefined: there is no such Secret or key, or it may not be read. Throws NotLoadedError for what was not loaded. */
  read(namespace: string, name: string, key: string): string | undefined;
  /** For salts: changes with each change. undefined: there is no such Secret. */
  resourceVersion(namespace: string, name: string): string | undefined;
  /** undefined: it is there, or was never loaded. */
  trouble(namespace: string, name: string): SecretTrouble | undefined;
  /** After a Secret that was held is found another, gone, or there. Returns the way to stop. */
  onChange(listener: (secret: SecretName) => void): () => void;
}

/** What is read was never loaded, or which keys resources name has changed since: load again. */
export class NotLoadedError extends Error {
  readonly code = 'SECRET_NOT_LOADED';
  constructor() {
    super('a Secret is read that was not loaded');
  }
}
