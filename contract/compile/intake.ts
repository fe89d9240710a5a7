import type { Kind } from '../resources/schemas.gen.ts';
import { checkResource, type Checked, type Resource } from '../resources/validate.ts';
import { compareText, type Finding, type Subject } from './finding.ts';

/** Resources of one kind by `namespace/name`, checked, with their defaults. */
export interface Intake<T> {
  readonly usable: ReadonlyMap<string, T>;
  /** Those that are there and broken. */
  readonly broken: ReadonlySet<string>;
}

/** Checks each resource by itself: a broken one is left out, with findings, and the rest goes on. */
export function takeIn<T extends Resource>(kind: Kind, resources: readonly T[], findings: Finding[]): Intake<T> {
  const usable = new Map<string, T>();
  const broken = new Set<string>();
  for (const resource of resources) {
    const subject = subjectOf(kind, resource);
    const id = idOf(subject);
    if (usable.has(id) || broken.has(id)) {
      findings.push({
        ...subject,
        severity: 'error',
        reason: 'Duplicate',
        message: `there is a ${kind} ${id} before it: rename or remove one`,
      });
      continue;
    }
    const checked = checkOnce(resource);
    if (checked.ok) usable.set(id, checked.resource as T);
    else broken.add(id);
    for (const { path, message, fix } of checked.ok ? [] : checked.problems) {
      findings.push({
        ...subject,
        path,
        severity: 'error',
        reason: 'Invalid',
        message: fix === undefined ? message : `${message}: ${fix}`,
      });
    }
  }
  return { usable: new Map([...usable].sort(([a], [b]) => compareText(a, b))), broken };
}

/** By the resource itself: what is in a store is never edited, and one resource is looked at for many scopes. */
const checkedBefore = new WeakMap<object, Checked>();

function checkOnce(resource: unknown): Checked {
  if (typeof resource !== 'object' || resource === null) return checkResource(resource);
  const known = checkedBefore.get(resource) ?? checkResource(resource);
  checkedBefore.set(resource, known);
  return known;
}

/** Even of what isn't a resource at all. */
function subjectOf(kind: Kind, resource: unknown): Subject {
  const metadata = (resource as { readonly metadata?: Readonly<Record<string, unknown>> | null } | null)?.metadata;
  const { namespace, name } = metadata ?? {};
  return {
    kind,
    namespace: typeof namespace === 'string' ? namespace : DEFAULT_NAMESPACE,
    name: typeof name === 'string' ? name : '',
  };
}

const DEFAULT_NAMESPACE = 'default';

/** Namespace of a resource; YAML that names none means `default`, as with kubectl. */
export function namespaceOf(resource: Resource): string {
  return resource.metadata.namespace ?? DEFAULT_NAMESPACE;
}

export function idOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
