import { passwordsOf, secretsOf } from '#contract/compile/needs';
import type { CompileInput } from '#contract/compile/compile';
import type { DbUser } from '#contract/resources/types.gen';
import type { Context } from '../context.ts';
import type { Attempt } from '../publications.ts';

/** All that a scope's policy is made of, as it was at one moment. */
export interface Gathered {
  readonly attempt: Attempt;
  readonly input: Omit<CompileInput, 'verifier'>;
  /** undefined: its Secret or our key has become another meanwhile. */
  readonly verifier: (user: DbUser) => string | undefined;
}

/** Rejects while a Secret that was never read can't be: then nothing is published, rather than less than there was. */
export async function gather(scope: string, context: Context, signal: AbortSignal): Promise<Gathered> {
  const { resources, publications, secrets, verifiers } = context;
  const attempt = publications.begin(scope);
  const closure = resources.ofScope(scope);
  await secrets.load(secretsOf(closure, scope), signal);
  await verifiers.warm(passwordsOf(closure, scope), signal);
  return {
    attempt,
    input: { scope, ...closure, secret: (namespace, name, key) => secrets.read(namespace, name, key) },
    verifier: (user) => verifiers.of(user),
  };
}
