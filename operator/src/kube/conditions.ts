/** As metav1.Condition. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration?: number;
  /** RFC 3339, whole seconds. */
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

export type ConditionNow = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Characters; the CRDs allow as many. */
const MOST_MESSAGE = 32_768;

/**
 * The conditions that a status should have: exactly the wanted ones, in their order. lastTransitionTime is kept while the
 * status of a type is; observedGeneration advances always. now: milliseconds since 1970.
 */
export function nextConditions(
  before: readonly Partial<Condition>[] | undefined,
  wanted: readonly ConditionNow[],
  generation: number | undefined,
  now: number,
): Condition[] {
  return wanted.map(({ type, status, reason, message }) => {
    const old = before?.find((condition) => condition.type === type);
    const kept = old?.status === status ? old.lastTransitionTime : undefined;
    return {
      type,
      status,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime: kept ?? secondsTime(now),
      reason,
      message: message.length > MOST_MESSAGE ? `${message.slice(0, MOST_MESSAGE - 1)}…` : message,
    };
  });
}

/** metav1.Time: the API server stores whole seconds. */
export const secondsTime = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** metav1.MicroTime. */
export const microTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/Z$/, '000Z');
