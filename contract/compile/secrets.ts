import type { Finding, Subject } from './finding.ts';

export type SecretReader = (namespace: string, name: string, key: string) => string | undefined;

export interface SecretKey {
  readonly name: string;
  readonly key: string;
  /** Where the resource refers to it. */
  readonly path: readonly string[];
}

/** What stands under the key; undefined, with a finding, when that is nothing. */
export function readSecret(
  secret: SecretReader,
  subject: Subject,
  { name, key, path }: SecretKey,
  findings: Finding[],
): string | undefined {
  const value = secret(subject.namespace, name, key);
  if (value !== undefined && value !== '') return value;
  const id = `${subject.namespace}/${name}`;
  findings.push({
    ...subject,
    path,
    severity: 'error',
    ...(value === undefined
      ? { reason: 'SecretNotFound', message: `there is no Secret ${id} with a key ${key}: create it, or name another` }
      : { reason: 'SecretEmpty', message: `key ${key} of Secret ${id} is empty: put a value there` }),
  });
  return undefined;
}
