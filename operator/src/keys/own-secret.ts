import type { KubeClient } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import { SECRETS, type KubeObject, type ObjectRef } from '../kube/resource.ts';

interface SecretObject extends KubeObject {
  /** base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** As it was read, with what is needed to write it only if nobody else has meanwhile. */
export interface HeldSecret {
  /** Entries that are not empty, decoded. */
  readonly data: Readonly<Record<string, Buffer>>;
  readonly object: SecretObject | undefined;
}

/** A Secret of the operator itself: read by name, and written only over the version that was read. */
export interface OwnSecret {
  /** For people: `Secret namespace/name`. */
  readonly title: string;
  /** One that is not there is empty. */
  read(signal?: AbortSignal): Promise<HeldSecret>;
  /** These entries and no others. 'lost': somebody else was first, read it again. */
  write(data: Readonly<Record<string, Buffer>>, over: HeldSecret, signal?: AbortSignal): Promise<HeldSecret | 'lost'>;
}

export function ownSecret(client: KubeClient, ref: Required<ObjectRef>): OwnSecret {
  const { name } = ref;
  const namespace = ref.namespace ?? '';
  return {
    title: `Secret ${namespace}/${name}`,
    async read(signal) {
      return heldOf(await client.get<SecretObject>(SECRETS, ref, signal));
    },
    async write(data, { object }, signal) {
      const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, value.toString('base64')]));
      try {
        // The uid and resourceVersion that were read go along: what was deleted and made anew is another.
        if (object !== undefined)
          return heldOf(await client.update<SecretObject>(SECRETS, { ...object, data: encoded }, signal));
        return heldOf(
          await client.create<SecretObject>(SECRETS, { metadata: { name, namespace }, data: encoded }, signal),
        );
      } catch (error) {
        if (isStatus(error, 409) || (object !== undefined && isStatus(error, 404))) return 'lost';
        throw error;
      }
    },
  };
}

function heldOf(object: SecretObject | undefined): HeldSecret {
  const entries = Object.entries(object?.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, 'base64')] as const,
  );
  return { object, data: Object.fromEntries(entries.filter(([, value]) => value.length > 0)) };
}
