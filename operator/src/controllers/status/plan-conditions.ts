import type { ConditionType, FindingReason, StatusReason } from '#contract/names';

/** A condition as it should be; times and generations are added when it is written. */
export interface WantedCondition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** A finding as far as conditions go. */
export interface Said {
  readonly severity: 'error' | 'warning';
  readonly reason: FindingReason | StatusReason;
  readonly message: string;
}

export interface ConditionsInput {
  /** About this resource. */
  readonly said: readonly Said[];
  /** Whether what is asked for now is in the policy of all its scopes. */
  readonly standing: 'published' | 'pending' | 'RedisAway' | 'Failed';
  /** Whether changes wait to be recorded by a store that is away. */
  readonly historyDelayed: boolean;
  /** What is true when it is Ready, as a sentence. */
  readonly inForce: string;
}

/**
 * What comes right by itself when another resource or Secret arrives or is mended, as when all is applied at once in whatever
 * order. All else that is wrong is for a person to mend in this very resource, or to allow it.
 */
const COMES_RIGHT: ReadonlySet<string> = new Set<FindingReason>([
  'BackendNotFound',
  'BackendNotUsable',
  'UserNotFound',
  'UserNotUsable',
  'SecretNotFound',
]);

/**
 * | | Ready | Reconciling | Stalled | kstatus says |
 * |---|---|---|---|---|
 * | in order and in its scopes' policy | True | | | Current |
 * | something that it needs is not there yet | False | True | | InProgress |
 * | in order, and not published yet | False | True | | InProgress |
 * | a person must do something | False | | True | Failed |
 *
 * Warnings and delayed history stand beside these in conditions of their own, and change nothing of it.
 */
export function planConditions(input: ConditionsInput): readonly WantedCondition[] {
  const errors = input.said.filter(({ severity }) => severity === 'error');
  const warnings = input.said.filter(({ severity }) => severity === 'warning');
  return [...planReady(errors, input), ...planWarning(warnings), ...planHistory(input.historyDelayed)];
}

function planReady(errors: readonly Said[], { standing, inForce }: ConditionsInput): WantedCondition[] {
  const stuck = errors.filter(({ reason }) => !COMES_RIGHT.has(reason));
  const [first] = stuck.length > 0 ? stuck : errors;
  if (first !== undefined) {
    const message = together([...stuck, ...errors.filter((error) => !stuck.includes(error))]);
    const why = { reason: first.reason, message };
    return [
      { type: 'Ready', status: 'False', ...why },
      { type: stuck.length > 0 ? 'Stalled' : 'Reconciling', status: 'True', ...why },
    ];
  }
  if (standing === 'published') return [{ type: 'Ready', status: 'True', reason: 'InForce', message: inForce }];
  const why = NOT_PUBLISHED[standing];
  return [
    { type: 'Ready', status: 'False', ...why },
    { type: 'Reconciling', status: 'True', ...why },
  ];
}

const NOT_PUBLISHED: Readonly<
  Record<Exclude<ConditionsInput['standing'], 'published'>, { readonly reason: StatusReason; readonly message: string }>
> = {
  pending: { reason: 'NotPublished', message: 'in order, and on its way to the proxies' },
  RedisAway: {
    reason: 'RedisAway',
    message:
      'in order, and signed; Redis can not be written to, so proxies learn of it from the operator itself, within some 90 s. ' +
      "See that Redis is up and takes the operator's login",
  },
  Failed: {
    reason: 'NotPublished',
    message: "in order, and could not be published; it is tried again, and the operator's log says what went wrong",
  },
};

function planWarning(warnings: readonly Said[]): WantedCondition[] {
  const [first] = warnings;
  if (first === undefined) return [];
  return [{ type: 'Warning', status: 'True', reason: first.reason, message: together(warnings) }];
}

function planHistory(isDelayed: boolean): WantedCondition[] {
  const message =
    'the PostgreSQL store is away: changes are in force, and are recorded when it is back. See that it is up';
  const reason: StatusReason = 'StoreAway';
  return isDelayed ? [{ type: 'HistoryDelayed', status: 'True', reason, message }] : [];
}

const together = (said: readonly Said[]): string => [...new Set(said.map(({ message }) => message))].join('; ');
