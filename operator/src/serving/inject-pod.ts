import { z } from 'zod';
import { isTooLarge } from '#contract/resources/size';
import { isRecord } from './inject-equal.ts';

/** What injection reads of a pod. All else is carried along unread. */
const text = z.string();
const env = z.looseObject({ name: text, value: text.nullish(), valueFrom: z.unknown().optional() });
const mount = z.looseObject({ name: text, mountPath: text, readOnly: z.boolean().nullish() });
const port = z.looseObject({ containerPort: z.number(), name: text.nullish() });
const amounts = z.record(text, z.unknown()).nullish();
const resources = z.looseObject({ requests: amounts, limits: amounts }).nullish();
const container = z.looseObject({
  name: text,
  image: text.nullish(),
  env: z.array(env).nullish(),
  envFrom: z.array(z.unknown()).nullish(),
  ports: z.array(port).nullish(),
  volumeMounts: z.array(mount).nullish(),
  resources,
  targetContainerName: text.nullish(),
});
const source = z.looseObject({ serviceAccountToken: z.looseObject({ audience: text.nullish() }).nullish() });
const volume = z.looseObject({
  name: text,
  projected: z.looseObject({ sources: z.array(source).nullish() }).nullish(),
});
const spec = z.looseObject({
  containers: z.array(container),
  initContainers: z.array(container).nullish(),
  ephemeralContainers: z.array(container).nullish(),
  volumes: z.array(volume).nullish(),
  serviceAccountName: text.nullish(),
  hostNetwork: z.boolean().nullish(),
  hostPID: z.boolean().nullish(),
  shareProcessNamespace: z.boolean().nullish(),
  os: z.looseObject({ name: text }).nullish(),
  nodeSelector: z.record(text, text).nullish(),
  resources: z.unknown().optional(),
});
const metadata = z.looseObject({
  labels: z.record(text, text).nullish(),
  annotations: z.record(text, text).nullish(),
});
const pod = z.looseObject({ metadata, spec });

export type Pod = z.infer<typeof pod>;
export type Container = z.infer<typeof container>;
export type Volume = z.infer<typeof volume>;
export type Env = z.infer<typeof env>;
export type Mount = z.infer<typeof mount>;

/** Each is told of each backend. A node runs a hundred pods. */
const MOST_CONTAINERS = 256;

/** The pod as it was given, once it is known to be one; undefined: it is none, or far larger than any. */
export function parsePod(value: unknown): Pod | undefined {
  // Status and managed fields of a pod that runs are not read.
  if (!isRecord(value) || !isRecord(value.metadata)) return undefined;
  const { labels, annotations } = value.metadata;
  if (isTooLarge([labels, annotations, value.spec]) || !pod.safeParse(value).success) return undefined;
  return containersOf(value as Pod).length > MOST_CONTAINERS ? undefined : (value as Pod);
}

/** Every container, in the order in which the API server keeps them. */
export function containersOf(given: Pod): readonly Container[] {
  const { initContainers, containers, ephemeralContainers } = given.spec;
  return [...(initContainers ?? []), ...containers, ...(ephemeralContainers ?? [])];
}
