import type { DatabaseBackend, DbUser } from '../resources/types.gen.ts';
import { compareText } from './finding.ts';
import { fit, type Fitted, type Resources } from './fit.ts';
import { idOf, namespaceOf } from './intake.ts';
import { accountOf, isGateway, STANDALONE } from './scope.ts';
import type { SecretReader } from './secrets.ts';

/** A Secret that some resource names. */
export interface SecretRef {
  readonly namespace: string;
  readonly name: string;
}

/** A user whose verifier is asked for, and where its password stands. */
export interface PasswordRef extends SecretRef {
  readonly user: DbUser;
  readonly key: string;
}

/**
 * Every Secret that compile reads for the scope, to be loaded before, each once and sorted: logins and CAs of the backends
 * in its reach, passwords of gateways' users. Without a scope: what findingsFor reads.
 */
export function secretsOf(resources: Resources, scope: string = STANDALONE): readonly SecretRef[] {
  const fitted = fitWithoutSecrets(resources, scope);
  return eachOnce([...backendSecrets(fitted), ...passwordsIn(fitted, scope)]);
}

/** Of these the logins and CAs of backends alone: who needs no verifier reads no password. */
export function loginSecretsOf(resources: Resources, scope: string): readonly SecretRef[] {
  return eachOnce(backendSecrets(fitWithoutSecrets(resources, scope)));
}

/**
 * The users whose verifiers compile asks for, so that these may be made before, off the main thread; each once. A backend
 * that its CA's Secret keeps out may have brought some that are not asked for after all.
 */
export function passwordsOf(resources: Resources, scope: string): readonly PasswordRef[] {
  return passwordsIn(fitWithoutSecrets(resources, scope), scope);
}

/** As it would be if every Secret were there. */
function fitWithoutSecrets(resources: Resources, scope: string): Fitted {
  const there: SecretReader = () => '-';
  return fit(resources, accountOf(scope), there, []);
}

function passwordsIn({ backends, users }: Fitted, scope: string): PasswordRef[] {
  const account = accountOf(scope);
  const asked =
    account === undefined
      ? users.values()
      : backends
          .filter(({ source }) => isGateway(source, account))
          .flatMap(({ holders }) => holders.map(({ user }) => user));
  return [...new Set(asked)].flatMap((user) => {
    const ref = user.spec.passwordSecretRef;
    return ref === undefined ? [] : [{ user, namespace: namespaceOf(user), name: ref.name, key: ref.key }];
  });
}

function eachOnce(refs: readonly SecretRef[]): readonly SecretRef[] {
  const found = new Map(refs.map(({ namespace, name }) => [idOf({ namespace, name }), { namespace, name }]));
  return [...found].sort(([a], [b]) => compareText(a, b)).map(([, ref]) => ref);
}

const backendSecrets = ({ backends }: Fitted): SecretRef[] =>
  backends.flatMap(({ source }) => secretNames(source).map((name) => ({ namespace: namespaceOf(source), name })));

function secretNames({ spec }: DatabaseBackend): string[] {
  const { caSecretRef } = spec.tls;
  return [spec.credentialsSecretRef.name, ...(caSecretRef ? [caSecretRef.name] : [])];
}
