import { z } from 'zod';
import type { Kind } from '#contract/resources/schemas.gen';
import { ok, refused, type Answer } from './answers.ts';
import type { InjectConfig } from './inject-config.ts';
import type { PatchOperation } from './inject-patch.ts';
import { inject } from './inject.ts';
import { validatePod } from './validate-pod.ts';
import { validateReview } from './validate-review.ts';

/** A pod that was not admitted, for an event beside what wanted to make it. */
export interface RefusedPod {
  readonly namespace: string;
  /** undefined: its name was to be made up. */
  readonly name: string | undefined;
  /** What makes it: a ReplicaSet, a Job, … */
  readonly owner: Owner | undefined;
  readonly reason: string;
  readonly message: string;
}

export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface AdmissionOptions {
  readonly injectConfig: () => InjectConfig;
  /** Not for dry runs. */
  readonly podRefused: (pod: RefusedPod) => void;
}

const text = z.string().max(400);
/** What is read of an AdmissionReview of admission.k8s.io/v1. The API server may add fields. */
const shape = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: text,
    kind: z.object({ group: text, version: text, kind: text }),
    resource: z.object({ group: text, version: text, resource: text }),
    subResource: text.optional(),
    namespace: text.optional(),
    operation: z.enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
    object: z.unknown().optional(),
    oldObject: z.unknown().optional(),
    dryRun: z.boolean().nullish(),
  }),
});
type Request = z.infer<typeof shape>['request'];

interface Verdict {
  readonly allowed: boolean;
  readonly reason?: string;
  readonly message?: string;
  readonly warnings?: readonly string[];
  readonly patch?: readonly PatchOperation[];
}

const ALLOWED: Verdict = { allowed: true };

/** `POST /mutate`: pods that are made. */
export function answerMutate(body: Buffer, options: AdmissionOptions): Answer {
  const request = readReview(body);
  if (request === undefined) return NOT_A_REVIEW;
  if (resourceOf(request) !== 'pods' || request.operation !== 'CREATE') return answer(request, ALLOWED, 'unchanged');
  const injection = inject(request.object, { namespace: request.namespace ?? '', config: options.injectConfig() });
  switch (injection.kind) {
    case 'none':
      return answer(request, ALLOWED, 'unchanged');
    case 'patch':
      return answer(request, { allowed: true, ...injection }, 'injected');
    case 'refused': {
      const { reason, message } = injection;
      return refusePod(request, { allowed: false, reason, message }, options);
    }
  }
}

/** `POST /validate`: our resources; and pods, after all that may have changed them. */
export function answerValidate(body: Buffer, options: AdmissionOptions): Answer {
  const request = readReview(body);
  if (request === undefined) return NOT_A_REVIEW;
  if (request.operation === 'DELETE' || request.operation === 'CONNECT') return answer(request, ALLOWED, 'allowed');
  const resource = resourceOf(request);
  if (resource === 'pods' || resource === 'pods/ephemeralcontainers') {
    const { object, namespace = '' } = request;
    const verdict = validatePod(object, { namespace, config: options.injectConfig(), resource });
    return verdict.allowed ? answer(request, verdict, 'allowed') : refusePod(request, verdict, options);
  }
  const kind = OURS[resource];
  if (kind === undefined) return answer(request, ALLOWED, 'allowed');
  const verdict = validateReview(kind, request.object, request.oldObject ?? undefined);
  return answer(request, verdict, verdict.allowed ? 'allowed' : (verdict.reason ?? 'Invalid'));
}

const OURS: Readonly<Record<string, Kind>> = Object.assign(
  Object.create(null) as object,
  {
    'dbbackends.articdbm.io': 'DatabaseBackend',
    'dbusers.articdbm.io': 'DbUser',
    'dbpermissions.articdbm.io': 'DbPermission',
  } as const,
);

/** `pods`, `pods/ephemeralcontainers`, `dbusers.articdbm.io`. */
function resourceOf({ resource: { group, resource }, subResource = '' }: Request): string {
  const plural = group === '' ? resource : `${resource}.${group}`;
  return subResource === '' ? plural : `${plural}/${subResource}`;
}

function readReview(body: Buffer): Request | undefined {
  try {
    return shape.safeParse(JSON.parse(body.toString())).data?.request;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const NOT_A_REVIEW = refused(400, 'NotAnAdmissionReview', 'send an AdmissionReview of admission.k8s.io/v1 as JSON');

function refusePod(request: Request, verdict: Verdict, { podRefused }: AdmissionOptions): Answer {
  const { reason = 'Refused', message = '' } = verdict;
  if (request.dryRun !== true) {
    const { name, owner } = originOf(request.object);
    podRefused({ namespace: request.namespace ?? '', name, owner, reason, message });
  }
  return answer(request, verdict, reason);
}

function answer({ uid }: Request, verdict: Verdict, outcome: string): Answer {
  const { allowed, reason, message, warnings = [], patch = [] } = verdict;
  const status = allowed ? {} : { status: { status: 'Failure', code: 403, reason, message } };
  const patched =
    patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
  const response = { uid, allowed, ...status, ...patched, ...(warnings.length === 0 ? {} : { warnings }) };
  return ok({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }, outcome);
}

const owner = z.object({ apiVersion: text, kind: text, name: text, uid: text, controller: z.boolean().nullish() });
const origin = z.object({
  metadata: z.object({ name: text.optional(), ownerReferences: z.array(owner).nullish() }),
});

function originOf(object: unknown): Pick<RefusedPod, 'name' | 'owner'> {
  const metadata = origin.safeParse(object).data?.metadata;
  const found = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  if (found === undefined) return { name: metadata?.name, owner: undefined };
  const { apiVersion, kind, name, uid } = found;
  return { name: metadata?.name, owner: { apiVersion, kind, name, uid } };
}
