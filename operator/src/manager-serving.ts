import { X509Certificate } from 'node:crypto';
import { KEYS_SECRET, OPERATOR_LEASE, OPERATOR_SERVICE, TLS_SECRET } from '#contract/names';
import { currentKey } from '#contract/snapshot/keys';
import { ownSecret } from './keys/own-secret.ts';
import { openKeySecret, type OperatorKeys } from './keys/secret-keys.ts';
import { kubeLeaseStore } from './kube/lease.ts';
import { ENVIRONMENT, warner, type Base } from './manager-base.ts';
import type { Office } from './manager-office.ts';
import { podRefused } from './manager-refused.ts';
import { KeptUrl } from './manager-urls.ts';
import { notOpened } from './options.ts';
import { readRedisUrl } from './options-urls.ts';
import { openCertificates, type Certificates } from './serving/certificates.ts';
import type { InjectConfig } from './serving/inject-config.ts';
import { leaderByLease } from './serving/leader-address.ts';
import { startServing, type RunningServing, type ServingHooks } from './serving/serving.ts';

/** What every replica has open to others, and the keys and certificates for that. */
export interface Serving {
  readonly keys: OperatorKeys;
  readonly certificates: Certificates;
  readonly ready: () => boolean;
  keyState(): { readonly madeAt: number; readonly count: number };
  /** Epoch milliseconds. */
  certificateEnds(): number;
  close(): Promise<void>;
}

/** For requests that are under way at the end. */
const DRAIN_MS = 5_000;

/**
 * Waits for the API server as long as need be. Throws StartProblem when the address can't be had, and where keys or
 * certificates are not as the operator writes them.
 */
export async function openServing(base: Base, office: Office, signal: AbortSignal): Promise<Serving> {
  const { client, namespace } = base;
  const secret = (name: string) => ownSecret(client, { namespace, name });
  const onError = warner(base, 'keys', 'keys or certificates could not be read or written: it is tried again');
  const [keys, certificates] = await Promise.all([
    openKeySecret({ ...ENVIRONMENT, secret: secret(KEYS_SECRET), onError }, signal),
    openCertificates({ ...ENVIRONMENT, secret: secret(TLS_SECRET), hosts: hostsOf(base), onError }, signal),
  ]);
  const server = await serve(base, office, keys, certificates);
  return {
    keys,
    certificates,
    ready: () => server.ready(),
    keyState: () => ({ madeAt: currentKey(keys.ring()).madeAt, count: keys.ring().keys.size }),
    certificateEnds: () => new X509Certificate(certificates.served().cert).validToDate.getTime(),
    async close() {
      await server.drain(DRAIN_MS);
      keys.stop();
      certificates.stop();
    },
  };
}

const hostsOf = ({ options, namespace }: Base): readonly [string, ...string[]] => {
  const service = `${OPERATOR_SERVICE}.${namespace}.svc`;
  const { serviceHost = service } = options;
  return serviceHost === service ? [service] : [serviceHost, service];
};

function serve(base: Base, office: Office, keys: OperatorKeys, certificates: Certificates): Promise<RunningServing> {
  const { options, client, resources, secrets, namespace, identity } = base;
  const lease = kubeLeaseStore(client, { namespace, name: OPERATOR_LEASE }, ENVIRONMENT.wall);
  const proxyRedis = new KeptUrl(() => readRedisUrl(options.proxyRedisUrl), ENVIRONMENT.wall);
  return startServing({
    ...{ ...ENVIRONMENT, listen: options.listen, client, keys, resources, secrets, certificates },
    policyOf: (scope, signal) => office.policyOf(scope, signal),
    leaderAddress: leaderByLease(lease, identity, ENVIRONMENT.clock),
    proxyRedis: () => proxyRedis.current(),
    injectConfig: injectConfigOf(base, certificates),
    hooks: hooksOf(base),
  }).catch(notOpened('listen', options.listen));
}

function injectConfigOf({ options }: Base, { serverName }: Certificates): Omit<InjectConfig, 'caBundle'> {
  return { ...options.sidecar, operatorUrl: `https://${serverName}:${String(options.listen.port)}` };
}

function hooksOf(base: Base): ServingHooks {
  const { metrics } = base;
  return {
    answered(endpoint, outcome, milliseconds) {
      const done = /^[a-z]/.test(outcome);
      metrics.request(endpoint, done ? outcome : 'refused', milliseconds / 1000);
      if (!done) metrics.refusal(endpoint, outcome);
    },
    podRefused: podRefused(base, ENVIRONMENT.clock),
    onError: (part, error) => warner(base, part, 'a request could not be answered as it should')(error),
  };
}
