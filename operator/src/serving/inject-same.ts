import { isEqual, fieldsOf } from './inject-equal.ts';
import type { Container, Env, Mount } from './inject-pod.ts';

/*
 * Whether a container is the sidecar that we would add now. Everything must be as we write it but for what clusters are
 * known to add to every container that passes, after us and before we look again: defaults of resources (LimitRange, VPA),
 * the image by way of a mirror or with its digest, the API server's own token, a cloud's workload identity.
 *
 * This keeps slips and other webhooks from weakening a sidecar. It is no lock against who makes the pod: such a one may run
 * any program with the account's token anyway, labelled or not, and gets what that account may have and no more.
 */

/** Compared apart below, or not at all. */
const APART: ReadonlySet<string> = new Set(['image', 'resources', 'volumeMounts', 'env']);

/** Variables of a cloud's identity webhooks. None of Node's, OpenSSL's, the loader's or ours is among them. */
const FOREIGN_ENV = /^(AWS|AZURE|GOOGLE|GCP|CLOUDSDK|ECS)_[A-Z0-9_]+$/;

/** The first field that is not ours, or undefined. */
export function strayFieldOf(ours: Container, found: Container): string | undefined {
  if (!isSameImage(ours.image ?? '', found.image ?? '')) return 'image';
  if (!areOursAndForeign(ours.volumeMounts ?? [], found.volumeMounts ?? [], isForeignMount)) return 'volumeMounts';
  if (!areOursAndForeign(ours.env ?? [], found.env ?? [], isForeignEnv)) return 'env';
  const names = new Set([...fieldsOf(ours), ...fieldsOf(found)].filter((name) => !APART.has(name)));
  return [...names].find((name) => !isEqual(ours[name], found[name]));
}

/** `registry.example/articdbm/proxy:1` may come from `mirror.local/cache/proxy:1@sha256:…`: name, tag and our digest stay. */
export function isSameImage(ours: string, found: string): boolean {
  const last = (image: string): string => image.slice(image.lastIndexOf('/') + 1);
  const [wanted, given] = [last(ours), last(found)];
  return given === wanted || (!wanted.includes('@') && given.replace(/@sha256:[0-9a-f]{64}$/, '') === wanted);
}

/** Each of ours once, and beside them nothing but what may be added. */
function areOursAndForeign<T>(ours: readonly T[], found: readonly T[], isForeign: (item: T) => boolean): boolean {
  const others = found.filter((item) => !ours.some((own) => isEqual(own, item)));
  return found.length - others.length === ours.length && others.every(isForeign);
}

function isForeignEnv({ name }: Env): boolean {
  return FOREIGN_ENV.test(name);
}

/** Nothing over the program or over our own folders. */
function isForeignMount({ mountPath, readOnly }: Mount): boolean {
  return readOnly === true && /^\/var\/run\/secrets\/[-A-Za-z0-9._/]+$/.test(mountPath) && !mountPath.includes('..');
}
