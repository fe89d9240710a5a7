/** HOST:PORT, as flags, people and audit events have it. */

/**
 * As HOST of what is listened on: everywhere. That is `::`, which on Linux takes IPv4 too, where the machine has IPv6, and
 * 0.0.0.0 where it has none, so that one text does in every cluster.
 */
export const EVERYWHERE = '*';

/** For net.Server's listen, which does as EVERYWHERE says when it is given no host. */
export const hostToBind = (host: string): string | undefined => (host === EVERYWHERE ? undefined : host);

/** IPv6 in brackets. */
export const addressText = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;

/** A peer of IPv4 has a mapped address (RFC 4291 §2.5.5.2) where `::` is listened on; people know it by its own. */
export const plainHost = (address: string): string =>
  /^::ffff:([0-9]{1,3}(?:\.[0-9]{1,3}){3})$/i.exec(address)?.[1] ?? address;
