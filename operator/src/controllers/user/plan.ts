import { planConditions, type ConditionsInput, type WantedCondition } from '../status/plan-conditions.ts';

/** inSync: undefined while Redis, where proxies report, is away. */
export interface Proxies {
  readonly running: number;
  readonly inSync: number | undefined;
}

export interface UserStatus {
  readonly conditions: readonly WantedCondition[];
  readonly proxies: { readonly running: number; readonly inSync?: number; readonly summary: string };
}

/** Ready: it is, as it is now, in the policy of all that serve it. Whether proxies have taken that up, `proxies` says. */
export function plan(input: Omit<ConditionsInput, 'inForce'>, { running, inSync }: Proxies): UserStatus {
  return {
    conditions: planConditions({ ...input, inForce: 'in force' }),
    proxies: {
      running,
      ...(inSync === undefined ? {} : { inSync }),
      summary: `${inSync ?? '?'}/${running}`,
    },
  };
}
