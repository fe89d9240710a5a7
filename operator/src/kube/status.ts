import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from './client.ts';
import { isStatus } from './errors.ts';
import { objectPath, type KubeObject, type ResourceKind } from './resource.ts';

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
 * ApiError 409 when the object has changed since it was read or is another of the same name, 404 when it is gone: reconcile
 * again. 422: it was stored under other rules, and until its spec is mended the API server takes no status for it.
 */
export async function applyStatus<S extends object>(write: StatusWrite<S>): Promise<'written' | 'same'> {
  const { client, kind, object, status, signal, check } = write;
  if (isDeepStrictEqual(plain(object.status ?? {}), plain(status))) return 'same';
  const { name, namespace, resourceVersion } = object.metadata;
  if (resourceVersion === undefined) throw new Error('the object has not been read: nothing guards the write');
  const metadata = { name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
  check();
  const applied: KubeObject & { readonly status: S } = { metadata, status };
  try {
    await client.apply(kind, applied, { fieldManager: FIELD_MANAGER, subresource: 'status', force: true, signal });
  } catch (error) {
    if (!isUntyped(error)) throw error;
    check();
    await mergeStatus(write, { metadata: { resourceVersion }, status: { ...withoutOld(object.status), ...status } });
  }
  return 'written';
}

/**
 * What was stored under another schema can be of a form that server-side apply does not read at all. A merge patch says the
 * same of it, as long as there is nobody else whose fields it could take away.
 */
const isUntyped = (error: unknown): boolean =>
  isStatus(error, 500) && error.detail.startsWith('failed to create typed live object');

/** In a merge patch null is what takes a field away. */
const withoutOld = (status: unknown): Readonly<Record<string, null>> =>
  Object.fromEntries(
    Object.keys(typeof status === 'object' && status !== null ? status : {}).map((key) => [key, null]),
  );

async function mergeStatus({ client, kind, object, signal }: StatusWrite<object>, patch: object): Promise<void> {
  await client.request({
    method: 'PATCH',
    path: objectPath(kind, object.metadata, 'status'),
    query: { fieldManager: FIELD_MANAGER },
    contentType: 'application/merge-patch+json',
    body: patch,
    signal,
  });
}

/** As JSON carries it: without what is undefined. */
const plain = (value: object): unknown => JSON.parse(JSON.stringify(value));
