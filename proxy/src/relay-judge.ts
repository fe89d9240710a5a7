import { evaluate } from '#contract/policy/evaluate';
import type { Allow, Decision } from '#contract/policy/decision';
import type { JudgedStep } from './protocols/protocol.ts';
import { refusalOf, type Refusal } from './protocols/refusal.ts';
import type { BoundUser } from './snapshot/directory.ts';
import type { InspectedStatement } from './sql/inspection.ts';

/** What became of a message's steps. */
export type Verdict =
  | { readonly allowed: true; readonly allow: Allow }
  /** at: which step; allow: for those before it. */
  | { readonly allowed: false; readonly at: number; readonly refusal: Refusal; readonly allow: Allow | undefined };

/** Judges steps in the order in which they will run, up to the first that is not allowed. now: epoch milliseconds. */
export function judge(user: BoundUser, steps: readonly JudgedStep[], now: number): Verdict {
  let allow: Allow | undefined;
  for (const [at, step] of steps.entries()) {
    for (const statement of step.statements) {
      const decision = decide(user, statement, now);
      if (decision.outcome === 'deny') return { allowed: false, at, refusal: refusalOf(decision.denial), allow };
      allow = allow === undefined || decision.until < allow.until ? decision : allow;
    }
    if (step.refusal !== undefined) return { allowed: false, at, refusal: step.refusal, allow };
  }
  if (allow !== undefined) return { allowed: true, allow };
  const nothing = evaluate(user.policy, [], now);
  if (nothing.outcome === 'allow') return { allowed: true, allow: nothing };
  return { allowed: false, at: 0, refusal: refusalOf(nothing.denial), allow };
}

/** A decision holds for as long as the revision does; an Allow ends with the rules that it rests on. */
function decide(user: BoundUser, statement: InspectedStatement, now: number): Decision {
  const known = user.decisions.get(statement);
  if (known !== undefined && (known.outcome === 'deny' || known.until > now)) return known;
  const { ask } = statement;
  const decision: Decision =
    ask.kind === 'refused'
      ? {
          outcome: 'deny',
          denial: {
            reason: ask.reason,
            message: ask.message,
            ...(ask.hint === undefined ? {} : { hint: ask.hint }),
          },
        }
      : evaluate(user.policy, ask.requests, now);
  user.decisions.set(statement, decision);
  return decision;
}
