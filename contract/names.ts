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
  'TooManyRules', // of one user on one backend: those beyond are not in force
  'Conflict', // another DbUser has the user name on that backend
  'SecretNotFound', // a Secret or its key is missing
  'SecretEmpty',
  'SecretNotUsable', // no verifier could be made of the password
  'NoPassword', // no Secret is named, so no password is accepted
  'NoProxy', // in a cluster: the user is bound to no ServiceAccount, and the backend has no gateway
  'SharedLoginForbidden', // in a cluster: sidecars of the user's pods get no login at that backend
  'OwnNamespace', // a backend names its own namespace among its consumers
] as const;

export type FindingReason = (typeof FINDING_REASONS)[number];

/** Under which a pod asks for a proxy: `true` for a sidecar, `gateway` for the container of a gateway's Deployment. */
export const INJECT_LABEL = 'articdbm.io/inject';
/** Names the backends that a pod wants, by protocol: `[namespace/]backend[=port]`, separated by commas. */
export const BACKENDS_ANNOTATION = 'articdbm.io/postgresql';
/** Put on a pod by the injector: what it was injected with. */
export const INJECTED_ANNOTATION = 'articdbm.io/injected';
/** Audience of the tokens by which proxies say who they are. */
export const TOKEN_AUDIENCE = 'articdbm.io';

/** The proxy in a pod: what the injector writes and the proxy expects. */
export const PROXY_CONTAINER = 'articdbm-proxy';
export const TOKEN_VOLUME = 'articdbm-token';
export const STATE_VOLUME = 'articdbm-state';
export const TOKEN_FOLDER = '/run/articdbm/token';
export const TOKEN_FILE = `${TOKEN_FOLDER}/token`;
export const STATE_FOLDER = '/run/articdbm/state';
export const FIRST_POSTGRESQL_PORT = 15_432;
export const PROXY_ADMIN_PORT = 19_090;
/** On a sidecar's loopback: the pod's only DbUser, and as a database the backend's default. */
export const POD_USER = 'articdbm';

/** What the operator has in its own namespace. */
export const OPERATOR_SERVICE = 'articdbm';
export const OPERATOR_LEASE = 'articdbm-operator';
export const KEYS_SECRET = 'articdbm-keys';
export const TLS_SECRET = 'articdbm-tls';

/** Types of conditions. `Reconciling` and `Stalled` are there only while they hold, as kstatus expects. */
export const CONDITION_TYPES = ['Ready', 'Reconciling', 'Stalled', 'HistoryDelayed', 'Warning'] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** Reasons of conditions that are no findings. */
export const STATUS_REASONS = [
  'InForce', // Ready: proxies have it, or will have it as soon as there are any
  'NotPublished', // not Ready: it is in order, and on its way
  'RedisAway', // not Ready: it is in order, and Redis can't be written to
  'SecretForbidden', // the operator may not read a Secret
  'StoreAway', // HistoryDelayed: changes are in force, and not recorded yet
] as const;
export type StatusReason = (typeof STATUS_REASONS)[number];
