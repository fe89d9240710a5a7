import type { LogLevel } from './log.ts';
import type { UrlSource } from './options-urls.ts';
import type { SidecarOptions } from './serving/inject-config.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What `articdbm operator` is told, checked: cli/operator/command.ts says what each means to people. */
export interface OperatorOptions {
  readonly version: string;
  /** undefined: as config.ts of kube finds the API server. */
  readonly kubeconfig: string | undefined;
  /** The operator's own, with its Lease and Secrets. undefined: the pod's, or the kubeconfig's. */
  readonly namespace: string | undefined;
  /** Empty: resources of all namespaces. */
  readonly watchNamespaces: readonly string[];
  readonly storeUrl: UrlSource;
  readonly redisUrl: UrlSource;
  /** As proxies get it in their bootstrap answers. */
  readonly proxyRedisUrl: UrlSource;
  readonly listen: Address;
  /** Where other replicas reach `listen`. undefined: found from `listen` and the machine's addresses. */
  readonly advertise: Address | undefined;
  readonly admin: Address;
  /** undefined: `articdbm.<namespace>.svc`. */
  readonly serviceHost: string | undefined;
  /** What the injector puts into pods. */
  readonly sidecar: SidecarOptions;
  readonly logLevel: LogLevel;
  /** Milliseconds, as all that follow. */
  readonly rotateKeysEvery: number;
  /** Of the pod or host, in the Lease and in events. */
  readonly identity: string;
  /** How long webhooks are answered after a signal to stop: endpoints take a moment to forget this replica. */
  readonly linger: number;
  /** For all of an orderly end. */
  readonly stopWithin: number;
}

/** The options are right and the operator can not begin all the same. The message says what to do. */
export class StartProblem extends Error {
  readonly code = 'OPERATOR_START';
}

/** Of --admin and --listen. */
export const notOpened =
  (flag: string, { host, port }: Address) =>
  (error: unknown): never => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new StartProblem(`--${flag}: ${host}:${String(port)} can not be opened (${code}): choose another`, {
      cause: error,
    });
  };
