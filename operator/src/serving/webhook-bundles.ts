import { NotLeadingError, type Leadership } from '../runtime/election.ts';
import { jittered, wait, type Clock, type Random } from '../runtime/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { isStatus } from '../kube/errors.ts';
import type { KubeObject, ResourceKind } from '../kube/resource.ts';
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

async function keepBundle(
  { client, certificates }: WebhookBundleOptions,
  kind: ResourceKind,
  leadership: Leadership,
): Promise<void> {
  const found = await client.get<WebhookConfiguration>(kind, { name: WEBHOOKS_NAME }, leadership.signal);
  const caBundle = Buffer.from(certificates.caBundle()).toString('base64');
  const webhooks = found?.webhooks ?? [];
  if (found === undefined || webhooks.every(({ clientConfig }) => clientConfig.caBundle === caBundle)) return;
  const { uid = '', resourceVersion = '' } = found.metadata;
  // With these two, what has been deleted or changed meanwhile is neither made nor written.
  const metadata = { name: WEBHOOKS_NAME, uid, resourceVersion };
  const ours = webhooks.map(({ name }) => ({ name, clientConfig: { caBundle } }));
  leadership.check();
  const options = { fieldManager: FIELD_MANAGER, force: true, signal: leadership.signal };
  try {
    await client.apply<WebhookConfiguration>(kind, { metadata, webhooks: ours }, options);
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error;
  }
}
