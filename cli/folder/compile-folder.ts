import { compile } from '#contract/compile/compile';
import type { CompileInput, Finding } from '#contract/compile/compile';
import type { Snapshot } from '#contract/snapshot/types';
import type { UpstreamLogin } from '#proxy/config';
import { sortDiagnostics } from './diagnostic.ts';
import type { Diagnostic } from './diagnostic.ts';
import { originKey, spell } from './load.ts';
import type { Loaded } from './load.ts';

export interface CompiledFolder {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
  /** The findings, each at its place in the files. */
  readonly diagnostics: readonly Diagnostic[];
  /** By backend `namespace/name`. Not part of the snapshot. */
  readonly logins: ReadonlyMap<string, UpstreamLogin>;
}

/** Fits the resources together, with the same code as the operator. `loaded` must be free of errors. */
export function compileFolder(loaded: Loaded, verifier: CompileInput['verifier']): CompiledFolder {
  const { backends, users, permissions } = loaded;
  const secret = (namespace: string, name: string, key: string): string | undefined =>
    loaded.secrets.get(`${namespace}/${name}`)?.values.get(key);
  const { snapshot, findings } = compile({ scope: 'standalone', backends, users, permissions, secret, verifier });
  const logins = new Map<string, UpstreamLogin>();
  for (const { metadata, spec } of backends) {
    const { name, usernameKey, passwordKey } = spec.credentialsSecretRef;
    const namespace = metadata.namespace ?? 'default';
    const username = secret(namespace, name, usernameKey);
    const password = secret(namespace, name, passwordKey);
    if (username !== undefined && password !== undefined) {
      logins.set(`${namespace}/${metadata.name}`, { username, password });
    }
  }
  const diagnostics = sortDiagnostics(findings.map((finding) => located(loaded, finding)));
  return { snapshot, findings, diagnostics, logins };
}

function located(loaded: Loaded, { kind, namespace, name, path, severity, message }: Finding): Diagnostic {
  const key = originKey(kind, namespace, name);
  const origin = loaded.origins.get(key);
  if (origin === undefined) throw new Error('compile found something about a resource that it was not given');
  return { ...origin.at(path ?? ['metadata', 'name']), severity, subject: `${key}${spell(path ?? [])}`, message };
}
