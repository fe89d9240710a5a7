import type { OurKind } from './cluster-resources.ts';

/**
 * What a resource refers to. It may have been stored under rules that have changed since, so nothing of its form is relied
 * on: what is not as it should be refers to nothing.
 */
export interface References {
  /** Scopes that a DbUser's ServiceAccounts, or a DatabaseBackend's gateways, are. */
  readonly scopes: readonly string[];
  /** A DbUser's; a name that others may claim too. */
  readonly username: string | undefined;
  /** A DbPermission's, as `namespace/name`. */
  readonly user: string | undefined;
  readonly backend: string | undefined;
  readonly secrets: readonly SecretKeyRef[];
}

/** One key of a Secret. */
export interface SecretKeyRef {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

interface Named {
  readonly metadata: { readonly namespace?: string };
  readonly spec?: unknown;
}

const NONE: References = { scopes: [], username: undefined, user: undefined, backend: undefined, secrets: [] };

export function referencesOf(kind: OurKind, { metadata, spec }: Named): References {
  const namespace = metadata.namespace ?? '';
  if (kind === 'DatabaseBackend') return backend(namespace, fields(spec));
  return kind === 'DbUser' ? user(namespace, fields(spec)) : permission(namespace, fields(spec));
}

type Fields = Readonly<Record<string, unknown>>;

function backend(namespace: string, spec: Fields): References {
  const login = fields(spec.credentialsSecretRef);
  const ca = fields(fields(spec.tls).caSecretRef);
  return {
    ...NONE,
    scopes: scopesOf(namespace, spec.gateways),
    secrets: [
      ...secret(namespace, login.name, login.usernameKey ?? 'username'),
      ...secret(namespace, login.name, login.passwordKey ?? 'password'),
      ...secret(namespace, ca.name, ca.key ?? 'ca.crt'),
    ],
  };
}

function user(namespace: string, spec: Fields): References {
  const { name, key } = fields(spec.passwordSecretRef);
  return {
    ...NONE,
    scopes: scopesOf(namespace, spec.serviceAccounts),
    username: text(spec.username),
    secrets: secret(namespace, name, key ?? 'password'),
  };
}

function permission(namespace: string, spec: Fields): References {
  const userName = text(fields(spec.userRef).name);
  const ref = fields(spec.backendRef);
  const backendName = text(ref.name);
  return {
    ...NONE,
    user: userName === undefined ? undefined : `${namespace}/${userName}`,
    backend: backendName === undefined ? undefined : `${text(ref.namespace) ?? namespace}/${backendName}`,
  };
}

function scopesOf(namespace: string, accounts: unknown): readonly string[] {
  if (!Array.isArray(accounts)) return [];
  const names = accounts.filter((name): name is string => typeof name === 'string' && isAccountName(name));
  return [...new Set(names.map((name) => `${namespace}/${name}`))];
}

/** What could be no ServiceAccount's is no scope: it would be a key in Redis. */
const isAccountName = (name: string): boolean => /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name);

function secret(namespace: string, name: unknown, key: unknown): readonly SecretKeyRef[] {
  return isObjectName(name) && typeof key === 'string' ? [{ namespace, name, key }] : [];
}

const isObjectName = (name: unknown): name is string => typeof name === 'string' && isAccountName(name);

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
