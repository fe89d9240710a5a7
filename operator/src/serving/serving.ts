import { BOOTSTRAP_PATH, POLICY_PATH } from '#contract/bootstrap/answer';
import type { RedisAddress } from '#contract/snapshot/redis';
import type { KeySecret } from '../keys/key-secret.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ClusterResources } from '../resources/cluster-resources.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { answerMutate, answerValidate, type RefusedPod } from './admission.ts';
import type { Answer } from './answers.ts';
import { openBootstrap } from './bootstrap.ts';
import type { Certificates } from './certificates.ts';
import { startServer, type Received, type Route, type RunningServer } from './https-server.ts';
import type { InjectConfig } from './inject-config.ts';
import { openPolicy, type PolicyHandler, type PolicyOptions } from './policy.ts';
import { FORWARDED_HEADER } from './policy-forward.ts';
import { openTokenGate, type TokenGate } from './token-gate.ts';
import type { Caller } from './token-review.ts';

export interface ServingOptions extends Pick<PolicyOptions, 'policyOf' | 'leaderAddress'> {
  readonly listen: { readonly host: string; readonly port: number };
  readonly client: KubeClient;
  readonly keys: KeySecret;
  readonly resources: Pick<ClusterResources, 'synced' | 'ofScope'>;
  readonly secrets: Pick<Secrets, 'load' | 'read'>;
  readonly certificates: Certificates;
  /** As proxies reach it, with the login that they have there; asked for each answer, since logins are replaced. */
  readonly proxyRedis: () => RedisAddress;
  /** All but the roots, which the certificates have. */
  readonly injectConfig: Omit<InjectConfig, 'caBundle'>;
  readonly clock: Clock;
  /** Epoch milliseconds. */
  readonly wall: () => number;
  readonly hooks: ServingHooks;
}

export interface ServingHooks {
  /** After each answer, to an endpoint of `ENDPOINTS`; outcome: a word of a closed set. */
  readonly answered: (endpoint: string, outcome: string, milliseconds: number) => void;
  readonly podRefused: (pod: RefusedPod) => void;
  /** part: what it befell. No error holds a token or a key. */
  readonly onError: (part: 'review' | 'bootstrap' | 'policy' | 'server', error: unknown) => void;
}

/** `none`: no path of ours. */
export const ENDPOINTS = ['bootstrap', 'policy', 'mutate', 'validate', 'none'] as const;

export interface RunningServing {
  readonly address: { readonly host: string; readonly port: number };
  /** Whether it listens and is not draining. */
  ready(): boolean;
  /** Takes nothing new, and waits that many milliseconds at most for what is under way. */
  drain(milliseconds: number): Promise<void>;
}

export const MUTATE_PATH = '/mutate';
export const VALIDATE_PATH = '/validate';

/** Bodies, in bytes: an object in etcd is below 1.5 MiB, and a review of a change holds two. */
const ADMISSION_BYTES = 3 * 2 ** 20;
const QUESTION_BYTES = 1_024;

/** All that other machines ask the operator. Rejects when the address can't be bound. */
export async function startServing(options: ServingOptions): Promise<RunningServing> {
  const { listen, certificates, hooks, client, clock } = options;
  const { onError } = hooks;
  const gate = openTokenGate({ client, clock, onError: (error) => onError('review', error) });
  const policy = openPolicy({ ...options, onError: (error) => onError('policy', error) });
  const server = await startServer({
    ...{ listen, certificates, answered: hooks.answered, forwardedHeader: FORWARDED_HEADER },
    routes: new Map([...proxyRoutes(options, gate, policy), ...admissionRoutes(options)]),
    onError: (error) => onError('server', error),
  });
  return running(server, policy);
}

function running(server: RunningServer, policy: PolicyHandler): RunningServing {
  let draining = false;
  return {
    address: server.address,
    ready: () => !draining,
    async drain(milliseconds) {
      draining = true;
      await server.drain(milliseconds);
      policy.close();
    },
  };
}

function proxyRoutes(options: ServingOptions, gate: TokenGate, policy: PolicyHandler): [string, Route][] {
  const { onError } = options.hooks;
  const bootstrap = openBootstrap({ ...options, onError: (error) => onError('bootstrap', error) });
  const reviewed =
    (handle: (caller: Caller, received: Received) => Promise<Answer>) =>
    async (received: Received): Promise<Answer> => {
      const review = await gate.review(received.authorization, received.from, received.signal);
      return review.kind === 'caller' ? handle(review.caller, received) : review.answer;
    };
  const mostBytes = QUESTION_BYTES;
  return [
    [
      BOOTSTRAP_PATH,
      { endpoint: 'bootstrap', mostBytes, handle: reviewed((caller, { signal }) => bootstrap(caller, signal)) },
    ],
    [
      POLICY_PATH,
      {
        endpoint: 'policy',
        mostBytes,
        handle: reviewed((caller, received) =>
          policy.answer({ ...received, caller, authorization: received.authorization ?? '' }),
        ),
      },
    ],
  ];
}

function admissionRoutes({ injectConfig, certificates, hooks }: ServingOptions): [string, Route][] {
  const { podRefused } = hooks;
  const admission = {
    injectConfig: () => ({ ...injectConfig, caBundle: certificates.caBundle() }),
    podRefused,
  };
  const mostBytes = ADMISSION_BYTES;
  return [
    [
      MUTATE_PATH,
      { endpoint: 'mutate', mostBytes, handle: ({ body }) => Promise.resolve(answerMutate(body, admission)) },
    ],
    [
      VALIDATE_PATH,
      { endpoint: 'validate', mostBytes, handle: ({ body }) => Promise.resolve(answerValidate(body, admission)) },
    ],
  ];
}
