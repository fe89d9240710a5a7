/** Names that more than one part must spell alike. A name enters here in the change that first uses it. */

/** Why a resource is not in force, or not wholly: the reasons of findings. */
export const FINDING_REASONS = [
  'Invalid', // it breaks the schema or the rules in crds/
  'Duplicate', // another of the same kind, namespace and name came before it
  'BackendNotFound',
  'BackendNotUsable', // the backend is there and itself broken
  'UserNotFound',
  'UserNotUsable', // the user is there and itself broken
  'NoConsent', // the backend does not name the permission's namespace among its consumers
  'Conflict', // another DbUser has the user name on that backend
  'SecretNotFound', // a Secret or its key is missing
  'SecretEmpty',
  'SecretNotUsable', // no verifier could be made of the password
  'NoPassword', // no Secret is named, so no password is accepted
  'OwnNamespace', // a backend names its own namespace among its consumers
] as const;

export type FindingReason = (typeof FINDING_REASONS)[number];
