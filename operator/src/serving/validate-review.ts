import { parsePattern } from '#contract/policy/pattern';
import { checkResource, type Problem, type Resource } from '#contract/resources/validate';
import type { Kind } from '#contract/resources/schemas.gen';
import type { DatabaseBackend, DbPermission, DbUser } from '#contract/resources/types.gen';
import { isEqual, isRecord } from './inject-equal.ts';

export interface Verdict {
  readonly allowed: boolean;
  /** One CamelCase word, for the metric. */
  readonly reason?: 'Invalid' | 'Immutable' | 'WrongKind';
  /** What is wrong where, and what to do. */
  readonly message?: string;
  /** What is in order and may still not be what is meant. Nothing that depends on other resources: they come in any order. */
  readonly warnings: readonly string[];
}

/** As many as a person reads at once. */
const MOST_PROBLEMS = 10;
const ALLOWED: Verdict = { allowed: true, warnings: [] };

/**
 * Judges one of our resources. `kind`: what the request says it is. `old`: what it was, on an update. What was stored
 * before validation existed can always be labelled, deleted and have its finalizers removed: only a change of its spec is
 * judged. The same checks run again when it is reconciled.
 */
export function validateReview(kind: Kind, object: unknown, old?: unknown): Verdict {
  if (!isRecord(object) || object.kind !== kind) {
    return { allowed: false, reason: 'WrongKind', message: `this is no ${kind}: write kind: ${kind}`, warnings: [] };
  }
  if (isLeaving(object) || (isRecord(old) && isEqual(old.spec, object.spec))) return ALLOWED;
  const checked = checkResource(object);
  if (!checked.ok) return denied('Invalid', checked.problems);
  const frozen = frozenFields(kind, object, old);
  if (frozen.length > 0) return denied('Immutable', frozen);
  return { allowed: true, warnings: warningsOf(checked.resource) };
}

const isLeaving = ({ metadata }: Readonly<Record<string, unknown>>): boolean =>
  isRecord(metadata) && typeof metadata.deletionTimestamp === 'string';

function denied(reason: 'Invalid' | 'Immutable', problems: readonly Problem[]): Verdict {
  const said = problems.slice(0, MOST_PROBLEMS).map(({ path, message, fix }) => {
    const todo = fix === undefined ? '' : `: ${fix}`;
    return `${pathText(path)} ${message}${todo}`.trim();
  });
  const more = problems.length > MOST_PROBLEMS ? [`and ${String(problems.length - MOST_PROBLEMS)} more`] : [];
  return { allowed: false, reason, message: [...said, ...more].join('; '), warnings: [] };
}

/** spec.rules[0].sql.actions */
function pathText(path: Problem['path']): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${String(step)}]` : `.${step}`))
    .join('')
    .slice(1);
}

/** CEL says so too, but only for what is valid by itself, and where the API server knows the old one. */
const FROZEN: Readonly<Record<Kind, readonly (readonly [field: string, fix: string])[]>> = {
  DatabaseBackend: [['protocol', 'make another DatabaseBackend']],
  DbUser: [['username', 'make another DbUser']],
  DbPermission: [],
};

function frozenFields(kind: Kind, object: Readonly<Record<string, unknown>>, old: unknown): readonly Problem[] {
  const { spec } = object;
  const before = isRecord(old) ? old.spec : undefined;
  if (!isRecord(spec) || !isRecord(before)) return [];
  return FROZEN[kind]
    .filter(([field]) => !isEqual(spec[field], before[field]))
    .map(([field, fix]) => ({ path: ['spec', field], message: 'can not be changed', fix }));
}

function warningsOf(resource: Resource): readonly string[] {
  switch (resource.kind) {
    case 'DatabaseBackend':
      return backendWarnings(resource);
    case 'DbUser':
      return userWarnings(resource);
    case 'DbPermission':
      return permissionWarnings(resource);
  }
}

function backendWarnings({ metadata, spec }: DatabaseBackend): readonly string[] {
  const warnings: string[] = [];
  const { mode } = spec.tls;
  if (mode !== 'verify-full' && mode !== 'verify-ca') {
    warnings.push(
      `spec.tls.mode ${mode}: nobody checks that the server is the right one: write verify-full, and its CA under caSecretRef`,
    );
  }
  if (spec.sharedLogin === 'Allow') {
    warnings.push(
      'spec.sharedLogin Allow: every pod with a sidecar holds the login of credentialsSecretRef, and may use it past ArticDBM: write Forbid, and use a gateway, unless this is a trial',
    );
  }
  if (spec.consumers?.some(({ namespace }) => namespace === metadata.namespace) === true) {
    warnings.push('spec.consumers names its own namespace, which needs no consent: remove the entry');
  }
  return warnings;
}

function userWarnings({ spec }: DbUser): readonly string[] {
  const accounts = spec.serviceAccounts ?? [];
  const warnings: string[] = [];
  if (accounts.length === 0 && spec.passwordSecretRef === undefined) {
    warnings.push('nobody can be this user: write serviceAccounts for sidecars, or passwordSecretRef for gateways');
  }
  if (accounts.includes('default')) {
    warnings.push(
      'spec.serviceAccounts names default: every pod of this namespace that names no other account is this user: give the application an account of its own',
    );
  }
  return warnings;
}

function permissionWarnings({ metadata, spec }: DbPermission): readonly string[] {
  const warnings: string[] = [];
  const { namespace = metadata.namespace, name } = spec.backendRef;
  if (namespace !== metadata.namespace) {
    warnings.push(
      `it counts as far as the DatabaseBackend ${String(namespace)}/${name} names ${String(metadata.namespace)} among its consumers: its condition Ready says how far`,
    );
  }
  const isAdmin = spec.rules.some(({ sql }) => sql?.actions.includes('admin') === true);
  if (isAdmin)
    warnings.push('admin allows everything in the databases, GRANT and DROP too: write the actions that are needed');
  const upper = spec.rules.flatMap(({ sql }) => [...(sql?.tables ?? []), ...(sql?.schemas ?? [])]).find(hasUpperCase);
  if (upper !== undefined) {
    warnings.push('a name with capitals is one that is quoted in SQL: write it in lower case unless it was made so');
  }
  return warnings;
}

const hasUpperCase = (pattern: string): boolean => /[A-Z]/.test(parsePattern(pattern)?.parts.join('') ?? '');
