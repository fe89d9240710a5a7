import { nextConditions, type Condition } from '../../kube/conditions.ts';
import {
  DATABASE_BACKENDS,
  DB_PERMISSIONS,
  DB_USERS,
  type KubeObject,
  type ResourceKind,
} from '../../kube/resource.ts';
import { applyStatus } from '../../kube/status.ts';
import type { OurKind, OurResource } from '../../resources/cluster-resources.ts';
import type { Context } from '../context.ts';
import type { UserStatus } from '../user/plan.ts';
import type { WantedCondition } from './plan-conditions.ts';

export const RESOURCE_KINDS: Readonly<Record<OurKind, ResourceKind>> = {
  DatabaseBackend: DATABASE_BACKENDS,
  DbUser: DB_USERS,
  DbPermission: DB_PERMISSIONS,
};

export interface PlannedStatus {
  readonly conditions: readonly WantedCondition[];
  readonly proxies?: UserStatus['proxies'];
}

/** Nothing is sent when the status says it already. Throws ApiError 409 and 404 as applyStatus does, and NotLeadingError. */
export async function apply(
  object: KubeObject & OurResource,
  { conditions, proxies }: PlannedStatus,
  { client, leadership, wall }: Context,
  signal: AbortSignal,
): Promise<'written' | 'same'> {
  const { generation } = object.metadata;
  const before = object.status?.conditions as readonly Partial<Condition>[] | undefined;
  const status = {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: nextConditions(before, conditions, generation, wall()),
    ...(proxies === undefined ? {} : { proxies }),
  };
  const check = (): void => leadership.check();
  return applyStatus({ client, kind: RESOURCE_KINDS[object.kind], object, status, signal, check });
}
