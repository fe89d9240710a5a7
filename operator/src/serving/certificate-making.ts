import { X509Certificate } from 'node:crypto';
import { dueNow, endOf, hostsOf, LEAF_MS, ROOT_MS, type CertificateState } from './certificate-state.ts';
import { makeCross, makeLeaf, makeRoot, type Authority } from './x509.ts';

/**
 * From when certificates hold, before now. It protects nobody, and a replica whose clock runs ahead would lock all others
 * out with one that does not hold yet.
 */
const BACKDATED_MS = 365 * 86_400_000;

/** The state in which nothing is due; the very same if nothing was. now: epoch milliseconds. */
export async function bringUpToDate(
  state: CertificateState | undefined,
  hosts: readonly string[],
  now: number,
): Promise<CertificateState> {
  if (state === undefined) return withLeaf(await firstRoot(now), hosts, now);
  const due = dueNow(state, hosts, now);
  if (due === 'nothing') return state;
  return withLeaf(due === 'root' ? await withRoot(state, now) : state, hosts, now);
}

async function firstRoot(now: number): Promise<CertificateState> {
  const root = await newRoot(now);
  return { roots: [new X509Certificate(root.certificate)], rootKey: root.key, crosses: [], leaf: undefined };
}

/**
 * The new root signs from now on. Who knows only the old one gets to it by the cross certificate, as long as the old one
 * lasts; the old one's key is dropped.
 */
async function withRoot(state: CertificateState, now: number): Promise<CertificateState> {
  const [old] = state.roots;
  const made = await newRoot(now);
  const root = new X509Certificate(made.certificate);
  if (old === undefined) return { ...state, roots: [root], rootKey: made.key };
  const validity = { from: now - BACKDATED_MS, to: endOf(old) };
  const cross = await makeCross(made.certificate, authorityOf(state), validity);
  return {
    ...state,
    roots: [root, ...state.roots],
    rootKey: made.key,
    crosses: [new X509Certificate(cross), ...state.crosses],
  };
}

const newRoot = (now: number): Promise<Authority> => {
  const moment = new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  return makeRoot(`articdbm root ${moment}`, { from: now - BACKDATED_MS, to: now + ROOT_MS });
};

/** A leaf by the root that signs; what has ended goes, the root that signs excepted. */
async function withLeaf(state: CertificateState, hosts: readonly string[], now: number): Promise<CertificateState> {
  const [signing] = state.roots;
  const lasts = (certificate: X509Certificate): boolean => endOf(certificate) > now;
  const validity = {
    from: now - BACKDATED_MS,
    to: Math.min(now + LEAF_MS, signing === undefined ? now : endOf(signing)),
  };
  const made = await makeLeaf(namesFor(state, hosts, now), authorityOf(state), validity);
  return {
    ...state,
    roots: state.roots.filter((root) => root === signing || lasts(root)),
    crosses: state.crosses.filter(lasts),
    leaf: { certificate: new X509Certificate(made.certificate), key: made.key },
  };
}

/**
 * In a rollout that changes the name, replicas of both names are there: each adds its own to what the other made, or they
 * would take turns for ever. When the time is up, what nobody asks for goes.
 */
function namesFor({ leaf }: CertificateState, hosts: readonly string[], now: number): readonly string[] {
  const fresh = leaf !== undefined && endOf(leaf.certificate) - now > LEAF_MS / 2;
  return [...new Set(fresh ? [...hosts, ...hostsOf(leaf.certificate)] : hosts)];
}

const authorityOf = ({ roots, rootKey }: CertificateState): Authority => ({
  certificate: roots[0]?.toString() ?? '',
  key: rootKey,
});
