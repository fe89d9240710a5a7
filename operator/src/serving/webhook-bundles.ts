import { NotLeadingError, type Leadership } from '../runtime/election.ts';
import { jittered, wait, type Clock, type Random } from '../runtime/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import { objectPath, type KubeObject, type ResourceKind } from '../kube/resource.ts';
import type { Certificates } from './certificates.ts';

export interface WebhookBundleOptions {
  readonly client: KubeClient;
  readonly certificates: Pick<Certificates, 'caBundle' | 'onChange'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: unknown) => void;
  /** Milliseconds between looks. */
  readonly every?: number;
}

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly { readonly name: string; readonly clientConfig: { readonly caBundle?: string } }[];
}

const kindOf = (kind: string, plural: string): ResourceKind => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
});
export const MUTATING_WEBHOOKS = kindOf('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations');
export const VALIDATING_WEBHOOKS = kindOf('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations');
/** Of both. */
export const WEBHOOKS_NAME = 'articdbm';
const FIELD_MANAGER = 'articdbm-certificates';
const EVERY_MS = 60_000;

/** Run by the leader until its lead ends: the API server knows by which roots to verify our webhooks. Makes no configuration. */
export async function keepWebhookBundles(options: WebhookBundleOptions, leadership: Leadership): Promise<void> {
  const { certificates, clock, random, onError, every = EVERY_MS } = options;
  const { signal } = leadership;
  let wake = new AbortController();
  const stopListening = certificates.onChange(() => wake.abort());
  try {
    while (!signal.aborted) {
      wake = new AbortController();
      for (const kind of [MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS]) {
        await keepBundle(options, kind, leadership).catch((error: unknown) => {
          if (!(error instanceof NotLeadingError) && !signal.aborted) onError(error);
        });
      }
      await wait(clock, jittered(every, random), AbortSignal.any([signal, wake.signal]));
    }
  } finally {
    stopListening();
  }
}

/**
 * By a patch and not by server-side apply, which would keep an entry of the list for us when a later chart has it no more:
 * a webhook without a URL, for which the API server refuses the chart's upgrade.
 */
async function keepBundle(
  { client, certificates }: WebhookBundleOptions,
  kind: ResourceKind,
  leadership: Leadership,
): Promise<void> {
  const found = await client.get<WebhookConfiguration>(kind, { name: WEBHOOKS_NAME }, leadership.signal);
  const caBundle = Buffer.from(certificates.caBundle()).toString('base64');
  const webhooks = found?.webhooks ?? [];
  if (found === undefined || webhooks.every(({ clientConfig }) => clientConfig.caBundle === caBundle)) return;
  const { uid, resourceVersion } = found.metadata;
  // Only over what was read: what has been deleted or changed meanwhile is looked at again.
  const same = [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
  ];
  const bundles = webhooks.map((_, index) => ({
    op: 'add',
    path: `/webhooks/${String(index)}/clientConfig/caBundle`,
    value: caBundle,
  }));
  leadership.check();
  try {
    await client.request({
      method: 'PATCH',
      path: objectPath(kind, { name: WEBHOOKS_NAME }),
      query: { fieldManager: FIELD_MANAGER },
      contentType: 'application/json-patch+json',
      body: [...same, ...bundles],
      signal: leadership.signal,
    });
  } catch (error) {
    if (!isStatus(error, 404, 409, 422)) throw error;
  }
}
