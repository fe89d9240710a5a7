import type { Held, LeaseRecord, LeaseStore } from '../runtime/election.ts';
import type { KubeClient } from './client.ts';
import { microTime } from './conditions.ts';
import { ApiError, isStatus } from './errors.ts';
import { LEASES, type KubeObject, type ObjectRef } from './resource.ts';

interface Lease extends KubeObject {
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

const TERM = 'articdbm.io/term';

/** A Lease of coordination.k8s.io as an election's record. wall: milliseconds since 1970, for people who read the times. */
export function kubeLeaseStore(client: KubeClient, ref: Required<ObjectRef>, wall: () => number): LeaseStore {
  let acquired = { term: 0, time: '' };
  const spec = (record: LeaseRecord, time: string): Lease['spec'] => {
    if (acquired.term !== record.term) acquired = { term: record.term, time };
    return {
      holderIdentity: record.holder,
      leaseDurationSeconds: record.holder === '' ? 1 : Math.ceil(record.durationMs / 1000),
      acquireTime: acquired.time,
      renewTime: time,
      leaseTransitions: record.transitions,
    };
  };
  return {
    async read(signal) {
      const lease = await client.get<Lease>(LEASES, ref, signal);
      return lease === undefined ? undefined : heldOf(lease);
    },
    async write(record, over, signal) {
      const version = over === undefined ? {} : versionOf(over);
      const metadata = { name: ref.name, namespace: ref.namespace ?? '', annotations: { [TERM]: String(record.term) } };
      const lease: Lease = { metadata: { ...metadata, ...version }, spec: spec(record, microTime(wall())) };
      try {
        const written =
          over === undefined ? client.create(LEASES, lease, signal) : client.update(LEASES, lease, signal);
        return heldOf(await written);
      } catch (error) {
        if (isStatus(error, 404, 409) && !isNamespaceMissing(error, over)) return 'lost';
        throw error;
      }
    },
  };
}

/** A 404 to a create is about the namespace. */
const isNamespaceMissing = (error: ApiError, over: string | undefined): boolean =>
  error.status === 404 && over === undefined;

/** uid and resourceVersion: a Lease deleted and made anew is another. */
function heldOf({ metadata, spec }: Lease): Held {
  const record = {
    holder: spec.holderIdentity ?? '',
    durationMs: (spec.leaseDurationSeconds ?? 0) * 1000,
    transitions: spec.leaseTransitions ?? 0,
    term: Number(metadata.annotations?.[TERM] ?? 0) || 0,
  };
  return { record, version: `${metadata.uid ?? ''} ${metadata.resourceVersion ?? ''}` };
}

function versionOf(version: string): { readonly uid: string; readonly resourceVersion: string } {
  const [uid = '', resourceVersion = ''] = version.split(' ');
  return { uid, resourceVersion };
}
