import type { KubeObject } from '../../kube/resource.ts';
import type { OurResource } from '../../resources/cluster-resources.ts';
import type { Context } from '../context.ts';
import { RESOURCE_KINDS } from './apply.ts';
import type { WantedCondition } from './plan-conditions.ts';

/** Events tell of turns: that something is Ready from the beginning is no news, and would be one Event for each resource. */
export function report(
  object: KubeObject & OurResource,
  conditions: readonly WantedCondition[],
  { events, hooks }: Context,
): void {
  hooks.statusWritten?.(object.kind);
  const isStalled = conditions.some(({ type }) => type === 'Stalled');
  for (const condition of conditions) {
    if (!isNews(condition, object)) continue;
    events.record({
      kind: RESOURCE_KINDS[object.kind],
      regarding: object,
      type: condition.type === 'Warning' || isStalled ? 'Warning' : 'Normal',
      reason: condition.reason,
      action: 'Compile',
      note: condition.message,
    });
  }
}

function isNews({ type, status, reason }: WantedCondition, { status: before }: OurResource): boolean {
  if (type !== 'Ready' && type !== 'Warning') return false;
  if (reason === 'NotPublished') return false; // it is told when it has been published, or can't be
  const old = before?.conditions?.find((condition) => condition.type === type);
  if (old === undefined) return type === 'Warning' || status === 'False';
  return old.status !== status || old.reason !== reason;
}
