import { planConditions, type ConditionsInput, type WantedCondition } from '../status/plan-conditions.ts';

/** Ready: what it permits is in the policy of all that serve its user on its backend. */
export function plan(input: Omit<ConditionsInput, 'inForce'>): { readonly conditions: readonly WantedCondition[] } {
  return { conditions: planConditions({ ...input, inForce: 'in force' }) };
}
