import { planConditions, type ConditionsInput, type WantedCondition } from '../status/plan-conditions.ts';

/** Ready: it can be used, and its gateways know it as it is. */
export function plan(input: Omit<ConditionsInput, 'inForce'>): { readonly conditions: readonly WantedCondition[] } {
  return { conditions: planConditions({ ...input, inForce: 'in order, and in the policy of its gateways' }) };
}
