import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from './client.ts';
import type { KubeObject, ResourceKind } from './resource.ts';

export const FIELD_MANAGER = 'articdbm-operator';

export interface StatusWrite<S> {
  readonly client: KubeClient;
  readonly kind: ResourceKind;
  /** As last read. Its resourceVersion guards the write (its uid would not: the API server does not look at it here). */
  readonly object: KubeObject & { readonly status?: unknown };
  readonly status: S;
  readonly signal?: AbortSignal;
  /** Throws when this replica may not write any more; called at the last moment. */
  readonly check: () => void;
}

/**
 * Makes the object's status what is given, by server-side apply of all of it. 'same': it was, and nothing was sent. Throws
 * ApiError 409 when the object has changed since it was read or is another of the same name, 404 when it is gone: reconcile again.
 */
export async function applyStatus<S extends object>(write: StatusWrite<S>): Promise<'written' | 'same'> {
  const { client, kind, object, status, signal, check } = write;
  if (isDeepStrictEqual(plain(object.status ?? {}), plain(status))) return 'same';
  const { name, namespace, resourceVersion } = object.metadata;
  if (resourceVersion === undefined) throw new Error('the object has not been read: nothing guards the write');
  const metadata = { name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
  check();
  const applied: KubeObject & { readonly status: S } = { metadata, status };
  await client.apply(kind, applied, { fieldManager: FIELD_MANAGER, subresource: 'status', force: true, signal });
  return 'written';
}

/** As JSON carries it: without what is undefined. */
const plain = (value: object): unknown => JSON.parse(JSON.stringify(value));
