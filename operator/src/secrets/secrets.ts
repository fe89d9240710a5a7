/** Where a resource refers to. */
export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Secrets that resources name, by `get` alone and again every 60 s while they are named; never listed, never watched.
 * What is held is only the keys that were asked for.
 */
export interface Secrets {
  /** Those not looked at in the last 60 s are fetched (all at once, each once). Rejects if one can't be: not when it isn't there. */
  load(names: readonly SecretName[], signal: AbortSignal): Promise<void>;
  /** undefined: there is no such Secret or key. Throws for what was never loaded: a bug. */
  read(namespace: string, name: string, key: string): string | undefined;
  /** For salts: changes with each change. undefined: there is no such Secret. */
  resourceVersion(namespace: string, name: string): string | undefined;
}
