import type { OwnSecret } from '../keys/own-secret.ts';
import { firstReading, Reread } from '../keys/reread.ts';
import type { Clock, Random } from '../runtime/clock.ts';
import { bringUpToDate } from './certificate-making.ts';
import {
  bundleOf,
  CertificatesError,
  readState,
  writeState,
  type CertificateState,
  type Leaf,
} from './certificate-state.ts';

export interface CertificateOptions {
  readonly secret: OwnSecret;
  /** DNS names and IP addresses by which replicas are reached; the first is what replicas call each other. */
  readonly hosts: readonly [string, ...string[]];
  readonly clock: Clock;
  /** Epoch milliseconds. */
  readonly wall: () => number;
  readonly random: Random;
  /** Readings and writes that came to nothing; they are tried again. No error holds a key. */
  readonly onError: (error: unknown) => void;
  readonly rereadEvery?: number;
}

/** What the operator's servers show, and what others verify it by. */
export interface Certificates {
  /** For a server: PEM, the leaf and what leads from it to every root. */
  served(): { readonly cert: string; readonly key: string };
  /** PEM: every root, for the injector and for webhook configurations. */
  caBundle(): string;
  /** Epoch milliseconds at which the leaf ends: long before, another is served. */
  ends(): number;
  /** What replicas call each other in TLS. */
  readonly serverName: string;
  refresh(signal?: AbortSignal): Promise<unknown>;
  /** After a reading that found others than before. Returns the way to stop. */
  onChange(listener: () => void): () => void;
  stop(): void;
}

const ATTEMPTS = 10;

/**
 * Reads the Secret, makes in it what is due, and looks again every minute. Any replica does so: the write that comes first
 * takes effect, the others read it. While the API server is away it tries on. Throws CertificatesError where the root in
 * the Secret is not usable: it is never overwritten.
 */
export async function openCertificates(options: CertificateOptions, signal: AbortSignal): Promise<Certificates> {
  const { clock, random, onError, hosts, rereadEvery } = options;
  let held: CertificateState | undefined;
  const read = async (limit: AbortSignal): Promise<CertificateState> => (held = await readOrMake(options, held, limit));
  const first = await firstReading({ read, clock, onError }, (error) => error instanceof CertificatesError, signal);
  const reread = new Reread(first, {
    ...{ read, same: sameState, clock, random, onError },
    ...(rereadEvery === undefined ? {} : { every: rereadEvery }),
  });
  return {
    served: () => servedOf(reread.value),
    caBundle: () => bundleOf(reread.value.roots),
    ends: () => leafOf(reread.value).certificate.validToDate.getTime(),
    serverName: hosts[0],
    refresh: (limit) => reread.refresh(limit),
    onChange: (listener) => reread.onChange(listener),
    stop: () => reread.stop(),
  };
}

/**
 * held: what this replica has read before. It is put back into a Secret that has been emptied: pods that run were told of
 * that root, and of no other.
 */
async function readOrMake(
  { secret, hosts, wall }: CertificateOptions,
  held: CertificateState | undefined,
  signal: AbortSignal,
): Promise<CertificateState> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await secret.read(signal);
    const state = stateOf(found.data, secret);
    const next = await bringUpToDate(state ?? held, hosts, wall());
    if (next === state) return state;
    const written = await secret.write({ ...found.data, ...writeState(next) }, found, signal);
    if (written !== 'lost') return next;
  }
  throw new Error(`${secret.title} changed at every attempt to write it`);
}

function stateOf(data: Readonly<Record<string, Buffer>>, { title }: OwnSecret): CertificateState | undefined {
  try {
    return readState(data);
  } catch (error) {
    if (!(error instanceof CertificatesError)) throw error;
    throw new CertificatesError(
      `${title}: ${error.message}, so it is left alone. Put it back from a backup; or, if that is lost, stop the operator, ` +
        'empty the Secret and start it: it then makes a new root, and pods with a sidecar have to be made anew',
    );
  }
}

function leafOf({ leaf }: CertificateState): Leaf {
  if (leaf === undefined) throw new Error('certificates without a leaf were kept');
  return leaf;
}

function servedOf(state: CertificateState): { readonly cert: string; readonly key: string } {
  const { certificate, key } = leafOf(state);
  return { cert: bundleOf([certificate, ...state.crosses]), key };
}

const sameState = (one: CertificateState, other: CertificateState): boolean => {
  const texts = [one, other].map(({ roots, crosses, leaf }) =>
    bundleOf([...roots, ...crosses, ...(leaf === undefined ? [] : [leaf.certificate])]),
  );
  return texts[0] === texts[1];
};
