import type { LeaseStore } from '../runtime/election.ts';
import type { Clock } from '../runtime/clock.ts';

/** Where the replica that leads is asked. `none`: nobody leads, or nobody says where. */
export type LeaderAddress =
  | { readonly kind: 'self' }
  | { readonly kind: 'other'; readonly host: string; readonly port: number }
  | { readonly kind: 'none' };

/** A Lease that was read this long ago is believed: it changes hands once in a long while, and then asking again helps. */
const BELIEVED_MS = 1_000;

/** By the Lease, whose holder is `<pod or host>_<host:port>_<random>`. Rejects while the API server is away. */
export function leaderByLease(
  store: LeaseStore,
  identity: string,
  clock: Clock,
): (signal: AbortSignal) => Promise<LeaderAddress> {
  let known: { readonly at: number; readonly address: LeaderAddress } | undefined;
  return async (signal) => {
    const now = clock.now();
    if (known !== undefined && now - known.at < BELIEVED_MS) return known.address;
    const holder = (await store.read(signal))?.record.holder ?? '';
    const address = holder === identity ? ({ kind: 'self' } as const) : addressIn(holder);
    known = { at: now, address };
    return address;
  };
}

/** IPv6 in brackets, as in a URL. */
function addressIn(holder: string): LeaderAddress {
  const [, host, digits] = /^.+_(\[[0-9A-Fa-f:.]+\]|[^_:[\]]+):([0-9]{1,5})_[^_]+$/.exec(holder) ?? [];
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return { kind: 'none' };
  return { kind: 'other', host: host.replaceAll(/[[\]]/g, ''), port };
}
