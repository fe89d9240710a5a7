import { findingsFor } from '#contract/compile/findings-for';
import { secretsOf } from '#contract/compile/needs';
import type { Finding } from '#contract/compile/compile';
import type { KubeObject } from '../../kube/resource.ts';
import type { OurKind, OurResource, ResourceId } from '../../resources/cluster-resources.ts';
import type { Context } from '../context.ts';
import type { Count } from '../proxy-counts.ts';
import type { Standing } from '../publications.ts';
import type { Said } from './plan-conditions.ts';
import { saidOf } from './plan-said.ts';

/** All that a resource's status is made of. */
export interface Gathered {
  readonly id: ResourceId;
  readonly object: KubeObject & OurResource;
  /** Findings about this resource, and those about others that make it void. */
  readonly said: readonly Said[];
  readonly standing: Standing;
  readonly historyDelayed: boolean;
  /** Of a DbUser. */
  readonly proxies: Count | undefined;
}

/** undefined: it is gone. */
export async function gather(id: ResourceId, context: Context, signal: AbortSignal): Promise<Gathered | undefined> {
  const { resources, secrets, publications, history, proxies } = context;
  const scopes = resources.scopesOf(id.kind, id.key);
  const closure = resources.of(id.kind, id.key);
  const object = resources.get(id.kind, id.key) as (KubeObject & OurResource) | undefined;
  if (closure === undefined || object === undefined) return undefined;
  const standing = publications.standing(`${id.kind}/${id.key}`, scopes);
  await secrets.load(secretsOf(closure), signal);
  const findings = findingsFor({ ...closure, secret: (...of) => secrets.read(...of) });
  const namespace = object.metadata.namespace ?? '';
  const isForbidden = (name: string): boolean => secrets.trouble(namespace, name) === 'forbidden';
  return {
    id,
    object,
    said: [
      ...findings.filter((finding) => isAbout(finding, id)).map((finding) => saidOf(finding, object, isForbidden)),
      ...(id.kind === 'DbPermission' ? voidBy(findings, object) : []),
    ],
    standing,
    historyDelayed: history.isDelayed && id.kind === 'DatabaseBackend',
    proxies: id.kind === 'DbUser' ? await proxies.ofUser(id.key, signal) : undefined,
  };
}

const isAbout = ({ kind, namespace, name }: Finding, id: { readonly kind: OurKind; readonly key: string }): boolean =>
  kind === id.kind && `${namespace}/${name}` === id.key;

/** Whose user has lost its name on this backend to another one's. */
function voidBy(findings: readonly Finding[], permission: KubeObject & OurResource): readonly Said[] {
  const { name, namespace } = permission.metadata;
  const user = permission.kind === 'DbPermission' ? nameOfUser(permission) : undefined;
  return findings
    .filter((finding) => finding.reason === 'Conflict' && finding.name === user && finding.namespace === namespace)
    .map(({ message }) => ({
      severity: 'error',
      reason: 'UserNotUsable',
      message: `DbPermission ${namespace ?? ''}/${name} is without effect, for of its user is to be said: ${message}`,
    }));
}

/** It may have been stored under other rules. */
function nameOfUser({ spec }: { readonly spec?: unknown }): unknown {
  return (spec as { readonly userRef?: { readonly name?: unknown } } | undefined)?.userRef?.name;
}
