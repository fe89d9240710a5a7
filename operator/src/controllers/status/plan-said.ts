import type { Finding } from '#contract/compile/compile';
import type { Said } from './plan-conditions.ts';

/**
 * What a condition says of a finding. A Secret that may not be read looks to compile as one that is not there; what to do
 * is another thing. isForbidden: by name, in the resource's namespace.
 */
export function saidOf(finding: Finding, resource: object, isForbidden: (name: string) => boolean): Said {
  const { severity, reason, message, namespace, path = [] } = finding;
  if (reason === 'Invalid') return { severity, reason, message: `${path.join('.')} ${message}`.trimStart() };
  const name = reason === 'SecretNotFound' ? nameAt(resource, path) : undefined;
  if (name === undefined || !isForbidden(name)) return { severity, reason, message };
  return {
    severity,
    reason: 'SecretForbidden',
    message:
      `the operator may not get Secret ${namespace}/${name}: let its ServiceAccount, by a Role and RoleBinding in ` +
      `namespace ${namespace}, get secrets (resourceNames: [${name}] is enough)`,
  };
}

/** The name that stands in what the resource has at that place. */
function nameAt(resource: object, path: readonly (string | number)[]): string | undefined {
  let at: unknown = resource;
  for (const step of path) at = (at as Readonly<Record<string | number, unknown>> | undefined)?.[step];
  const name = (at as { readonly name?: unknown } | undefined)?.name;
  return typeof name === 'string' ? name : undefined;
}
