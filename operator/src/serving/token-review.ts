import { z } from 'zod';
import { TOKEN_AUDIENCE } from '#contract/names';
import { refused, type Answer } from './answers.ts';

/** Whom the API server vouches for. */
export interface Caller {
  /** `namespace/serviceaccount`. */
  readonly scope: string;
  readonly podName: string;
  readonly podUid: string;
}

export type Reviewed =
  { readonly kind: 'caller'; readonly caller: Caller } | { readonly kind: 'refused'; readonly answer: Answer };

/** What is sent: the API server looks whether the token is for this audience. */
export const reviewRequest = (token: string) => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenReview',
  spec: { token, audiences: [TOKEN_AUDIENCE] },
});

const shape = z.object({
  status: z.object({
    authenticated: z.boolean().optional(),
    audiences: z.array(z.string()).optional(),
    user: z
      .object({ username: z.string().optional(), extra: z.record(z.string(), z.array(z.string())).optional() })
      .optional(),
  }),
});

const ACCOUNT = /^system:serviceaccount:([a-z0-9](?:[-a-z0-9]*[a-z0-9])?):([a-z0-9](?:[-.a-z0-9]*[a-z0-9])?)$/;
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';

const HOW = `mount a projected serviceAccountToken with audience ${TOKEN_AUDIENCE}, as the injector does`;

/** What a TokenReview that came back says. Anything but a whole, clear yes is a no. */
export function judgeReview(review: unknown): Reviewed {
  const { success, data } = shape.safeParse(review);
  if (!success || data.status.authenticated !== true) return no(401, 'TokenRefused', REFUSED);
  const { audiences = [], user = {} } = data.status;
  // An API server that knows nothing of audiences answers yes to any token of its own.
  if (!audiences.includes(TOKEN_AUDIENCE)) return no(401, 'WrongAudience', `the token is not for us: ${HOW}`);
  const [, namespace, name] = ACCOUNT.exec(user.username ?? '') ?? [];
  if (namespace === undefined || name === undefined)
    return no(403, 'NotAServiceAccount', `the token is not of a ServiceAccount: ${HOW}`);
  const podName = only(user.extra, POD_NAME);
  const podUid = only(user.extra, POD_UID);
  if (podName === undefined || podUid === undefined)
    return no(403, 'NotBoundToAPod', `the token is not bound to a pod, so whoever has it may be anybody: ${HOW}`);
  return { kind: 'caller', caller: { scope: `${namespace}/${name}`, podName, podUid } };
}

const REFUSED =
  'the API server does not vouch for the token: it has expired or was altered, its pod or ServiceAccount is gone, or it is for ' +
  `another audience than ${TOKEN_AUDIENCE}. Read the token's file again`;

const no = (status: 401 | 403, reason: string, message: string): Reviewed => ({
  kind: 'refused',
  answer: refused(status, reason, message),
});

function only(extra: Readonly<Record<string, readonly string[]>> = {}, name: string): string | undefined {
  const values = Object.hasOwn(extra, name) ? (extra[name] ?? []) : [];
  return values.length === 1 && values[0] !== '' ? values[0] : undefined;
}
