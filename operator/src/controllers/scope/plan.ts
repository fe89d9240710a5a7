import { compile, type CompileInput } from '#contract/compile/compile';
import type { DbUser } from '#contract/resources/types.gen';
import type { Snapshot } from '#contract/snapshot/types';

/** undefined: something that was gathered has become another; gather anew. */
export function plan(
  input: Omit<CompileInput, 'verifier'>,
  verifierOf: (user: DbUser) => string | undefined,
): Snapshot | undefined {
  const missing = new Set<DbUser>();
  const verifier = (user: DbUser): string => {
    const made = verifierOf(user);
    if (made === undefined) missing.add(user);
    return made ?? '';
  };
  const { snapshot } = compile({ ...input, verifier });
  return missing.size > 0 ? undefined : snapshot;
}
